"""A BiLSTM token tagger for named entities and slots (Huang et al. 2015, without the CRF).

One tag a token. A convolution in front sees a token's neighbours, which helps with unknown words.
"""

from __future__ import annotations

from typing import Any

from edgeprune.data.synthetic_tags import synthetic_orders
from edgeprune_models.architecture import keras
from edgeprune_models.entry import Recipe, ZooModel


def build(input_shape: tuple[int, ...], classes: int, seed: int, vocabulary: int = 0) -> Any:
    """(length,) numbers -> 64-wide vectors -> conv 3 -> LSTM 64 both ways -> a tag for each token."""
    tf_keras = keras(seed)
    layers = tf_keras.layers
    inputs = layers.Input(input_shape, dtype="int32")
    x = layers.SpatialDropout1D(0.3)(layers.Embedding(vocabulary, 64)(inputs))
    x = layers.Concatenate()([x, layers.Conv1D(64, 3, padding="same", activation="relu")(x)])
    x = layers.Bidirectional(layers.LSTM(64, return_sequences=True))(layers.Dropout(0.2)(x))
    outputs = layers.Dense(classes, activation="softmax", name="output")(layers.Dropout(0.4)(x))
    return tf_keras.Model(inputs, outputs, name="text_tagger")


MODEL = ZooModel(
    "text-tagger", "text", "an LSTM both ways that tags every token (slots, entities)", build,
    synthetic_orders, Recipe(epochs=8, batch_size=128, learning_rate=5e-3, weight_decay=1e-3),
    # tfmot cannot mask what a recurrent layer reads: fading would only add an epoch.
    # As fast as from scratch, and longer: three slow epochs left it 2.5 points of F1 behind.
    fine_tuning={"gradual_epochs": 0, "epochs": 12, "learning_rate": 5e-3},
)
