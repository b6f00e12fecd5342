"""A causal 1-D DS-CNN for streams: each frame's bands are channels, and no frame sees a later one.

Separable convolutions over time with dilations 1, 2, 4, 8 (compare TC-ResNet, Choi et al. 2019).
"""

from __future__ import annotations

from edgeprune.data.synthetic_speech import synthetic_commands
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.architecture import Sizes, classifier, normalized
from edgeprune_models.augmentation import SPEECH
from edgeprune_models.entry import TrainingRecipe, ZooModel


def build(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """(frames, bands) -> causal conv 5 -> 4 x (dilated depthwise, pointwise) -> mean over time -> classes."""
    x = normalized(layers, layers.Conv1D(64, 5, padding="causal", use_bias=False)(x))
    for dilation in (1, 2, 4, 8):
        x = layers.ZeroPadding1D((2 * dilation, 0))(x)
        x = normalized(layers, layers.SeparableConv1D(64, 3, dilation_rate=dilation, use_bias=False)(x))
        x = layers.Dropout(0.1)(x)
    x = layers.GlobalAveragePooling1D()(x)
    return classifier(layers, x, sizes.classes)


MODEL = ZooModel(
    "streaming-ds-cnn", "speech", "causal 1-D separable convolutions for streams", build, synthetic_commands,
    TrainingRecipe(epochs=12, batch_size=32, learning_rate=3e-3, augmentation=SPEECH),
)
