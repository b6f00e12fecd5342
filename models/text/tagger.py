"""A BiLSTM token tagger for named entities and slots (Huang et al. 2015, without the CRF).

One tag a token. A convolution in front sees a token's neighbours, which helps with unknown words.
"""

from __future__ import annotations

from edgeprune.data.synthetic_tags import synthetic_orders
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.architecture import Sizes
from edgeprune_models.entry import TrainingRecipe, ZooModel


def build(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """(length,) numbers -> 64-wide vectors -> conv 3 -> LSTM 64 both ways -> a tag for each token."""
    x = layers.SpatialDropout1D(0.3)(layers.Embedding(sizes.vocabulary, 64)(x))
    x = layers.Concatenate()([x, layers.Conv1D(64, 3, padding="same", activation="relu")(x)])
    x = layers.Bidirectional(layers.LSTM(64, return_sequences=True))(layers.Dropout(0.2)(x))
    return layers.Dense(sizes.classes, activation="softmax", name="output")(layers.Dropout(0.4)(x))


MODEL = ZooModel(
    "text-tagger", "text", "an LSTM both ways that tags every token (slots, entities)", build,
    synthetic_orders, TrainingRecipe(epochs=8, batch_size=128, learning_rate=5e-3, weight_decay=1e-3),
    # tfmot cannot mask what a recurrent layer reads: fading would only add an epoch.
    # As fast as from scratch, and longer: three slow epochs left it 2.5 points of F1 behind.
    fine_tuning={"gradual_epochs": 0, "epochs": 12, "learning_rate": 5e-3},
)
