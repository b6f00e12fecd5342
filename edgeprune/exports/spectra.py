"""The speech front end as a generated step: `log_mel` and `mfcc` of `edgeprune.preprocessing.audio`.

Their FFT is a double precision one of its own, so that features agree with numpy's to float32 rounding,
not to the bit.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

_MAX_FRAME, _MAX_BANDS = 1 << 16, 1024


@dataclasses.dataclass(frozen=True)
class LogMel:
    """Clips to (frames, bands); see `edgeprune.preprocessing.audio.log_mel`."""

    rate: int
    length: int
    step: int
    bands: int
    lower_hz: float
    upper_hz: float
    floor: float

    def frames(self, samples: int) -> int:
        """Of a clip; 0 for one that is shorter than a frame."""
        return max(0, (samples - self.length) // self.step + 1)


@dataclasses.dataclass(frozen=True)
class Mfcc:
    """(frames, bands) to (frames, coefficients)."""

    bands: int
    coefficients: int


def read_log_mel(step: Mapping[str, Any], shape: tuple[int, ...] | None) -> LogMel:
    """The step behind a manifest's mapping, for clips of one axis.

    Raises:
        KeyError: an option is missing.
        ValueError: an option that cannot be, or clips of unknown length.
    """
    read = LogMel(
        _integer(step["sample_rate"], 1 << 20), _integer(step["frame_length"], _MAX_FRAME),
        _integer(step["frame_step"], _MAX_FRAME), _integer(step.get("mel_bands", 40), _MAX_BANDS),
        float(step.get("lower_hz", 20.0)), float(step.get("upper_hz", 4000.0)),
        float(step.get("floor", 1e-6)),
    )
    if not 0 <= read.lower_hz < read.upper_hz <= read.rate / 2 or not 0 < read.floor < math.inf:
        raise ValueError("its bands or its floor cannot be")
    if shape is None or len(shape) != 1 or not read.frames(shape[0]):
        raise ValueError("it needs clips of a known length and at least one frame")
    return read


def read_mfcc(step: Mapping[str, Any], shape: tuple[int, ...] | None) -> Mfcc:
    """The step behind a manifest's mapping; errors as of `read_log_mel`."""
    if shape is None or len(shape) != 2:
        raise ValueError("it needs frames of a known number of bands")
    return Mfcc(shape[1], _integer(step["coefficients"], shape[1]))


def _integer(value: Any, most: int) -> int:
    if type(value) is not int or not 0 < value <= most:
        raise ValueError(f"{str(value)[:40]} is not a whole number from 1 to {most}")
    return value
