"""One input of a model: what the caller hands over, and the generated steps from there to the tensor.

    raw sample --steps--> tensor        text       String    --Tokenize-->  tokens
                                        picture    Picture   --Resize, Channels, Pixels, Cast, …-->  floats
                                        audio      16 bits   --PcmToFloat, LogMel, …-->  floats

A step that a language has no code for is refused: an app that left it out would get answers, wrong ones.
"""

import dataclasses
import enum
import math
from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune.bundle import Bundle
from edgeprune.errors import InputError
from edgeprune.exports import steps
from edgeprune.exports.steps import Step
from edgeprune.types import TensorInfo

QUANTIZED = ("int8", "uint8", "int16")
REBUILD = "Build the bundle again."
_PICTURE = (steps.Resize, steps.Channels)


class RawType(str, enum.Enum):
    """What a caller hands over for one input."""

    TEXT = "text"
    PICTURE = "picture of bytes"
    PCM = "16-bit PCM"
    BYTES = "unsigned bytes"
    FLOATS = "floats"
    INT32 = "int32 numbers"
    INT64 = "int64 numbers"


@dataclasses.dataclass(frozen=True)
class InputPlan:
    """One input of the model: the caller hands over `raw` values.

    Those are flat and row-major, `length` of them; None where any will do (text, pictures, audio that is
    cut). `shape` is a raw sample's, for the reader; `floats` tells whether floats reach the tensor.
    """

    tensor: TensorInfo
    name: str
    raw: RawType
    length: int | None
    shape: tuple[int, ...] | None
    steps: tuple[Step, ...]
    floats: bool

    @property
    def size(self) -> int:
        """Elements of the tensor."""
        return math.prod(self.tensor.shape)

    @property
    def quantized(self) -> bool:
        """Whether float values become integers at the end."""
        return self.floats and bool(self.tensor.scale) and self.tensor.dtype in QUANTIZED


@dataclasses.dataclass
class _Chain:
    """Steps as they are collected: what values are now (a `RawType`), and a sample's shape if known."""

    raw: RawType
    values: RawType
    shape: tuple[int, ...] | None
    made: list[Step] = dataclasses.field(default_factory=list)

    def add(self, mapping: Mapping[str, object]) -> None:
        op = mapping.get("op")
        if op not in steps.READERS:
            raise _no_code(op)
        step = steps.read_step(mapping, self.shape)
        if isinstance(step, _PICTURE):
            self._picture(step)
        elif step is not None:
            self._step(step)
        self.shape = _after(mapping, step, self.shape)

    def _step(self, step: Step) -> None:
        if isinstance(step, steps.Tokenize) != (self.values is RawType.TEXT) or (self.made and self.tokens):
            found = f"The bundle's preprocessing step {type(step).__name__} is given what it cannot read."
            raise InputError(found, "Text is tokenized first, and tokens stay as they are.", REBUILD)
        if self.values is RawType.PICTURE:
            self._pixels()
        if isinstance(step, steps.PcmToFloat):
            if self.values is not RawType.PCM:
                self.cast()
                return
            self.values = RawType.FLOATS
        elif not isinstance(step, steps.KEEPS_TYPE) and not isinstance(step, steps.Tokenize):
            self.cast()
        self.made.append(step)

    def _picture(self, step: steps.Resize | steps.Channels) -> None:
        if self.values is RawType.PICTURE:
            self.made.append(step)
            return
        shape = self.shape
        if shape is None or len(shape) != 3 or _shape_after(step, shape) != shape:
            raise InputError(
                f"The bundle's preprocessing changes pictures of {self.values.value}.",
                "Generated code resizes pictures of bytes, before any other step.", REBUILD,
            )

    def _pixels(self) -> None:
        if self.shape is None:
            raise InputError("The bundle does not tell how large its pictures are.", "", REBUILD)
        height, width, channels = self.shape
        self.made.append(steps.Pixels(height, width, channels))
        self.values = RawType.BYTES

    def cast(self) -> None:
        """Whole numbers to floats."""
        if self.values in (RawType.BYTES, RawType.PCM):
            self.made.append(steps.Cast())
            self.values = RawType.FLOATS

    def finish(self, tensor: TensorInfo) -> None:
        """To what the tensor takes: bytes and 16 bits stay where it is of them."""
        if self.values is RawType.PICTURE:
            self._pixels()
        same = {RawType.BYTES: "uint8", RawType.PCM: "int16"}.get(self.values)
        if same is not None and tensor.dtype != same:
            self.cast()

    @property
    def tokens(self) -> bool:
        return isinstance(self.made[0], steps.Tokenize)


def input_plan(bundle: Bundle, index: int, name: str, sample: np.ndarray | None) -> InputPlan:
    """Plan an input whose tensor was checked, by raw samples (N, …).

    Raises:
        InputError: a step that has no generator, or that does not fit the input.
    """
    mine = [step for step in bundle.manifest.preprocessing if step.get("input", index) == index]
    return planned(bundle, mine, bundle.manifest.inputs[index], name, sample)


