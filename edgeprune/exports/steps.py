"""Preprocessing steps as generated code runs them, read from a manifest that may hold anything.

    {"op": "resize", "height": h, "width": w}     Resize       a picture of bytes
    {"op": "letterbox", …, "fill": grey}          Letterbox    a picture of bytes
    {"op": "channels", "count": c}                Channels     a picture of bytes
    {"op": "reverse_channels"}                    ReverseChannels
    {"op": "transpose", "axes": [...]}            Transpose
    {"op": "rescale", "scale": s, "offset": o}    Affine       x * s + o
    {"op": "standardize", "mean": m, "std": d}    Standardize  (x - m[i % len]) / d[i % len], i in the sample
    {"op": "standardize_each"}                    StandardizeEach
    {"op": "reshape", …}                          nothing: values stay in their order
    {"op": "pcm_to_float"}                        PcmToFloat   x / 32768
    {"op": "pad_or_crop", "samples": n}           PadOrCrop
    {"op": "resample", "from_hz": a, "to_hz": b}  Resample
    {"op": "tokenize", …}                         Tokenize
    {"op": "log_mel", …}, {"op": "mfcc", …}       LogMel, Mfcc

In float32 and in the order of `edgeprune.preprocessing`, so that the same bits come out. Sums over a whole
picture, filters and spectra are in double precision: they agree with numpy's to float32 rounding.
`Pixels` and `Cast` are no steps of a manifest: between steps, they change what generated code holds.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeprune.errors import InputError

Options = Mapping[str, Any]
"""A step as the manifest has it, JSON values not yet checked."""
Shape = tuple[int, ...] | None
"""Of one sample; None where it is not known."""
_MAX = 1 << 24  # samples or tokens of one input
_MAX_FRAME, _MAX_BANDS = 1 << 16, 1024
_MAX_SIDE, _MAX_CHANNELS = 1 << 14, 1 << 10
_HIGHEST_HZ = 384_000


@dataclasses.dataclass(frozen=True)
class Resize:
    """A picture to `height` rows and `width` columns."""

    height: int
    width: int


@dataclasses.dataclass(frozen=True)
class Letterbox(Resize):
    """The same with its aspect ratio kept, between bars of the value `fill`."""

    fill: int


@dataclasses.dataclass(frozen=True)
class Channels:
    """A picture to `count` channels: grey to colour, or colour to grey."""

    count: int


@dataclasses.dataclass(frozen=True)
class Pixels:
    """The bytes of a picture that must have this size."""

    height: int
    width: int
    channels: int


@dataclasses.dataclass(frozen=True)
class Cast:
    """Whole numbers to floats of the same value."""


@dataclasses.dataclass(frozen=True)
class ReverseChannels:
    """RGB to BGR: the last axis, of size `channels`, backwards."""

    channels: int


@dataclasses.dataclass(frozen=True)
class Transpose:
    """A sample of the shape `sizes` with its axes in the order `axes`."""

    sizes: tuple[int, ...]
    axes: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class StandardizeEach:
    """Each sample by itself to mean 0 and deviation 1."""


@dataclasses.dataclass(frozen=True)
class Resample:
    """Audio at `from_hz` to `to_hz`."""

    from_hz: int
    to_hz: int

    def length(self, samples: int) -> int:
        """How many samples come out of `samples`."""
        common = math.gcd(self.from_hz, self.to_hz)
        return -(-samples * (self.to_hz // common) // (self.from_hz // common))


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


Step = (
    Resize | Letterbox | Channels | Pixels | Cast | ReverseChannels | Transpose | Affine | Standardize
    | StandardizeEach | PcmToFloat | PadOrCrop | Resample | Tokenize | LogMel | Mfcc
)
KEEPS_TYPE = (Resize, Letterbox, Channels, Pixels, ReverseChannels, Transpose, PadOrCrop)
"""Steps whose values are of the type that they were of."""


def read_step(step: Options, shape: Shape) -> Step | None:
    """The step behind a mapping of a kind in `READERS`; None for one that leaves every value as it is."""
    read = READERS[step["op"]]
    try:
        return None if read is None else read(step, shape)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        found = f"The preprocessing step {str(step)[:200]} cannot be read ({error})."
        raise InputError(found, "", "Build the bundle again.") from error


def _repeated(values: npt.ArrayLike, shape: Shape) -> tuple[float, ...]:
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


def _reverse(_: Options, shape: Shape) -> Step:
    if not shape:
        raise ValueError("it needs samples of a known shape")
    return ReverseChannels(shape[-1])


def _transpose(step: Options, shape: Shape) -> Step:
    axes = tuple(_integer(axis + 1, 8) - 1 for axis in step["axes"])
    if shape is None or sorted(axes) != list(range(len(shape))):
        raise ValueError("its axes are not those of samples of a known shape")
    return Transpose(tuple(shape), axes)


def _resample(step: Options, shape: Shape) -> Step:
    if shape is not None and len(shape) != 1:
        raise ValueError("it needs clips of one axis")
    return Resample(_integer(step["from_hz"], _HIGHEST_HZ), _integer(step["to_hz"], _HIGHEST_HZ))


def _pad(step: Options, _: Shape) -> Step:
    return PadOrCrop(_integer(step["samples"], _MAX), step.get("align", "centre") == "centre")


def _tokenize(step: Options, _: Shape) -> Step:
    if step["kind"] not in ("word", "char", "subword", "given", "keras"):
        raise ValueError("unknown kind")
    vocabulary, keep = str(step.get("vocabulary", "vocab.txt")), step.get("keep", "start")
    return Tokenize(step["kind"], _integer(step["length"], _MAX), vocabulary, keep != "start")


def _log_mel(step: Options, shape: Shape) -> Step:
    read = LogMel(
        _integer(step["sample_rate"], 1 << 20), _integer(step["frame_length"], _MAX_FRAME),
        _integer(step["frame_step"], _MAX_FRAME), _integer(step.get("mel_bands", 40), _MAX_BANDS),
        float(step.get("lower_hz", 20.0)), float(step.get("upper_hz", 4000.0)),
        float(step.get("floor", 1e-6)),
    )
    if not 0 <= read.lower_hz < read.upper_hz <= read.rate / 2 or not 0 < read.floor < math.inf:
        raise ValueError("its bands or its floor are impossible")
    if shape is None or len(shape) != 1 or not read.frames(shape[0]):
        raise ValueError("it needs clips of a known length and at least one frame")
    return read


def _mfcc(step: Options, shape: Shape) -> Step:
    if shape is None or len(shape) != 2:
        raise ValueError("it needs frames of a known number of bands")
    return Mfcc(shape[1], _integer(step["coefficients"], shape[1]))


def _byte(value: object) -> int:
    if type(value) is not int or not 0 <= value <= 255:
        raise ValueError(f"{str(value)[:40]} is not a whole number from 0 to 255")
    return value


def _integer(value: object, most: int) -> int:
    if type(value) is not int or not 0 < value <= most:
        raise ValueError(f"{str(value)[:40]} is not a whole number from 1 to {most}")
    return value


_Reader = Callable[[Options, Shape], Step]
READERS: Mapping[object, _Reader | None] = {
    "resize": lambda step, _: Resize(
        _integer(step["height"], _MAX_SIDE), _integer(step["width"], _MAX_SIDE)
    ),
    "letterbox": lambda step, _: Letterbox(
        _integer(step["height"], _MAX_SIDE), _integer(step["width"], _MAX_SIDE), _byte(step.get("fill", 0))
    ),
    "channels": lambda step, _: Channels(_integer(step["count"], _MAX_CHANNELS)),
    "reverse_channels": _reverse,
    "transpose": _transpose,
    "rescale": lambda step, _: Affine(float(step["scale"]), float(step.get("offset", 0.0))),
    "standardize": lambda step, shape: Standardize(
        _repeated(step["mean"], shape), _repeated(step["std"], shape)
    ),
    "standardize_each": lambda _step, _shape: StandardizeEach(),
    "reshape": None,
    "pcm_to_float": lambda _step, _shape: PcmToFloat(),
    "pad_or_crop": _pad,
    "resample": _resample,
    "tokenize": _tokenize,
    "log_mel": _log_mel,
    "mfcc": _mfcc,
}
"""By a mapping's ``op``: what makes the step; None where values stay as they are."""
