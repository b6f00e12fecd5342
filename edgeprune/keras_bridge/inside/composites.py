"""Which layers of a model are opened: layers without a rule of their own, which may be made of others."""

from __future__ import annotations

from collections.abc import Iterator

from edgeprune.graph.model_graph import Layer
from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.inside.plain_layers import class_of_keras, is_merged, is_quantized
from edgeprune.keras_types import KerasLayer, KerasModel
from edgeprune.layers import has_rule
from edgeprune.layers.activation import ELEMENTWISE

_OPENED_OF_KERAS = ("Lambda", "SpectralNormalization", "ReversibleEmbedding")
"""Keras' own layers that show layers or operations when they are called; others of no rule stay closed."""
_ACTIVATED = (
    "Activation", "Dense", "EinsumDense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose",
    "Conv3DTranspose", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D",
)
"""Layers that end with their activation."""
_OPERATIONS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "InputLayer")


def sublayers(layer: KerasLayer) -> list[KerasLayer]:
    """The layers that a layer holds itself, each once; both Kerases."""
    held = getattr(layer, "_layers", None)
    waiting = list(held if held is not None else getattr(layer, "_self_tracked_trackables", ()))
    found: dict[nodes.Identity, KerasLayer] = {}
    while waiting:
        one = waiting.pop(0)
        if hasattr(one, "_inbound_nodes") and hasattr(one, "call"):
            found.setdefault(nodes.Identity(one), one)
        elif hasattr(one, "layers"):  # Keras 2 keeps lists and dictionaries as trackables of their own
            waiting.extend(one.layers)
    return list(found.values())


def all_layers(layer: KerasLayer) -> Iterator[KerasLayer]:
    """A layer and everything inside of it, each once."""
    seen: set[nodes.Identity] = set()
    waiting = [layer]
    while waiting:
        one = waiting.pop()
        if nodes.Identity(one) not in seen:
            seen.add(nodes.Identity(one))
            yield one
            waiting.extend(sublayers(one))


def is_opened(layer: KerasLayer) -> bool:
    """Whether a layer by itself says nothing of its channels; what its call does may."""
    kind, is_own = type(layer).__name__, _is_of_keras(type(layer).__module__)
    if not hasattr(layer, "weights") or kind in _OPERATIONS or class_of_keras(layer) is not None:
        return False
    if nodes.is_graph_model(layer):
        return _has_own_call(layer)
    if kind == "Sequential":
        return True
    if is_own:
        return kind in _OPENED_OF_KERAS
    return not has_rule(Layer(layer.name, kind, {}, module=type(layer).__module__))


def holds_opened(layer: KerasLayer) -> bool:
    """Whether a layer is opened or made plain, or a model holds one that is."""
    if is_opened(layer) or is_merged(layer) or is_quantized(layer) or has_own_activation(layer):
        return True
    return hasattr(layer, "layers") and any(holds_opened(one) for one in sublayers(layer))


def has_own_activation(layer: KerasLayer) -> bool:
    """Whether a layer of Keras ends with a function of the user's own, of which no rule can know."""
    function = getattr(layer, "activation", None)
    if function is None or type(layer).__name__ not in _ACTIVATED or not _is_of_keras(type(layer).__module__):
        return False
    name = getattr(function, "__name__", type(function).__name__)
    return not _is_of_keras(getattr(function, "__module__", "keras")) and name.lower() not in ELEMENTWISE


def _has_own_call(model: KerasModel) -> bool:
    """Whether a class that derives from a functional model computes in a ``call`` of its own."""
    owner = next(cls for cls in type(model).__mro__ if "call" in vars(cls))
    return not _is_of_keras(owner.__module__)


def _is_of_keras(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] in ("keras", "tf_keras")
