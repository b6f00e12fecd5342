"""The zoo's text models; each takes token numbers (length,)."""

from __future__ import annotations

import functools

from edgeprune.data.text import movie_reviews, synthetic_orders
from edgeprune.keras_types import KerasModule, KerasTensor
from edgeprune_models.entry import Sizes, TrainingRecipe, ZooModel, classifier


def bag(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """A bag of embeddings: the mean of the words' vectors, then a dense layer (Iyyer et al. 2015; fastText).

    (length,) numbers -> 32-wide vectors -> mean without padding -> dense 32 -> classes.
    """
    x = layers.Embedding(sizes.vocabulary, 32, mask_zero=True)(x)
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling1D()(x))
    x = layers.Dropout(0.3)(layers.Dense(32, activation="relu")(x))
    return classifier(layers, x, sizes.classes)


BAG = ZooModel(
    "text-bag", "text", "the mean of word vectors, then a dense layer", bag, movie_reviews,
    TrainingRecipe(epochs=8, learning_rate=3e-3, weight_decay=1e-3),
)


def cnn(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """A text CNN (Kim 2014): convolutions over 3, 4 and 5 words side by side, the strongest match of each.

    (length,) numbers -> 48-wide vectors -> 3 x (conv, max over time) -> concatenate -> dense 64.
    """
    embedded = layers.SpatialDropout1D(0.2)(layers.Embedding(sizes.vocabulary, 48)(x))
    found = [
        layers.GlobalMaxPooling1D()(layers.Conv1D(48, width, activation="relu", padding="same")(embedded))
        for width in (3, 4, 5)
    ]
    x = layers.Dropout(0.4)(layers.Concatenate()(found))
    x = layers.Dropout(0.3)(layers.Dense(64, activation="relu")(x))
    return classifier(layers, x, sizes.classes)


# The default model trains while somebody waits: the last 128 words of 12,000 reviews are enough for it.
CNN = ZooModel(
    "text-cnn", "text", "convolutions over 3, 4 and 5 words, max over time", cnn,
    functools.partial(movie_reviews, length=128, keep="end", limit=12_000),
    TrainingRecipe(epochs=3, learning_rate=2e-3, weight_decay=1e-3),
)


def recurrent(layers: KerasModule, x: KerasTensor, sizes: Sizes, *, both_ways: bool) -> KerasTensor:
    """An LSTM read both ways or a GRU, and the maximum over time of the states.

    (length,) numbers -> 48-wide vectors -> LSTM 48 both ways or GRU 64 -> max over time -> dense 48.
    The maximum needs no mask, so that the runtime's fused LSTM fits.
    """
    x = layers.SpatialDropout1D(0.3)(layers.Embedding(sizes.vocabulary, 48)(x))
    if both_ways:
        x = layers.Bidirectional(layers.LSTM(48, return_sequences=True))(x)
    else:
        x = layers.GRU(64, return_sequences=True)(x)
    x = layers.Dropout(0.3)(layers.GlobalMaxPooling1D()(x))
    x = layers.Dropout(0.3)(layers.Dense(48, activation="relu")(x))
    return classifier(layers, x, sizes.classes)


_RECIPE = TrainingRecipe(epochs=4, learning_rate=3e-3, weight_decay=1e-3)
# tfmot cannot mask what a recurrent layer reads: fading would only add an epoch.
_FINE_TUNING = {"gradual_epochs": 0, "epochs": 6, "learning_rate": 3e-3}
_reviews = functools.partial(movie_reviews, length=128, keep="end", limit=8_000)
BILSTM = ZooModel(
    "text-bilstm", "text", "an LSTM read both ways", functools.partial(recurrent, both_ways=True), _reviews,
    _RECIPE, fine_tuning=_FINE_TUNING,
)
GRU = ZooModel(
    "text-gru", "text", "a GRU over word vectors", functools.partial(recurrent, both_ways=False), _reviews,
    _RECIPE, fine_tuning=_FINE_TUNING,
)


def transformer(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """A small Transformer encoder (Vaswani et al. 2017), two blocks that normalize first, mean over words.

    (length,) numbers -> vectors -> + depthwise 5 -> 2 x (attention, feed-forward) -> mean -> classes.
    """
    width, heads, inner, blocks = 64, 4, 128, 2
    x = layers.Embedding(sizes.vocabulary, width)(x)
    # A depthwise convolution tells words their neighbours: a place code that needs no layer of ours.
    x = layers.Add()([x, layers.DepthwiseConv1D(5, padding="same")(x)])
    for _ in range(blocks):
        normal = layers.LayerNormalization(epsilon=1e-6)(x)
        attended = layers.MultiHeadAttention(heads, width // heads)(normal, normal)
        x = layers.Add()([x, layers.Dropout(0.2)(attended)])
        wide = layers.Dense(inner, activation="relu")(layers.LayerNormalization(epsilon=1e-6)(x))
        x = layers.Add()([x, layers.Dropout(0.2)(layers.Dense(width)(wide))])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))
    return classifier(layers, layers.Dropout(0.3)(x), sizes.classes)


TRANSFORMER = ZooModel(
    "text-transformer", "text", "a Transformer encoder of two blocks, four heads", transformer, _reviews,
    TrainingRecipe(epochs=5, learning_rate=1e-3, weight_decay=1e-3),
)


def tagger(layers: KerasModule, x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """A BiLSTM token tagger for named entities and slots (Huang et al. 2015, without the CRF).

    (length,) numbers -> 64-wide vectors -> conv 3 -> LSTM 64 both ways -> a tag for each token.
    The convolution in front sees a token's neighbours, which helps with unknown words.
    """
    x = layers.SpatialDropout1D(0.3)(layers.Embedding(sizes.vocabulary, 64)(x))
    x = layers.Concatenate()([x, layers.Conv1D(64, 3, padding="same", activation="relu")(x)])
    x = layers.Bidirectional(layers.LSTM(64, return_sequences=True))(layers.Dropout(0.2)(x))
    return layers.Dense(sizes.classes, activation="softmax", name="output")(layers.Dropout(0.4)(x))


TAGGER = ZooModel(
    "text-tagger", "text", "an LSTM both ways that tags every token (slots, entities)", tagger,
    synthetic_orders, TrainingRecipe(epochs=8, batch_size=128, learning_rate=5e-3, weight_decay=1e-3),
    # tfmot cannot mask what a recurrent layer reads: fading would only add an epoch.
    # As fast as from scratch, and longer: three slow epochs left it 2.5 points of F1 behind.
    fine_tuning={"gradual_epochs": 0, "epochs": 12, "learning_rate": 5e-3},
)
