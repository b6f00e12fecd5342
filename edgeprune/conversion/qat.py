"""Training with simulated int8 (tfmot), keeping what was pruned or shared.

Layers tfmot refuses (Conv1D, recurrent, attention, LayerNormalization, custom ones) stay float in
training and are quantized afterwards from calibration samples; they are named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeprune.conversion.options import TrainInPlace
from edgeprune.errors import InputError
from edgeprune.keras_bridge.clone import clone, derive
from edgeprune.keras_bridge.keras_version import is_keras3
from edgeprune.keras_bridge.silence import silence
from edgeprune.keras_bridge.tfmot import import_tfmot
from edgeprune.keras_types import KerasLayer, KerasModel

if TYPE_CHECKING:
    from tensorflow_model_optimization.quantization.keras import QuantizeRegistry, QuantizeScheme


def train_quantized(
    model: KerasModel, train: TrainInPlace, *, clusters: bool = False
) -> tuple[KerasModel, str]:
    """A copy of a tf_keras model, trained with simulated int8, and what to tell the user.

    `clusters` keeps shared weights shared.

    Raises:
        InputError: a Keras 3 model, or one tfmot knows no layer of.
    """
    if is_keras3(model):
        raise InputError(
            "Quantization-aware training cannot take this Keras 3 model.",
            "tfmot trains Keras 2 (tf_keras) models only.",
            "Load the model with tf_keras, or leave --qat out.",
        )
    refused: list[str] = []
    with silence():
        try:
            aware = _annotated(model, refused, clusters=clusters)
        except (ValueError, RuntimeError, TypeError, AttributeError, KeyError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise InputError(
                f"tfmot cannot prepare this model for quantization-aware training: {reason}",
                "A model that it can copy and wrap is expected, without Lambda layers.", "Leave --qat out.",
            ) from error
    train(aware)
    detail = f"Float in training, as tfmot refuses them: {', '.join(refused)}." if refused else ""
    return aware, detail


def _annotated(model: KerasModel, refused: list[str], *, clusters: bool) -> KerasModel:
    tfmot = import_tfmot()
    import tf_keras

    api = tfmot.quantization.keras
    combined = tfmot.experimental.combine
    scheme = (
        combined.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity=True)
        if clusters
        else combined.Default8BitPrunePreserveQuantizeScheme()
    )
    registry = api.default_8bit.Default8BitQuantizeScheme().get_quantize_registry()

    def annotate(layer: KerasLayer) -> KerasLayer:
        if isinstance(layer, tf_keras.layers.InputLayer):
            return layer
        # Recurrent cells are listed by tfmot and then fail to build.
        if _folds(layer) or (not isinstance(layer, tf_keras.layers.RNN) and registry.supports(layer)):
            return api.quantize_annotate_layer(layer)
        if layer.weights:
            refused.append(layer.name)
        return layer

    annotated = tf_keras.models.clone_model(clone(model), clone_function=annotate)
    aware = api.quantize_apply(annotated, _strict(scheme, registry))
    derive(aware)
    return aware


def _strict(scheme: QuantizeScheme, supported: QuantizeRegistry) -> QuantizeScheme:
    """Tfmot's preserving schemes claim to know all layers without weights, such as Rescaling, and fail."""
    make_registry = scheme.get_quantize_registry

    def get_quantize_registry() -> QuantizeRegistry:
        registry = make_registry()
        claims = registry.supports
        registry.supports = lambda layer: claims(layer) and supported.supports(layer)
        return registry

    scheme.get_quantize_registry = get_quantize_registry
    return scheme


def _folds(layer: KerasLayer) -> bool:
    """Whether a layer is a batch normalisation that tfmot folds into the layer before it."""
    if type(layer).__name__ != "BatchNormalization":
        return False
    before = layer.inbound_nodes[0].inbound_layers
    return type(before).__name__ in ("Conv2D", "DepthwiseConv2D", "Dense")
