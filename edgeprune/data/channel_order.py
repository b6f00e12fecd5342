"""Where the channels of pictures stand: last, (H, W, 3), as in Keras, or first, (3, H, W), as in PyTorch.

Arrays come in either order, and a model may take either; the shapes tell. Where both orders fit, nothing but
the user can tell (--channels).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeprune.data.model_signature import InputSignature, Shape
from edgeprune.errors import InputError
from edgeprune.preprocessing import Step

FIRST_TO_LAST: Step = {"op": "transpose", "axes": [1, 2, 0]}
LAST_TO_FIRST: Step = {"op": "transpose", "axes": [2, 0, 1]}
AS_IT_IS: Step = {"op": "rescale", "scale": 1.0, "offset": 0.0}
"""Marks the place where values are scaled: there, channels are last."""
_COUNTS, _COLOURS = (1, 3, 4), (3, 4)


def takes_channels_first(shape: Shape) -> bool:
    """Whether a model's input of this shape is (C, H, W)."""
    return len(shape) == 3 and shape[0] in _COUNTS and shape[2] not in _COUNTS


def channels_of(shape: Shape) -> int:
    """How many channels pictures of a model's input have; 1 where it has no axis of them."""
    if len(shape) != 3:
        return 1
    return (shape[0] if takes_channels_first(shape) else shape[2]) or 1


def as_scaled(raw: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Raw pictures in the order in which `steps` scale them."""
    first = next(iter(steps), None)
    return raw.transpose(0, 2, 3, 1) if first == FIRST_TO_LAST and raw.ndim == 4 else raw


def order_steps(
    shape: tuple[int, ...], expected: InputSignature, stated: str, *, scaled: bool
) -> tuple[tuple[Step, ...], str]:
    """Steps that bring the channels of samples of `shape` to their place in the model, and what to tell.

    Args:
        stated: "first" or "last" as the user says, or "auto".
        scaled: whether colours may still have to be scaled one by one.

    Raises:
        InputError: both orders fit.
    """
    if len(shape) != 3 or len(expected.shape) != 3:
        return (), ""
    to_last = shape[0] in _COLOURS and expected.takes((shape[1], shape[2], shape[0]))
    to_first = shape[2] in _COLOURS and expected.takes((shape[2], shape[0], shape[1]))
    fits = expected.takes(shape)
    if fits and (to_last or to_first) and stated == "auto":
        first, last = f"(channels, {shape[1]}, {shape[2]})", f"({shape[0]}, {shape[1]}, channels)"
        raise InputError(
            f"Samples of the shape {shape} may be {first} or {last}.", f"The model takes {expected.shape}.",
            "Say which with --channels first or --channels last.",
        )
    if to_last and stated != "last" and (stated == "first" or not fits):
        return (FIRST_TO_LAST,), f"Channels come first in the data, {shape}: they are moved to the end."
    if to_first and stated != "first" and not fits:
        return (AS_IT_IS, LAST_TO_FIRST), "The model takes channels first: they are moved to the front."
    if fits and scaled and takes_channels_first(expected.shape) and shape[0] in _COLOURS:
        return (FIRST_TO_LAST, AS_IT_IS, LAST_TO_FIRST), ""
    return (), ""
