"""The model that is really trained: the pruned one itself, or a copy of it in another precision or place."""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
from typing import TYPE_CHECKING, Any

from edgeprune.errors import InputError
from edgeprune.keras_bridge.derived import derive
from edgeprune.keras_bridge.flavour import is_keras3, keras_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclasses.dataclass(frozen=True, eq=False)
class Trainee:
    """`model` learns, `original` gets its weights."""

    original: Any
    model: Any
    strategy: Any = None

    def scope(self) -> Any:
        """The context in which variables of the training are made."""
        return self.strategy.scope() if self.strategy is not None else contextlib.nullcontext()

    def give_back(self) -> None:
        """Copies what was learned."""
        if self.model is not self.original:
            self.original.set_weights(self.model.get_weights())


@contextlib.contextmanager
def trainee(
    model: Any, freeze: Sequence[str], precision: str, strategy: Any, *, apart: bool = False
) -> Iterator[Trainee]:
    """A model to train, whose frozen layers are free again afterwards.

    Args:
        model: to give what was learned to.
        freeze: name patterns of layers that are not trained.
        precision: "float32", "bfloat16" or "float16".
        strategy: where to train; None for here.
        apart: train a copy in any case, so that penalties do not stay with the model.

    Raises:
        InputError: a pattern that no layer has.
    """
    frozen = frozen_layers(model, freeze)
    before = [(layer, layer.trainable) for layer in frozen]
    for layer in frozen:
        layer.trainable = False
    learner = model
    try:
        if apart or precision != "float32" or strategy is not None:
            with strategy.scope() if strategy is not None else contextlib.nullcontext():
                learner = _copy(model, precision)
        yield Trainee(model, learner, strategy)
    finally:
        for layer, trainable in before:
            layer.trainable = trainable


def frozen_layers(model: Any, patterns: Sequence[str]) -> list[Any]:
    """The layers that name patterns mean.

    Raises:
        InputError: a pattern that no layer has.
    """
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(layer.name, pattern) for layer in model.layers):
            raise InputError(
                f"--freeze {pattern} is no layer's name.",
                f"Layers are {', '.join(layer.name for layer in model.layers)}.",
            )
    return [
        layer for layer in model.layers
        if any(fnmatch.fnmatchcase(layer.name, pattern) for pattern in patterns)
    ]


def _copy(model: Any, precision: str) -> Any:
    """The same model with variables of its own, computing in `precision`; variables stay float32."""
    keras = keras_of(model)

    def again(layer: Any) -> Any:
        config = layer.get_config()
        if precision != "float32" and not isinstance(layer, keras.layers.InputLayer):
            policy = f"mixed_{precision}"
            config["dtype"] = keras.DTypePolicy(policy) if is_keras3(model) else policy
        return type(layer).from_config(config)

    copy = keras.models.clone_model(model, clone_function=again)
    copy.set_weights(model.get_weights())
    derive(copy)
    for mine, theirs in zip(copy.layers, model.layers, strict=True):
        mine.trainable = theirs.trainable
    return copy