def planned(
    bundle: Bundle, mine: Sequence[Mapping[str, object]], tensor: TensorInfo, name: str,
    sample: np.ndarray | None,
) -> InputPlan:
    """The same for any tensor that these steps lead to."""
    raw = _raw(mine, tensor, sample)
    given = None if sample is None else sample.shape[1:]
    if given is None and raw in (RawType.BYTES, RawType.FLOATS, RawType.INT32, RawType.INT64) and not mine:
        given = tensor.shape[1:]
    chain = _Chain(raw, raw, given)
    for mapping in mine:
        chain.add(mapping)
    chain.finish(tensor)
    _check(bundle, tensor, chain)
    kept = chain.made
    free = raw in (RawType.TEXT, RawType.PICTURE) or any(isinstance(one, steps.PadOrCrop) for one in kept)
    if free:
        return InputPlan(tensor, name, raw, None, None, tuple(kept), chain.values is RawType.FLOATS)
    shape = tensor.shape[1:] if given is None else given
    length = math.prod(tensor.shape) if given is None else math.prod(given)
    return InputPlan(tensor, name, raw, length, shape, tuple(kept), chain.values is RawType.FLOATS)


def _no_code(op: object) -> InputError:
    return InputError(
        f"Generated code cannot do the bundle's preprocessing step {str(op)[:60]!r}.",
        f"Expected one of {', '.join(str(one) for one in steps.READERS)}.",
        "Export with --python, which takes all that this edgeprune knows, or build without the step.",
    )


def _after(
    mapping: Mapping[str, object], step: Step | None, shape: tuple[int, ...] | None
) -> tuple[int, ...] | None:
    """The shape after a step; None where it is not known."""
    if mapping.get("op") == "reshape":
        wanted = mapping.get("shape")
        sizes = tuple(wanted) if isinstance(wanted, list | tuple) else (None,)
        return sizes if all(type(size) is int and size > 0 for size in sizes) else None
    if isinstance(step, steps.PadOrCrop):
        return (step.samples,)
    if isinstance(step, steps.Tokenize):
        return (step.length,)
    return shape if step is None or shape is None else _shape_after(step, shape)


def _shape_after(step: Step, shape: tuple[int, ...]) -> tuple[int, ...]:
    after = shape
    match step:
        case steps.Resize():
            after = (step.height, step.width, *shape[2:])
        case steps.Channels():
            after = (*shape[:-1], step.count)
        case steps.LogMel():
            after = (step.frames(shape[0]), step.bands)
        case steps.Mfcc():
            after = (shape[0], step.coefficients)
        case steps.Resample():
            after = (step.length(shape[0]),)
        case steps.Transpose():
            after = tuple(shape[axis] for axis in step.axes)
    return after


def _raw(mine: Sequence[Mapping[str, object]], tensor: TensorInfo, sample: np.ndarray | None) -> RawType:
    """What a caller has: what the bundle's own samples are, as far as the tensor can take it."""
    first = mine[0].get("op") if mine else None
    kind = None if sample is None else sample.dtype
    if first == "tokenize" and (kind is None or kind.kind == "U"):
        return RawType.TEXT
    if not tensor.scale and tensor.dtype in ("int32", "int64"):
        return RawType.INT32 if tensor.dtype == "int32" else RawType.INT64
    if kind == np.int16 or (kind is None and (first == "pcm_to_float" or tensor.dtype == "int16")):
        return RawType.PCM
    bytes_fit = kind == np.uint8 or (tensor.dtype == "uint8" and not tensor.scale)
    if bytes_fit and first in ("resize", "letterbox", "channels") and sample is not None and sample.ndim == 4:
        return RawType.PICTURE
    return RawType.BYTES if bytes_fit else RawType.FLOATS


def _check(bundle: Bundle, tensor: TensorInfo, chain: _Chain) -> None:
    """Refuse steps that do not end in the tensor."""
    kept, where = chain.made, f"The bundle's tensor {tensor.name[:60]!r}"
    if kept and isinstance(kept[0], steps.Tokenize) and kept[0].vocabulary not in bundle.manifest.files:
        found = f"The bundle's tokenizer names the file {kept[0].vocabulary[:60]!r}, which it does not have."
        raise InputError(found, "", REBUILD)
    if chain.shape is not None and math.prod(chain.shape) != math.prod(tensor.shape):
        raise InputError(
            f"The bundle's preprocessing gives {math.prod(chain.shape)} values.",
            f"The tensor {tensor.name[:60]!r} takes {math.prod(tensor.shape)}.", REBUILD,
        )
    whole = tensor.dtype != "float32" and not tensor.scale
    moved = chain.raw in (RawType.INT32, RawType.INT64) and bool(kept)
    text = chain.raw is RawType.TEXT and tensor.dtype not in ("int32", "int64", "float32")
    if (whole and chain.values is RawType.FLOATS) or moved or text:
        found = f"{where} is {tensor.dtype} without a scale and is fed {chain.raw.value}."
        raise InputError(found, "A type that holds what the preprocessing gives was expected.", REBUILD)
