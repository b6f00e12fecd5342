"""A CRNN with CTC (Graves et al. 2006): strings of digits, with no word's place known.

The last class is CTC's blank. One output a 40 ms step; decode with `edgeprune.metrics.sequences.ctc_greedy`.
"""

from __future__ import annotations

from edgeprune.data.synthetic_speech import synthetic_digit_strings
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.architecture import Sizes, normalized
from edgeprune_models.entry import TrainingRecipe, ZooModel


def build(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """(frames, bands) -> conv 5 / 2 -> conv 5 -> GRU both ways -> softmax of classes + 1 a step."""
    for strides in (2, 1):
        x = layers.Conv1D(64, 5, strides, padding="same", use_bias=False)(x)
        x = layers.Dropout(0.1)(normalized(layers, x))
    x = layers.Bidirectional(layers.GRU(48, return_sequences=True))(x)
    return layers.Dense(sizes.classes + 1, activation="softmax", name="output")(layers.Dropout(0.2)(x))


MODEL = ZooModel(
    "ctc-crnn", "speech", "spoken digit strings: convolutions, a GRU both ways, CTC", build,
    synthetic_digit_strings, TrainingRecipe(epochs=25, batch_size=32, learning_rate=3e-3, loss="ctc"),
)
