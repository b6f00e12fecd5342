"""MLPerf Tiny's keyword spotter, DS-CNN (Zhang et al. 2017): a convolution, then four separable blocks."""

from __future__ import annotations

from typing import Any

from edgeprune.data.synthetic_speech import synthetic_commands
from edgeprune_models.architecture import MOMENTUM, as_image, classifier, keras
from edgeprune_models.augmentation import SPEECH
from edgeprune_models.entry import Recipe, ZooModel

FILTERS = 64


def build(input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> Any:
    """(frames, bands) -> conv 10x4 / 2 -> 4 x (depthwise 3x3, pointwise) -> mean -> classes.

    MLPerf's MFCCs have 10 coefficients; on 20 and more bands the first convolution steps by 4 along them.
    """
    del vocabulary
    tf_keras = keras(seed)
    layers = tf_keras.layers

    def normalized(x: Any) -> Any:
        return layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM)(x))

    inputs = layers.Input(input_shape)
    strides = (2, 4 if input_shape[1] >= 20 else 2)
    image = as_image(layers, inputs)
    x = normalized(layers.Conv2D(FILTERS, (10, 4), strides, padding="same", use_bias=False)(image))
    x = layers.Dropout(0.2)(x)
    for _ in range(4):
        x = normalized(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x))
        x = normalized(layers.Conv2D(FILTERS, 1, use_bias=False)(x))
    x = layers.Dropout(0.4)(layers.GlobalAveragePooling2D()(x))
    return tf_keras.Model(inputs, classifier(layers, x, classes), name="ds_cnn")


MODEL = ZooModel(
    "ds-cnn", "speech", "MLPerf Tiny's keyword spotter: depthwise separable convolutions", build,
    synthetic_commands, Recipe(epochs=16, batch_size=32, learning_rate=3e-3, augmentation=SPEECH),
)
