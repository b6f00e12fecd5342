"""MobileNetV1 at width 0.25 (Howard et al. 2017) and MobileNetV2 (Sandler et al. 2018) for small images.

Images below 64 pixels keep their size through the first layer, and MobileNetV2 steps down fewer times,
so that something is left to look at.
"""

from __future__ import annotations

import functools

from edgeprune.data.vision import digits
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.architecture import MOMENTUM, Sizes, classifier, normalized
from edgeprune_models.entry import TrainingRecipe, ZooModel

_relu6 = functools.partial(normalized, maximum=6.0)
_V1 = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
# expansion, filters at full width, repeats, strides
_V2 = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)


def build_v1(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """Image -> conv 8 -> 13 x (depthwise 3x3, pointwise) -> mean -> classes; a quarter of the widths."""
    first = _first_stride(x)
    x = _relu6(layers, layers.Conv2D(8, 3, first, padding="same", use_bias=False)(x))
    for filters, strides in _V1:
        x = _relu6(layers, layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x))
        x = _relu6(layers, layers.Conv2D(filters // 4, 1, use_bias=False)(x))
    x = layers.Dropout(0.1)(layers.GlobalAveragePooling2D()(x))
    return classifier(layers, x, sizes.classes)


def build_v2(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """Image -> conv 16 -> inverted residuals at half width -> conv 640 -> mean -> classes."""
    first = _first_stride(x)
    x = _relu6(layers, layers.Conv2D(16, 3, first, padding="same", use_bias=False)(x))
    for expansion, filters, repeats, strides in _V2:
        for repeat in range(repeats):
            step = strides if repeat == 0 and (first == 2 or filters in (32, 64, 160)) else 1
            x = _inverted_residual(layers, x, expansion, filters // 2, step)
    x = _relu6(layers, layers.Conv2D(640, 1, use_bias=False)(x))
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    return classifier(layers, x, sizes.classes)


def _inverted_residual(
    layers: KerasModule, x: KerasTensor, expansion: int, filters: int, strides: int
) -> KerasTensor:
    """Widen, filter each channel, narrow without activation; added to the input where shapes agree."""
    channels = x.shape[-1]
    y = x
    if expansion > 1:
        y = _relu6(layers, layers.Conv2D(expansion * channels, 1, use_bias=False)(y))
    y = _relu6(layers, layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(y))
    y = layers.BatchNormalization(momentum=MOMENTUM)(layers.Conv2D(filters, 1, use_bias=False)(y))
    return layers.Add()([x, y]) if strides == 1 and channels == filters else y


def _first_stride(image: KerasTensor) -> int:
    return 2 if image.shape[1] >= 64 else 1


_RECIPE = TrainingRecipe(epochs=12, learning_rate=3e-3, augmentation=({"op": "shift_image", "pixels": 2},))
V1 = ZooModel(
    "mobilenet-v1-025", "vision", "MobileNetV1 at width 0.25", build_v1, digits, _RECIPE,
    fine_tuning={"epochs": 6, "learning_rate": 2e-3},
)
V2 = ZooModel("mobilenet-v2", "vision", "MobileNetV2 at half width", build_v2, digits, _RECIPE)
