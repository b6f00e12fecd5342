"""Layers that are random in training, and a model's predictions with them.

Least-squares reconstruction may lean on small differences of inputs that are nearly alike (the maximum over
time of a recurrent layer's states, say), with large weights of both signs. Dropout takes such differences
apart: the model predicts well, and loses it all in the first step of training. Its predictions with
stochastic layers on reveal that (dropout acts as a penalty on exactly such weights: Wager, Wang & Liang
2013, arXiv 1307.1493).
"""

from __future__ import annotations

import numpy as np

from edgeprune.keras_bridge.keras_version import keras_of
from edgeprune.keras_types import KerasLayer, KerasModel
from edgeprune.pruning.network import Data
from edgeprune.pruning.samples import arrays_of, count, take
from edgeprune.training.prediction import Predictions, as_predictions

_BATCH = 256


def has_stochastic_layers(model: KerasModel) -> bool:
    """Whether training sees a model differently from inference."""
    return any(map(_is_stochastic, model._flatten_layers()))  # noqa: SLF001 - no public walk of all layers


def _is_stochastic(layer: KerasLayer) -> bool:
    rates = [getattr(layer, name, None) for name in ("rate", "dropout", "recurrent_dropout", "stddev")]
    numbers = [rate for rate in rates if isinstance(rate, (int, float))]
    if numbers:
        return any(number > 0 for number in numbers)
    return hasattr(layer, "_random_generator") or hasattr(layer, "seed_generator")


def reseed(model: KerasModel, seed: int) -> None:
    """Makes what stochastic layers draw next the same in every run."""
    keras_of(model).utils.set_random_seed(seed)
    for place, layer in enumerate(model._flatten_layers()):  # noqa: SLF001 - no public walk of all layers
        # Keras 3 counts on in a variable that no file keeps.
        for generator in getattr(layer, "_seed_generators", ()):
            generator.state.assign(np.array([seed, place], np.uint32))


def predict_in_training(model: KerasModel, inputs: Data, seed: int) -> Predictions:
    """Predictions for inputs in memory with stochastic layers on; the model's weights stay as they are."""
    reseed(model, seed)
    before = model.get_weights()  # batch normalizations count along
    parts = []
    for start in range(0, count(inputs), _BATCH):
        some = take(inputs, slice(start, start + _BATCH))
        fed = some if isinstance(some, dict) or len(arrays_of(some)) > 1 else arrays_of(some)[0]
        parts.append(as_predictions(model, model(fed, training=True)))
    model.set_weights(before)
    return tuple(map(np.concatenate, zip(*parts, strict=True)))
