"""A learning rate for the length of a training."""

from __future__ import annotations

import math

_AT, _STEPS, _LARGEST = 5e-4, 150, 2e-3


def heuristic_learning_rate(steps: int) -> float:
    """Adam's peak learning rate for a training of `steps` whose rate falls to zero.

    A pruned network has to learn again: a small rate needs many steps for that, and a large one does not
    settle in few. Measured, best of 2e-4, 5e-4, 1e-3, 2e-3 and 4e-3 by validation loss: ResNet-8 without a
    quarter of its neurons 2e-4, 5e-4 and 1e-3 after 50, 150 and 350 steps; a convolutional network without
    half and without three quarters of them 2e-4, 2e-4 and 2e-3 after 50, 150 and 450 (1e-3 is nearly as
    good there), 2e-3 and 4e-3 after 1,350. So it grows with the square root of the steps, up to 2e-3.
    """
    return min(_AT * math.sqrt(max(steps, 1) / _STEPS), _LARGEST)
