"""What a build starts from: a model and data, or where they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from edgeprune.keras_types import KerasModel
from edgeprune.pipeline.zoo import is_zoo


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """What a build starts from.

    Attributes:
        model: a trained Keras model or the path of one; ``zoo:NAME`` trains that model of the zoo, None
            the task's default.
        data: what to train and measure on (see `edgeprune.data.containers`), or where it is; None for the
            zoo's own. A generator is read once, when the build begins.
        custom_objects: the model's own layers, losses and metrics by name, or the module that holds them.
        trust_model: whether code in the model's file may run.
        trained: file of the zoo's model, where somebody has trained it already.
        metric: a function of the user's own, or its name; see `edgeprune.tasks.own_metric`.
        loss: as `compile` takes it, in place of the model's own.
        force: go on with a model that does no better than a constant answer.
    """

    model: KerasModel | Path | str | None = None
    data: object = None
    custom_objects: Mapping[str, object] | str = ""
    trust_model: bool = False
    trained: Path | None = None
    metric: object = None
    loss: object = None
    force: bool = False

    def load(self, path: Path) -> KerasModel:
        """Loads the user's model, or one that an earlier stage kept, with the classes that it needs.

        Raises:
            InputError: the file cannot be read, or there is no such module.
        """
        from edgeprune.keras_bridge.load import load_model

        return load_model(path, trust=self.trust_model, custom_objects=self._objects())

    def _objects(self) -> dict[str, object]:
        """The user's own classes and functions by name; the zoo's own losses for its models."""
        if is_zoo(self.model):
            from edgeprune_models.training import OWN_LOSSES

            return {loss.__name__: loss for loss in OWN_LOSSES}
        from edgeprune.keras_bridge.load import objects_of

        return objects_of(self.custom_objects)
