"""MLPerf Tiny's keyword spotter, DS-CNN (Zhang et al. 2017): a convolution, then four separable blocks."""

from __future__ import annotations

from edgeprune.data.synthetic_speech import synthetic_commands
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.architecture import Sizes, as_image, classifier, normalized
from edgeprune_models.augmentation import SPEECH
from edgeprune_models.entry import TrainingRecipe, ZooModel

FILTERS = 64


def build(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """(frames, bands) -> conv 10x4 / 2 -> 4 x (depthwise 3x3, pointwise) -> mean -> classes.

    MLPerf's MFCCs have 10 coefficients; on 20 and more bands the first convolution steps by 4 along them.
    """
    strides = (2, 4 if x.shape[2] >= 20 else 2)
    x = layers.Conv2D(FILTERS, (10, 4), strides, padding="same", use_bias=False)(as_image(layers, x))
    x = normalized(layers, x)
    x = layers.Dropout(0.2)(x)
    for _ in range(4):
        x = normalized(layers, layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x))
        x = normalized(layers, layers.Conv2D(FILTERS, 1, use_bias=False)(x))
    x = layers.Dropout(0.4)(layers.GlobalAveragePooling2D()(x))
    return classifier(layers, x, sizes.classes)


MODEL = ZooModel(
    "ds-cnn", "speech", "MLPerf Tiny's keyword spotter: depthwise separable convolutions", build,
    synthetic_commands, TrainingRecipe(epochs=16, batch_size=32, learning_rate=3e-3, augmentation=SPEECH),
)
