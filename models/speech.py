"""The zoo's speech models; each takes features (frames, bands), or (frames, bands, 1)."""

from __future__ import annotations

from edgeprune.data.synthetic_speech import synthetic_commands, synthetic_digit_strings
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.augmentation import SPEECH
from edgeprune_models.entry import Sizes, TrainingRecipe, ZooModel, as_image, classifier, normalized


def dnn(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """A fully connected network on all frames at once: three layers of 144 (Zhang et al. 2017, Hello Edge).

    (frames, bands) -> flatten -> 144 -> 144 -> 144 -> classes.
    """
    x = layers.Flatten()(x)
    for number in range(3):
        x = layers.Dense(144, activation="relu", name=f"dense_{number}")(x)
        x = layers.Dropout(0.2)(x)
    return classifier(layers, x, sizes.classes)


DNN = ZooModel(
    "speech-dnn", "speech", "three dense layers of 144 on all frames", dnn, synthetic_commands,
    TrainingRecipe(epochs=20, augmentation=SPEECH), fine_tuning={"epochs": 6},
)


def ds_cnn(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """MLPerf Tiny's keyword spotter, DS-CNN (Zhang et al. 2017): a convolution, then four separable blocks.

    (frames, bands) -> conv 10x4 / 2 -> 4 x (depthwise 3x3, pointwise) -> mean -> classes.
    MLPerf's MFCCs have 10 coefficients; on 20 and more bands the first convolution steps by 4 along them.
    """
    strides = (2, 4 if x.shape[2] >= 20 else 2)
    x = layers.Conv2D(64, (10, 4), strides, padding="same", use_bias=False)(as_image(layers, x))
    x = layers.Dropout(0.2)(normalized(layers, x))
    for _ in range(4):
        x = normalized(layers, layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x))
        x = normalized(layers, layers.Conv2D(64, 1, use_bias=False)(x))
    x = layers.Dropout(0.4)(layers.GlobalAveragePooling2D()(x))
    return classifier(layers, x, sizes.classes)


DS_CNN = ZooModel(
    "ds-cnn", "speech", "MLPerf Tiny's keyword spotter: depthwise separable convolutions", ds_cnn,
    synthetic_commands, TrainingRecipe(epochs=16, batch_size=32, learning_rate=3e-3, augmentation=SPEECH),
)


def crnn(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """A convolution over time and frequency, then a GRU over time (CRNN, Arik et al. 2017).

    (frames, bands) -> conv 10x4 / (2, 4) -> rows of features -> GRU 64 -> dense 64 -> classes.
    """
    x = layers.Conv2D(32, (10, 4), (2, 4), padding="same", use_bias=False)(as_image(layers, x))
    x = normalized(layers, x)
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
    x = layers.GRU(64)(layers.Dropout(0.2)(x))
    x = layers.Dropout(0.2)(layers.Dense(64, activation="relu")(x))
    return classifier(layers, x, sizes.classes)


CRNN = ZooModel(
    "crnn", "speech", "a convolution, then a GRU over time", crnn, synthetic_commands,
    TrainingRecipe(epochs=14, batch_size=32, learning_rate=2e-3, augmentation=SPEECH),
    fine_tuning={"epochs": 6, "learning_rate": 1e-3},
)


def streaming_ds_cnn(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """A causal 1-D DS-CNN for streams: each frame's bands are channels, and no frame sees a later one.

    (frames, bands) -> causal conv 5 -> 4 x (dilated depthwise, pointwise) -> mean over time -> classes.

    Separable convolutions over time with dilations 1, 2, 4, 8 (compare TC-ResNet, Choi et al. 2019).
    """
    x = normalized(layers, layers.Conv1D(64, 5, padding="causal", use_bias=False)(x))
    for dilation in (1, 2, 4, 8):
        x = layers.ZeroPadding1D((2 * dilation, 0))(x)
        x = normalized(layers, layers.SeparableConv1D(64, 3, dilation_rate=dilation, use_bias=False)(x))
        x = layers.Dropout(0.1)(x)
    return classifier(layers, layers.GlobalAveragePooling1D()(x), sizes.classes)


STREAMING_DS_CNN = ZooModel(
    "streaming-ds-cnn", "speech", "causal 1-D separable convolutions for streams", streaming_ds_cnn,
    synthetic_commands, TrainingRecipe(epochs=12, batch_size=32, learning_rate=3e-3, augmentation=SPEECH),
)


def ctc_crnn(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """A CRNN with CTC (Graves et al. 2006): strings of digits, with no word's place known.

    (frames, bands) -> conv 5 / 2 -> conv 5 -> GRU both ways -> softmax of classes + 1 a step.
    The last class is CTC's blank; `edgeprune.metrics.sequences.ctc_greedy` decodes. One output a 40 ms step.
    """
    for strides in (2, 1):
        x = layers.Conv1D(64, 5, strides, padding="same", use_bias=False)(x)
        x = layers.Dropout(0.1)(normalized(layers, x))
    x = layers.Bidirectional(layers.GRU(48, return_sequences=True))(x)
    return layers.Dense(sizes.classes + 1, activation="softmax", name="output")(layers.Dropout(0.2)(x))


CTC_CRNN = ZooModel(
    "ctc-crnn", "speech", "spoken digit strings: convolutions, a GRU both ways, CTC", ctc_crnn,
    synthetic_digit_strings, TrainingRecipe(epochs=25, batch_size=32, learning_rate=3e-3, loss="ctc"),
)
