"""A `TimeDistributed` around a whole model: what the reader makes of it, see `edgeprune.layers.steps`.

The same goes for one around a layer that is called outside of it too: two calls of one layer then share
its weights, as in the original.

Keras applies the model to one step after the other, or to all of them as one batch. That is the same
as long as the model neither remembers what it saw nor knows how many samples there are, and no mask
says which steps count.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from edgeprune.keras_bridge import nodes
from edgeprune.keras_types import KerasLayer, KerasModel, KerasTensor

MASKED = "applies a whole model to steps that a mask goes with"


class FoldSteps:
    """(N, T, …) to (N·T, …) in the type that the wrapper computes in; stands for a layer and its node."""

    is_input = False

    def __init__(self, wrapper: KerasLayer) -> None:
        self.wrapper = wrapper

    def get_config(self) -> dict[str, object]:
        """The wrapper's types; the rest of it holds the whole model."""
        return {"dtype": nodes.policy_of(self.wrapper)}

    def call(self, x: KerasTensor) -> KerasTensor:
        """Folds a framework tensor, which must carry no mask, as its symbol has none."""
        import tensorflow as tf

        if getattr(x, "_keras_mask", None) is not None:
            raise ValueError("a mask came with steps that were read without one")
        folded = tf.reshape(x, tf.concat([[-1], tf.shape(x)[2:]], 0))
        return tf.cast(folded, self.wrapper.compute_dtype) if folded.dtype.is_floating else folded

    __call__ = call


class UnfoldSteps:
    """(N·T, …), and what was folded, to (N, T, …)."""

    is_input = False

    def get_config(self) -> dict[str, object]:
        """Nothing."""
        return {}

    def call(self, x: KerasTensor, folded: KerasTensor) -> KerasTensor:
        """Unfolds a framework tensor."""
        import tensorflow as tf

        return tf.reshape(x, tf.concat([tf.shape(folded)[:2], tf.shape(x)[1:]], 0))

    __call__ = call


StandIn: TypeAlias = FoldSteps | UnfoldSteps


def is_at_each_step(operation: KerasLayer) -> bool:
    """Whether an object is Keras' own `TimeDistributed` around what can be inlined."""
    own = type(operation).__module__.split(".")[0] in ("keras", "tf_keras")
    if not own or type(operation).__name__ != "TimeDistributed":
        return False
    inner = operation.layer
    is_called = bool(inner._inbound_nodes)  # noqa: SLF001 - a wrapper makes no node of what it calls
    return is_called or nodes.is_graph_model(inner) or is_at_each_step(inner)


def innermost(wrapper: KerasLayer) -> KerasLayer:
    """The model or layer inside of wrappers around wrappers."""
    return innermost(wrapper.layer) if is_at_each_step(wrapper) else wrapper


def why_not_inlined(wrapper: KerasLayer) -> str:
    """Why what is at each step has to stay in its wrapper; empty where it need not.

    All calls of the wrapper count, for it is inlined at all of them or at none.
    """
    if is_given_mask(wrapper):
        return MASKED
    calls, model = list(_calls(wrapper)), innermost(wrapper)
    if any(training for _, training in calls):
        return "applies a whole model in training mode at each step"
    if any(len(tensors) != 1 for tensors, _ in calls) or not _is_one_to_one(model):
        return "applies a whole model with several inputs or outputs at each step"
    parts = model._flatten_layers() if hasattr(model, "_flatten_layers") else [model]  # noqa: SLF001
    if any(getattr(part, "stateful", False) for part in parts):
        return "applies a whole model that keeps a state from step to step"
    is_fixed = nodes.is_graph_model(model) and nodes.functional_part(model).inputs[0].shape[0] is not None
    return "applies a whole model that fixes the batch at each step" if is_fixed else ""


def _is_one_to_one(model: KerasModel) -> bool:
    """Whether a model takes one tensor and gives one, not in a list."""
    if not nodes.is_graph_model(model):
        return True
    inner = nodes.functional_part(model)
    return len(inner.inputs) == 1 and type(nodes.structure_of(inner, "outputs")).__name__ in nodes.SYMBOLS


def is_given_mask(operation: KerasLayer) -> bool:
    """Whether a mask goes into, or comes out of, any call of a layer or a model."""
    symbols = [one for tensors, _ in _calls(operation) for one in tensors]
    symbols += [one for node in operation._inbound_nodes for one in nodes.outputs_of(node)]  # noqa: SLF001
    return any(getattr(symbol, "_keras_mask", None) is not None for symbol in symbols)


def _calls(operation: KerasLayer) -> Iterator[tuple[list[KerasTensor], bool]]:
    """For each call the tensors that it was given, and whether it asks for training."""
    for node in operation._inbound_nodes:  # noqa: SLF001 - there is no public way
        if not node.is_input:
            args, kwargs = nodes.arguments_of(node)
            yield nodes.tensors_in((args, kwargs)), kwargs.get("training") is True
