"""A learning rate for the length of a training, and for what is trained."""

from __future__ import annotations

import math

from edgeprune.keras_types import KerasModel

_AT, _STEPS, _LARGEST = 5e-4, 150, 2e-3
_RECURRENT = 3e-3


def learning_rate_for(model: KerasModel, steps: int) -> float:
    """Adam's peak learning rate for fine-tuning a model; see `heuristic_learning_rate`.

    What is left of a recurrent layer has to learn its dynamics anew, however few the steps are. Measured with
    a GRU of half width on IMDB, two epochs of 125 steps: 72.8 % at the heuristic's 6e-4, 83.7 % at 3e-3; the
    original has 81.4 %.
    """
    return _RECURRENT if is_recurrent(model) else heuristic_learning_rate(steps)


def is_recurrent(model: KerasModel) -> bool:
    """Whether a layer of the model keeps a state over time."""
    # Both Kerases' LSTM, GRU, SimpleRNN and RNN hold a cell; there is no public walk of all layers.
    return any(hasattr(layer, "cell") for layer in model._flatten_layers())  # noqa: SLF001


def heuristic_learning_rate(steps: int) -> float:
    """Adam's peak learning rate for a training of `steps` whose rate falls to zero.

    A pruned network has to learn again: a small rate needs many steps for that, and a large one does not
    settle in few. Measured, best of 2e-4, 5e-4, 1e-3, 2e-3 and 4e-3 by validation loss: ResNet-8 without a
    quarter of its neurons 2e-4, 5e-4 and 1e-3 after 50, 150 and 350 steps; a convolutional network without
    half and without three quarters of them 2e-4, 2e-4 and 2e-3 after 50, 150 and 450 (1e-3 is nearly as
    good there), 2e-3 and 4e-3 after 1,350. So it grows with the square root of the steps, up to 2e-3.
    """
    return min(_AT * math.sqrt(max(steps, 1) / _STEPS), _LARGEST)
