"""A CRNN with CTC (Graves et al. 2006): strings of digits, with no word's place known.

The last class is CTC's blank. One output a 40 ms step; decode with `edgeprune.metrics.sequences.ctc_greedy`.
"""

from __future__ import annotations

from typing import Any

from edgeprune.data.synthetic_speech import synthetic_digit_strings
from edgeprune_models.architecture import MOMENTUM, keras
from edgeprune_models.entry import Recipe, ZooModel


def build(input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> Any:
    """(frames, bands) -> conv 5 / 2 -> conv 5 -> GRU both ways -> softmax of classes + 1 a step."""
    del vocabulary
    tf_keras = keras(seed)
    layers = tf_keras.layers
    inputs = layers.Input(input_shape)
    x = inputs
    for strides in (2, 1):
        x = layers.Conv1D(64, 5, strides, padding="same", use_bias=False)(x)
        x = layers.Dropout(0.1)(layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM)(x)))
    x = layers.Bidirectional(layers.GRU(48, return_sequences=True))(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(classes + 1, activation="softmax", name="output")(x)
    return tf_keras.Model(inputs, outputs, name="ctc_crnn")


MODEL = ZooModel(
    "ctc-crnn", "speech", "spoken digit strings: convolutions, a GRU both ways, CTC", build,
    synthetic_digit_strings, Recipe(epochs=25, batch_size=32, learning_rate=3e-3, loss="ctc"),
)
