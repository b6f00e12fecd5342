"""The zoo's vision models; each takes an image (height, width, channels)."""

from __future__ import annotations

import functools

from edgeprune.data.vision import digits
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.entry import MOMENTUM, Sizes, TrainingRecipe, ZooModel, classifier, normalized

_SHIFT = ({"op": "shift_image", "pixels": 2},)


def digits_cnn(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """The default vision model: a small residual convolutional network for 28 x 28 digits.

    Image -> conv 32 / 2 -> conv 48 / 2 -> residual (conv 48) -> conv 64 -> flatten -> dense 64 -> classes.
    Large enough that a device feels the difference, small enough to train in half a minute on two cores.
    """

    def convolved(x: KerasTensor, filters: int, strides: int = 1) -> KerasTensor:
        return normalized(layers, layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x))

    x = convolved(convolved(x, 32, strides=2), 48, strides=2)
    x = layers.Add()([x, convolved(x, 48)])
    x = layers.Dropout(0.3)(layers.Flatten()(convolved(x, 64)))
    x = layers.Dense(64, activation="relu")(x)
    return classifier(layers, x, sizes.classes)


DIGITS_CNN = ZooModel(
    "digits-cnn", "vision", "residual convolutional network for 28 x 28 digits", digits_cnn, digits,
    TrainingRecipe(epochs=10, batch_size=128, learning_rate=4e-3, weight_decay=1e-3, augmentation=_SHIFT),
    input_names=("image",),
)


# LeNet-300-100 and LeNet-5 (LeCun et al. 1998), with ReLU and max pooling as they are used today.
def lenet_300_100(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """Image -> flatten -> dense 300 -> dense 100 -> classes."""
    x = layers.Flatten()(x)
    for width in (300, 100):
        x = layers.Dropout(0.2)(layers.Dense(width, activation="relu")(x))
    return classifier(layers, x, sizes.classes)


def lenet_5(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """Image -> conv 20, pool -> conv 50, pool -> dense 500 -> classes (Caffe's widths)."""
    for filters in (20, 50):
        x = layers.MaxPooling2D()(layers.Conv2D(filters, 5, activation="relu")(x))
    x = layers.Dropout(0.4)(layers.Dense(500, activation="relu")(layers.Flatten()(x)))
    return classifier(layers, x, sizes.classes)


LENET_300_100 = ZooModel(
    "lenet-300-100", "vision", "two dense layers of 300 and 100", lenet_300_100, digits,
    TrainingRecipe(epochs=25, learning_rate=2e-3, augmentation=_SHIFT),
    fine_tuning={"epochs": 12, "learning_rate": 2e-3},
)
LENET_5 = ZooModel(
    "lenet-5", "vision", "two convolutions with pooling, a dense layer", lenet_5, digits,
    TrainingRecipe(epochs=12, learning_rate=2e-3, augmentation=_SHIFT),
)


# MobileNetV1 at width 0.25 (Howard et al. 2017) and MobileNetV2 (Sandler et al. 2018) for small images.
# Images below 64 pixels keep their size through the first layer, and MobileNetV2 steps down fewer times,
# so that something is left to look at.
_relu6 = functools.partial(normalized, maximum=6.0)
_V1 = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
# expansion, filters at full width, repeats, strides
_V2 = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)


def mobilenet_v1(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """Image -> conv 8 -> 13 x (depthwise 3x3, pointwise) -> mean -> classes; a quarter of the widths."""
    first = _first_stride(x)
    x = _relu6(layers, layers.Conv2D(8, 3, first, padding="same", use_bias=False)(x))
    for filters, strides in _V1:
        x = _relu6(layers, layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x))
        x = _relu6(layers, layers.Conv2D(filters // 4, 1, use_bias=False)(x))
    x = layers.Dropout(0.1)(layers.GlobalAveragePooling2D()(x))
    return classifier(layers, x, sizes.classes)


def mobilenet_v2(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
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


_RECIPE = TrainingRecipe(epochs=12, learning_rate=3e-3, augmentation=_SHIFT)
MOBILENET_V1 = ZooModel(
    "mobilenet-v1-025", "vision", "MobileNetV1 at width 0.25", mobilenet_v1, digits, _RECIPE,
    fine_tuning={"epochs": 6, "learning_rate": 2e-3},
)
MOBILENET_V2 = ZooModel("mobilenet-v2", "vision", "MobileNetV2 at half width", mobilenet_v2, digits, _RECIPE)


def resnet8(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """ResNet-8, MLPerf Tiny's image classifier: three residual stages of 16, 32 and 64 channels.

    Image -> conv 16 -> stages (16, 32 / 2, 64 / 2), each two 3x3 convolutions and a shortcut -> mean.
    """
    import tf_keras

    def convolved(x: KerasTensor, filters: int, size: int, strides: int) -> KerasTensor:
        decay = tf_keras.regularizers.l2(1e-4)
        return layers.Conv2D(filters, size, strides, padding="same", kernel_regularizer=decay)(x)

    x = normalized(layers, convolved(x, 16, 3, 1))
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        inner = normalized(layers, convolved(x, filters, 3, strides))
        inner = layers.BatchNormalization(momentum=MOMENTUM)(convolved(inner, filters, 3, 1))
        shortcut = x if strides == 1 else convolved(x, filters, 1, strides)
        x = layers.ReLU()(layers.Add()([inner, shortcut]))
    return classifier(layers, layers.GlobalAveragePooling2D()(x), sizes.classes)


RESNET8 = ZooModel(
    "resnet-8", "vision", "MLPerf Tiny's image classifier, three residual stages", resnet8, digits, _RECIPE,
    fine_tuning={"epochs": 6, "learning_rate": 2e-3}, keras_name="resnet8",
)
