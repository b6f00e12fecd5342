"""A `TimeDistributed` around a whole model: what the reader makes of it, see `edgeprune.layers.steps`.

Keras applies the model to one step after the other, or to all of them as one batch. That is the same
as long as the model neither remembers what it saw nor knows how many samples there are, and no mask
says which steps count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeprune.keras_bridge.nodes import (
    SYMBOLS,
    arguments_of,
    functional_part,
    is_graph_model,
    map_tensors,
    outputs_of,
    policy_of,
    structure_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MASKED = "applies a whole model to steps that a mask goes with"


class FoldSteps:
    """(N, T, …) to (N·T, …) in the type that the wrapper computes in; stands for a layer and its node."""

    is_input = False

    def __init__(self, wrapper: Any) -> None:
        self.wrapper = wrapper

    def get_config(self) -> dict[str, Any]:
        """The wrapper's types; the rest of it holds the whole model."""
        return {"dtype": policy_of(self.wrapper)}

    def call(self, x: Any) -> Any:
        """Folds a framework tensor.

        Raises:
            ValueError: it carries a mask, though its symbol has none.
        """
        import tensorflow as tf

        if getattr(x, "_keras_mask", None) is not None:
            raise ValueError("a mask came with steps that were read without one")
        folded = tf.reshape(x, tf.concat([[-1], tf.shape(x)[2:]], 0))
        return tf.cast(folded, self.wrapper.compute_dtype) if folded.dtype.is_floating else folded

    __call__ = call


class UnfoldSteps:
    """(N·T, …), and what was folded, to (N, T, …)."""

    is_input = False

    def get_config(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def call(self, x: Any, folded: Any) -> Any:
        """Unfolds a framework tensor."""
        import tensorflow as tf

        return tf.reshape(x, tf.concat([tf.shape(folded)[:2], tf.shape(x)[1:]], 0))

    __call__ = call


def is_at_each_step(operation: Any) -> bool:
    """Whether an object is Keras' own `TimeDistributed` around a functional or sequential model."""
    own = type(operation).__module__.split(".")[0] in ("keras", "tf_keras")
    if not own or type(operation).__name__ != "TimeDistributed":
        return False
    return is_graph_model(operation.layer) or is_at_each_step(operation.layer)


def why_whole(wrapper: Any) -> str:
    """Why a model at each step has to stay as it is; empty where it need not.

    All calls of the wrapper count, for it is inlined at all of them or at none.
    """
    if is_given_mask(wrapper):
        return MASKED
    if any(training for _, training in _calls(wrapper)):
        return "applies a whole model in training mode at each step"
    model = wrapper.layer
    while not is_graph_model(model):
        model = model.layer
    inner = functional_part(model)
    is_one = len(inner.inputs) == 1 and type(structure_of(inner, "outputs")).__name__ in SYMBOLS
    if not is_one or any(len(tensors) != 1 for tensors, _ in _calls(wrapper)):
        return "applies a whole model with several inputs or outputs at each step"
    if inner.inputs[0].shape[0] is not None:
        return "applies a whole model that fixes the batch at each step"
    if any(getattr(part, "stateful", False) for part in model._flatten_layers()):  # noqa: SLF001 - both flavours
        return "applies a whole model that keeps a state from step to step"
    return ""


def is_given_mask(operation: Any) -> bool:
    """Whether a mask goes into, or comes out of, any call of a layer or a model."""
    symbols = [one for tensors, _ in _calls(operation) for one in tensors]
    symbols += [one for node in operation._inbound_nodes for one in outputs_of(node)]  # noqa: SLF001
    return any(getattr(symbol, "_keras_mask", None) is not None for symbol in symbols)


def _calls(operation: Any) -> Iterator[tuple[list[Any], bool]]:
    """For each call the tensors that it was given, and whether it asks for training."""
    for node in operation._inbound_nodes:  # noqa: SLF001 - there is no public way
        if not node.is_input:
            args, kwargs = arguments_of(node)
            tensors: list[Any] = []
            map_tensors((args, kwargs), tensors.append)
            yield tensors, kwargs.get("training") is True
