"""What a criterion may look at."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from edgeprune.pruning.network import Data, Network
    from edgeprune.pruning.observe import Moments
    from edgeprune.pruning.ranking import Ranking
    from edgeprune.pruning.units import Units


@dataclasses.dataclass(frozen=True)
class Scene:
    """The model, and data where there is some.

    Attributes:
        network: the original; a criterion leaves it as it is.
        units: its units.
        data: calibration samples, None where pruning is data-free.
        labels: of the samples, None where there are none.
        moments: what every linear read sees on the samples; empty without data.
        batch: samples that may be in memory at a time.
        seed: decides every random choice.
    """

    network: Network
    units: Units
    data: Data | None
    labels: np.ndarray | None
    moments: Sequence[Moments]
    batch: int
    seed: int


class Criterion(Protocol):
    """Ranks the units of every group."""

    def __call__(self, scene: Scene) -> Sequence[Ranking]:
        """One ranking for each group, in order."""


class Scorer(Protocol):
    """Scores every unit by itself; the lowest goes first."""

    def __call__(self, scene: Scene) -> np.ndarray:
        """(units.count,) not negative; comparable between groups where each has mean 1."""
