"""The zoo's models whose output is a picture of answers: segmentation and detection."""

from __future__ import annotations

from edgeprune.data.digit_canvas import detection_digits, segmentation_digits
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.entry import Sizes, TrainingRecipe, ZooModel, normalized


def unet(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """U-Net (Ronneberger et al. 2015): down to an eighth, and up again beside what was seen before.

    24, 48 and 96 channels at a half, a quarter and an eighth; the picture itself stands beside the last step.
    """

    def convolved(x: KerasTensor, filters: int, strides: int = 1) -> KerasTensor:
        return normalized(layers, layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x))

    half = convolved(convolved(x, 24, strides=2), 24)
    quarter = convolved(convolved(half, 48, strides=2), 48)
    y = convolved(convolved(quarter, 96, strides=2), 96)
    for seen, filters in ((quarter, 48), (half, 32), (x, 16)):
        y = layers.Conv2DTranspose(filters, 2, strides=2, use_bias=False)(y)
        y = convolved(layers.Concatenate()([y, seen]), filters)
    return layers.Conv2D(sizes.classes, 1, activation="softmax", name="output")(y)


def mobile_segmenter(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """MobileNet's blocks down to an eighth, then up by depthwise blocks beside what was seen before."""

    def block(x: KerasTensor, filters: int, strides: int = 1) -> KerasTensor:
        x = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x)
        x = normalized(layers, x)
        return normalized(layers, layers.Conv2D(filters, 1, use_bias=False)(x))

    half = normalized(layers, layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False)(x))
    quarter = block(block(half, 64, strides=2), 64)
    y = block(quarter, 128, strides=2)
    for _ in range(3):
        y = block(y, 128)
    for seen in (quarter, half):
        filters = seen.shape[-1]
        y = layers.UpSampling2D(interpolation="bilinear")(layers.Conv2D(filters, 1, use_bias=False)(y))
        y = block(layers.Add()([y, seen]), filters)
    y = normalized(layers, layers.Conv2DTranspose(16, 2, strides=2, use_bias=False)(y))
    y = layers.Concatenate()([y, x])
    return layers.Conv2D(sizes.classes, 3, padding="same", activation="softmax", name="output")(y)


def single_shot(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """A single-shot detector: one cell in 8 x 8 pixels speaks for the box whose centre lies in it.

    The heads are raw: `edgeprune.tasks.detection` makes boxes of them.
    """

    def convolved(x: KerasTensor, filters: int, strides: int = 1) -> KerasTensor:
        return normalized(layers, layers.Conv2D(filters, 3, strides, padding="same", use_bias=False)(x))

    x = convolved(x, 32, strides=2)
    x = convolved(x, 64, strides=2)
    x = convolved(convolved(x, 64), 128, strides=2)
    x = layers.Add()([x, convolved(x, 128)])
    x = layers.Dropout(0.1)(convolved(x, 128))
    return layers.Conv2D(4 + sizes.classes, 1, activation="sigmoid", name="output")(x)


UNET = ZooModel(
    "unet", "segmentation", "small U-Net, a class for each pixel", unet, segmentation_digits,
    TrainingRecipe(epochs=10, batch_size=32, learning_rate=4e-3),
    fine_tuning={"epochs": 5, "batch_size": 32, "learning_rate": 3e-3},
)
MOBILE_SEGMENTER = ZooModel(
    "mobile-segmenter", "segmentation", "MobileNet-style encoder and decoder, a class for each pixel",
    mobile_segmenter, segmentation_digits, TrainingRecipe(epochs=10, batch_size=32, learning_rate=6e-3),
    fine_tuning={"epochs": 6, "batch_size": 32, "learning_rate": 4e-3},
)
SINGLE_SHOT = ZooModel(
    "single-shot", "detection", "single-shot detector with raw heads", single_shot, detection_digits,
    TrainingRecipe(epochs=12, batch_size=32, learning_rate=3e-3, loss="boxes"),
    fine_tuning={"epochs": 10, "batch_size": 32, "learning_rate": 3e-3},
)
