"""The model that is really trained: the pruned one itself, or a copy in another precision or place."""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

from edgeprune.errors import InputError
from edgeprune.keras_bridge.clone import clone
from edgeprune.keras_bridge.keras_version import is_keras3, keras_of
from edgeprune.keras_bridge.nodes import structure_of
from edgeprune.keras_types import KerasLayer, KerasModel, Strategy


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingCopy:
    """`model` is trained, `original` receives its weights; both may be the same.

    `listed` is what is compiled and `fit` is called on: the same layers, with a list of outputs in place of a
    dictionary. Keras 2 takes no targets and losses by position for one, Keras 3 no sample weights. The model
    itself stays as it was compiled: a file of it holds neither the loss nor the optimizer of this training.
    """

    original: KerasModel
    model: KerasModel
    listed: KerasModel
    strategy: Strategy = None

    def copy_back(self) -> None:
        """Gives the trained weights to the original."""
        if self.model is not self.original:
            self.original.set_weights(self.model.get_weights())


@contextlib.contextmanager
def training_copy(
    model: KerasModel, freeze: Sequence[str], precision: str, strategy: Strategy, *, always: bool = False
) -> Iterator[TrainingCopy]:
    """A model to train, whose frozen layers are trainable again afterwards.

    `freeze` are name patterns of layers. It is a copy in any case if `always`, so that penalties do not stay
    with the model.
    """
    frozen = frozen_layers(model, freeze)
    before = [(layer, layer.trainable) for layer in frozen]
    for layer in frozen:
        layer.trainable = False
    trained = model
    try:
        with scope_of(strategy):  # the model that is compiled, too: Keras 2 remembers where it was made
            if always or precision != "float32" or strategy is not None:
                trained = _copy(model, precision)
            listed = _with_listed_outputs(trained)
        yield TrainingCopy(model, trained, listed, strategy)
    finally:
        for layer, trainable in before:
            layer.trainable = trainable


def frozen_layers(model: KerasModel, patterns: Sequence[str]) -> list[KerasLayer]:
    """The layers whose names match any of the patterns.

    Raises:
        InputError: a pattern that no layer has.
    """
    names, matched = [layer.name for layer in model.layers], set[str]()
    for pattern in patterns:
        found = [name for name in names if fnmatch.fnmatchcase(name, pattern)]
        if not found:
            layers = f"Layers are {', '.join(names)}."
            raise InputError(f"--freeze {pattern} matches no layer's name.", layers)
        matched.update(found)
    return [layer for layer in model.layers if layer.name in matched]


def _with_listed_outputs(model: KerasModel) -> KerasModel:
    outputs = structure_of(model, "outputs")
    several = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    if any(isinstance(one, (dict, list, tuple)) for one in several):
        outputs = list(model.outputs)
    return keras_of(model).Model(structure_of(model, "inputs"), outputs)


def scope_of(strategy: Strategy) -> AbstractContextManager[object]:
    """The context in which variables of the training are created."""
    scope: AbstractContextManager[object] = contextlib.nullcontext() if strategy is None else strategy.scope()
    return scope


def _copy(model: KerasModel, precision: str) -> KerasModel:
    """The same model with variables of its own, computing in `precision`; variables stay float32."""
    keras = keras_of(model)

    def again(layer: KerasLayer) -> KerasLayer:
        config = layer.get_config()
        if precision != "float32" and not isinstance(layer, keras.layers.InputLayer):
            policy = f"mixed_{precision}"
            config["dtype"] = keras.DTypePolicy(policy) if is_keras3(model) else policy
        return type(layer).from_config(config)

    copy = clone(model, again)
    for mine, theirs in zip(copy.layers, model.layers, strict=True):
        mine.trainable = theirs.trainable
    return copy
