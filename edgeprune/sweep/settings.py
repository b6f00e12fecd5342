"""What a sweep is asked to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgeprune.errors import InputError
from edgeprune.pipeline.zoo import is_zoo
from edgeprune.sweep.front import OBJECTIVES
from edgeprune.sweep.space import DEFAULT_SPACE, Space


@dataclasses.dataclass(frozen=True)
class Sweep:
    """What to search, and with what: model and data as ``build`` takes them, a space, other settings.

    Attributes:
        trials: builds in all, where the space has that many.
        storage: Optuna's URL; None for a file in the output folder.
        name: of the sweep in the storage.
        at_once: builds at the same time; None for one here, or one for each core of the cluster.
        ray: see `edgeprune.sweep.workers`.
        devices: a pool; each trial is measured on a free one, with its `python`.
        stop_early: whether trials that others are far ahead of end early.
    """

    model: str | None = None
    data: str | None = None
    space: Space = DEFAULT_SPACE
    fixed: Mapping[str, object] = dataclasses.field(default_factory=dict)
    objectives: Sequence[str] = tuple(OBJECTIVES)
    trials: int = 24
    storage: str | None = None
    name: str = "edgeprune"
    at_once: int | None = None
    ray: str | None = None
    devices: Sequence[str] = ("local",)
    custom_objects: str = ""
    trust_model: bool = False
    python: str | None = None
    stop_early: bool = True

    def check(self) -> None:
        """Refuses objectives, numbers, settings or a model that no sweep can work with."""
        unknown = [name for name in self.objectives if name not in OBJECTIVES]
        if unknown or not self.objectives or len(set(self.objectives)) < len(self.objectives):
            raise InputError(
                f"The objectives are {', '.join(self.objectives) or 'none'}.",
                f"Expected are some of {', '.join(OBJECTIVES)}, each once.",
            )
        if self.trials < 1 or (self.at_once is not None and self.at_once < 1):
            found = f"{self.trials} trials, {self.at_once} at once."
            raise InputError(found, "1 or more of both is expected.")
        both = sorted(set(self.fixed) & set(self.space.values))
        if both:
            raise InputError(f"{', '.join(both)} is both varied and fixed.", "One of the two.")
        if self.model is not None and not is_zoo(self.model) and not Path(self.model).exists():
            raise InputError(f"There is no model {self.model}.", "A trained Keras model.", "Check the path.")
