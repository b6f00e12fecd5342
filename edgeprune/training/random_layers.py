"""Layers that are random in training, and a model's outputs as training sees them.

A repair by least squares may lean on small differences of inputs that are nearly alike (the maximum over
time of a recurrent layer's states, say), with large weights of both signs. Dropout takes such differences
apart: the model answers well, and has forgotten all after the first step of training. Looked at as training
sees it, with its random layers on, it gives that away (dropout acts as a penalty on exactly such weights:
Wager, Wang & Liang 2013, arXiv 1307.1493).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.keras_bridge.flavour import keras_of
from edgeprune.pruning.samples import arrays_of, count, take
from edgeprune.training.goal import flat_outputs

if TYPE_CHECKING:
    from edgeprune.training.goal import Outputs

_BATCH = 256


def draws(layer: Any) -> bool:
    """Whether a layer is random in training."""
    rates = [getattr(layer, name, None) for name in ("rate", "dropout", "recurrent_dropout", "stddev")]
    numbers = [rate for rate in rates if isinstance(rate, (int, float))]
    if numbers:
        return any(number > 0 for number in numbers)
    return hasattr(layer, "_random_generator") or hasattr(layer, "seed_generator")


def is_random(model: Any) -> bool:
    """Whether training sees a model differently from inference."""
    return any(map(draws, model._flatten_layers()))  # noqa: SLF001 - there is no public walk of all layers


def reseed(model: Any, seed: int) -> None:
    """Makes what random layers draw next the same in every run."""
    keras_of(model).utils.set_random_seed(seed)
    layers = list(model._flatten_layers())  # noqa: SLF001 - there is no public walk of all layers
    for place, layer in enumerate(layers):
        # Keras 3 counts on in a variable that no file keeps.
        for generator in getattr(layer, "_seed_generators", ()):
            generator.state.assign(np.array([seed, place], np.uint32))


def predict_as_trained(model: Any, inputs: Any, seed: int) -> Outputs:
    """A Keras model's outputs with its random layers on; its weights stay as they are.

    Args:
        model: any.
        inputs: an array, or several; in memory.
        seed: of what the layers draw.
    """
    reseed(model, seed)
    before = model.get_weights()  # batch normalizations count along
    parts = []
    for start in range(0, count(inputs), _BATCH):
        some = take(inputs, slice(start, start + _BATCH))
        fed = some if isinstance(some, dict) or len(arrays_of(some)) > 1 else arrays_of(some)[0]
        parts.append(flat_outputs(model, model(fed, training=True)))
    model.set_weights(before)
    return tuple(np.concatenate(several) for several in zip(*parts, strict=True))
