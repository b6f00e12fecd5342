"""Takes the TF Model Optimization toolkit's wrappers off a Keras 2 model: pruning, clustering, quantization.

Zeros and clusters stay in the weights. Quantization-aware training leaves its rounding behind: the model is
quantized anew after pruning.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from edgeprune.errors import not_installed
from edgeprune.install_source import install_command
from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.keras_version import is_keras3
from edgeprune.keras_bridge.tfmot import import_tfmot
from edgeprune.keras_types import KerasLayer, KerasModel

PRUNED, CLUSTERED = ("PruneLowMagnitude",), ("ClusterWeights", "ClusterWeightsMHA")
QUANTIZED = ("QuantizeWrapper", "QuantizeWrapperV2", "QuantizeAnnotate")
WRAPPERS = (*PRUNED, *CLUSTERED, *QUANTIZED, "QuantizeLayer")


def wrapper_kinds(model: KerasModel) -> list[str]:
    """Which wrappers a model has, each once."""
    if is_keras3(model) or not nodes.is_graph_model(model):
        return []
    return list(dict.fromkeys(type(one).__name__ for one in _layers(model) if type(one).__name__ in WRAPPERS))


def unwrapped(model: KerasModel) -> KerasModel:
    """A copy without wrappers, of the same weights."""
    try:
        tfmot = import_tfmot()
    except ImportError as error:
        raise not_installed(
            "This model's wrappers need the TF Model Optimization toolkit", install_command("host")
        ) from error
    kinds = wrapper_kinds(model)
    if any(kind in PRUNED for kind in kinds):
        model = tfmot.sparsity.keras.strip_pruning(model)
    if any(kind in CLUSTERED for kind in kinds):
        model = tfmot.clustering.keras.strip_clustering(model)
    return _dequantized(model) if any(kind in (*QUANTIZED, "QuantizeLayer") for kind in kinds) else model


@contextlib.contextmanager
def wrapper_classes() -> Iterator[None]:
    """Lets Keras 2 find the toolkit's classes by name; does nothing where it is not installed."""
    try:
        tfmot = import_tfmot()
    except ImportError:
        yield
        return
    with tfmot.sparsity.keras.prune_scope(), tfmot.clustering.keras.cluster_scope(), \
            tfmot.quantization.keras.quantize_scope():
        yield


def _layers(model: KerasModel) -> Iterator[KerasLayer]:
    for layer in model.layers:
        yield layer
        if nodes.is_graph_model(layer):
            yield from _layers(layer)


def _activation(function: KerasLayer) -> KerasLayer:
    """The activation that was asked for, inside of tfmot's; the one that does nothing is linear."""
    import tf_keras

    while hasattr(function, "activation"):
        function = function.activation
    is_none = type(function).__name__ == "NoOpActivation"
    return tf_keras.activations.linear if is_none else function


def _dequantized(model: KerasModel) -> KerasModel:
    """A copy in which each quantized layer is the layer inside, with its own activation."""
    import tf_keras

    made: list[tuple[KerasLayer, KerasLayer]] = []

    def plain(layer: KerasLayer) -> KerasLayer:
        if nodes.is_graph_model(layer):
            return _dequantized(layer)
        if type(layer).__name__ == "QuantizeLayer":
            return tf_keras.layers.Activation("linear", name=layer.name)
        inner = layer.layer if type(layer).__name__ in QUANTIZED else layer
        config = inner.get_config()
        function = getattr(inner, "activation", None)
        if type(function).__module__.startswith("tensorflow_model_optimization"):
            config["activation"] = tf_keras.activations.serialize(_activation(function))
        copy = type(inner).from_config(config)
        made.append((layer, copy))
        return copy

    copy = tf_keras.models.clone_model(model, clone_function=plain)
    for old, new in made:  # a wrapper keeps the kernel to itself, and adds ranges of its own
        named = {_short(weight.name): weight for weight in old.weights}
        new.set_weights([named[_short(weight.name)].numpy() for weight in new.weights])
    return copy


def _short(name: str) -> str:
    return name.rsplit("/", maxsplit=1)[-1]
