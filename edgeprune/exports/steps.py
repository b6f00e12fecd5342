"""Preprocessing steps as generated code runs them, read from a manifest that nobody vouches for.

    {"op": "rescale", "scale": s, "offset": o}    Affine       x * s + o
    {"op": "standardize", "mean": m, "std": d}    Standardize  (x - m[i % len]) / d[i % len], i in the sample
    {"op": "reshape", …}                          nothing: values stay in their order
    {"op": "pcm_to_float"}                        PcmToFloat   x / 32768
    {"op": "pad_or_crop", "samples": n}           PadOrCrop
    {"op": "tokenize", …}                         Tokenize
    {"op": "log_mel", …}, {"op": "mfcc", …}       LogMel, Mfcc (`spectra`)

All in float32, in this order of operations, so that the same bits come out as of
`edgeprune.preprocessing`; spectra to float32 rounding. `resample` and picture steps are not generated.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edgeprune.errors import InputError
from edgeprune.exports.spectra import LogMel, Mfcc, read_log_mel, read_mfcc

_MAX = 1 << 24  # samples or tokens of one input


@dataclasses.dataclass(frozen=True)
class Affine:
    """``x * scale + offset``."""

    scale: float
    offset: float


@dataclasses.dataclass(frozen=True)
class Standardize:
    """``(x - mean) / std``, both repeated along the flat sample."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class PcmToFloat:
    """16-bit PCM to -1..1."""


@dataclasses.dataclass(frozen=True)
class PadOrCrop:
    """To `samples`, on both sides or at the end alone."""

    samples: int
    centre: bool


@dataclasses.dataclass(frozen=True)
class Tokenize:
    """Text to `length` token numbers."""

    kind: str
    length: int
    vocabulary: str
    keep_end: bool


Step = Affine | Standardize | PcmToFloat | PadOrCrop | Tokenize | LogMel | Mfcc


def read_step(step: Mapping[str, Any], shape: tuple[int, ...] | None) -> Step | None:
    """The step behind a manifest's mapping; None for one that leaves every value as it is.

    Args:
        step: ``{"op": …}``, one that `can_read` has accepted.
        shape: of one sample before the step, where it is known.

    Raises:
        InputError: an option that is missing or not of its kind.
    """
    row = _READERS[step["op"]]
    try:
        return None if row is None else row[1](step, shape)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"The preprocessing step {str(step)[:200]} cannot be read ({error}).", "",
            "Build the bundle again.",
        ) from error


def can_read(step: Mapping[str, Any]) -> bool:
    """Whether the step is one of this module's."""
    return step.get("op") in _READERS


def kind_of(step: Mapping[str, Any]) -> type | None:
    """The class that `read_step` gives for a step; None for one that leaves every value as it is."""
    row = _READERS[step["op"]]
    return None if row is None else row[0]


def _affine(step: Mapping[str, Any], shape: tuple[int, ...] | None) -> Step:
    del shape
    return Affine(float(step["scale"]), float(step.get("offset", 0.0)))


def _standardize(step: Mapping[str, Any], shape: tuple[int, ...] | None) -> Step:
    return Standardize(_repeated(step["mean"], shape), _repeated(step["std"], shape))


def _repeated(values: Any, shape: tuple[int, ...] | None) -> tuple[float, ...]:
    """What repeats along the flat sample when `values` stand along its last axes."""
    array = np.asarray(values, np.float32)
    while array.ndim and array.shape[0] == 1:
        array = array[0]
    if 1 in array.shape:
        if shape is None:
            raise ValueError("it broadcasts inside a sample of unknown shape")
        array = np.broadcast_to(array, shape)
    elif shape is not None and array.ndim:
        np.broadcast_to(array, shape)
    return tuple(float(value) for value in array.ravel())


def _pcm(step: Mapping[str, Any], shape: tuple[int, ...] | None) -> Step:
    del step, shape
    return PcmToFloat()


def _pad(step: Mapping[str, Any], shape: tuple[int, ...] | None) -> Step:
    del shape
    return PadOrCrop(_count(step["samples"]), step.get("align", "centre") == "centre")


def _tokenize(step: Mapping[str, Any], shape: tuple[int, ...] | None) -> Step:
    del shape
    if step["kind"] not in ("word", "char", "subword", "given", "keras"):
        raise ValueError("unknown kind")
    vocabulary, keep = str(step.get("vocabulary", "vocab.txt")), step.get("keep", "start")
    return Tokenize(step["kind"], _count(step["length"]), vocabulary, keep != "start")


def _count(value: Any) -> int:
    if type(value) is not int or not 0 < value <= _MAX:
        raise ValueError(f"{str(value)[:40]} is no number of samples")
    return value


_Reader = Callable[[Mapping[str, Any], tuple[int, ...] | None], Step]
_READERS: Mapping[str, tuple[type, _Reader] | None] = {
    "rescale": (Affine, _affine),
    "standardize": (Standardize, _standardize),
    "reshape": None,
    "pcm_to_float": (PcmToFloat, _pcm),
    "pad_or_crop": (PadOrCrop, _pad),
    "tokenize": (Tokenize, _tokenize),
    "log_mel": (LogMel, read_log_mel),
    "mfcc": (Mfcc, read_mfcc),
}
