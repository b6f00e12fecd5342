"""What goes into and comes out of a conversion."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from edgeprune.errors import InputError
from edgeprune.keras_bridge.nodes import fits
from edgeprune.types import TensorInfo

Mode = Literal["int8", "int16x8", "dynamic", "float16", "none"]
Io = Literal["float", "int8"]
Route = Literal["tensorflow", "ai-edge-quantizer"]
Samples = tuple[npt.NDArray[np.generic], ...]
"""One array for each model input, samples along axis 0."""

MODES: tuple[Mode, ...] = ("int8", "int16x8", "dynamic", "float16", "none")
NEEDS_CALIBRATION: frozenset[Mode] = frozenset({"int8", "int16x8"})


@dataclasses.dataclass(frozen=True)
class Converted:
    """A `.tflite` file and what is inside, inputs and outputs in the Keras model's order as in the file."""

    tflite: bytes
    mode: Mode  # what was asked for
    route: Route  # what made it
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    operators: Mapping[str, int]  # how often each LiteRT operator occurs in the file
    notes: tuple[str, ...] = ()  # what differs from the request, in words; empty if nothing does


def as_samples(arrays: npt.ArrayLike | Sequence[npt.ArrayLike]) -> Samples:
    """A tuple of arrays, one for each input, from one array or several.

    Raises:
        InputError: the arrays do not hold the same number of samples, or none.
    """
    many = arrays if isinstance(arrays, (tuple, list)) else (arrays,)
    samples = tuple(np.asarray(array) for array in many)
    counts = {len(array) if array.ndim else 0 for array in samples}
    if len(counts) != 1 or 0 in counts:
        raise InputError(
            f"The calibration arrays hold {sorted(counts)} samples.",
            "Every input needs the same number of samples, at least one.",
            "Pass one array for each model input, samples first.",
        )
    return samples


def shapes_match(wanted: Sequence[tuple[int | None, ...]], found: Sequence[tuple[int, ...]]) -> bool:
    """Whether samples have the model's shapes; None is a size the model leaves open."""
    return len(wanted) == len(found) and all(map(fits, wanted, found))
