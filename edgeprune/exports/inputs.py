"""One input of a model: which steps are generated, and what the caller hands over.

raw sample --caller: steps without a generator, and all before them-->  --generated steps-->  tensor
"""

import dataclasses
import enum
import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from edgeprune.bundle import Bundle
from edgeprune.errors import InputError
from edgeprune.exports import steps
from edgeprune.exports.steps import LogMel, Mfcc, Step
from edgeprune.types import TensorInfo

QUANTIZED = ("int8", "uint8", "int16")
REBUILD = "Build the bundle again."
# Steps that bring a picture to the model's size and keep its type: a platform's own image code does them.
_PICTURES = frozenset({"resize", "channels"})


class RawType(str, enum.Enum):
    """What a caller hands over for one input."""

    TEXT = "text"
    PCM = "16-bit PCM"
    BYTES = "unsigned bytes"
    FLOATS = "floats"
    INT32 = "int32 numbers"
    INT64 = "int64 numbers"


@dataclasses.dataclass(frozen=True)
class InputPlan:
    """One input of the model: the caller does the steps `left` and hands over `raw` values.

    Those are flat and row-major, `length` of them; None where any will do (text, audio that is cut).
    `shape` is a raw sample's, for the reader.
    """

    tensor: TensorInfo
    name: str
    raw: RawType
    length: int | None
    shape: tuple[int, ...] | None
    left: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def size(self) -> int:
        """Elements of the tensor."""
        return math.prod(self.tensor.shape)

    @property
    def bytes_to_floats(self) -> bool:
        """Whether bytes become floats before anything else."""
        floats = bool(self.steps) or self.quantized or self.tensor.dtype == "float32"
        return self.raw is RawType.BYTES and floats

    @property
    def quantized(self) -> bool:
        """Whether float values become integers at the end."""
        # As the agent has it: what is of the tensor's own type already passes as it is.
        same = self.raw is RawType.BYTES and self.tensor.dtype == "uint8" and not self.steps
        return bool(self.tensor.scale) and self.tensor.dtype in QUANTIZED and self.floats and not same

    @property
    def floats(self) -> bool:
        """Whether the values are floats once they reach the tensor."""
        if self.raw is RawType.PCM:
            return any(isinstance(step, steps.PcmToFloat) for step in self.steps)
        return self.raw in (RawType.FLOATS, RawType.BYTES)


def input_plan(
    bundle: Bundle, index: int, name: str, sample: np.ndarray | None, supported: Collection[type]
) -> InputPlan:
    """Plan an input whose tensor was checked, by raw samples (N, …); refuses steps that do not fit it."""
    tensor = bundle.manifest.inputs[index]
    mine = [step for step in bundle.manifest.preprocessing if step.get("input", index) == index]
    first = len(mine)
    while first and mine[first - 1].get("op") in steps.READERS:
        first -= 1
    sample = _after_caller(mine[:first], tensor, sample)
    shape = None if sample is None else sample.shape[1:]
    kept: list[Step] = []
    for position, mapping in enumerate(mine[first:], first):
        row = steps.READERS[mapping["op"]]
        if row is not None and not _follows(row[0], kept, sample, shape, supported, left=position > 0):
            first, kept, shape, sample = position + 1, [], None, None
            continue
        step = steps.read_step(mapping, shape)
        kept += [step] if step is not None else []
        shape = _after(mapping, step, shape)
    left = tuple(str(step.get("op")) for step in mine[:first])
    if kept and isinstance(kept[0], steps.Tokenize) and kept[0].vocabulary not in bundle.manifest.files:
        found = f"The bundle's tokenizer names the file {kept[0].vocabulary[:60]!r}, which it does not have."
        raise InputError(found, "", REBUILD)
    raw = _raw(kept, tensor, sample)
    if shape is not None and raw is not RawType.TEXT and math.prod(shape) != math.prod(tensor.shape):
        raise InputError(
            f"The bundle's preprocessing gives {math.prod(shape)} values.",
            f"The tensor {tensor.name[:60]!r} takes {math.prod(tensor.shape)}.", REBUILD,
        )
    kept = [one for one in kept if raw is RawType.PCM or not isinstance(one, steps.PcmToFloat)]
    _check_integers(tensor, raw, kept)
    if raw is RawType.TEXT or any(isinstance(step, steps.PadOrCrop) for step in kept):
        return InputPlan(tensor, name, raw, None, None, left, tuple(kept))
    given = tensor.shape[1:] if sample is None else sample.shape[1:]
    spectrum = any(isinstance(step, LogMel) for step in kept)
    length = math.prod(given if spectrum and sample is not None else tensor.shape)
    raw_shape = given if math.prod(given) == length else tensor.shape[1:]
    return InputPlan(tensor, name, raw, length, raw_shape, left, tuple(kept))


def _after_caller(
    left: Sequence[Mapping[str, object]], tensor: TensorInfo, sample: np.ndarray | None
) -> np.ndarray | None:
    """Type and shape of the samples behind the caller's steps; None where they are not known."""
    if sample is None or not left:
        return sample
    pictures = {step.get("op") for step in left} <= _PICTURES
    return np.empty((0, *tensor.shape[1:]), sample.dtype) if pictures else None


def _follows(
    kind: type, kept: list[Step], sample: np.ndarray | None, shape: tuple[int, ...] | None,
    supported: Collection[type], *, left: bool,
) -> bool:
    """Whether a generator can do a step after the steps `kept`; tokens begin a chain and end it."""
    if kind not in supported or any(isinstance(one, steps.Tokenize) for one in kept):
        return False
    if kind is steps.Tokenize:
        return not kept and not left and (sample is None or sample.dtype.kind == "U")
    # How many values a spectrum has depends on the clip.
    axes = {LogMel: 1, Mfcc: 2}.get(kind)
    return axes is None or (shape is not None and len(shape) == axes)


def _after(
    mapping: Mapping[str, object], step: Step | None, shape: tuple[int, ...] | None
) -> tuple[int, ...] | None:
    """The shape after a step; None where it is not known."""
    if mapping.get("op") == "reshape":
        wanted = mapping.get("shape")
        sizes = tuple(wanted) if isinstance(wanted, list | tuple) else (None,)
        return sizes if all(type(size) is int and size > 0 for size in sizes) else None
    if isinstance(step, LogMel):
        return (step.frames(shape[0]), step.bands) if shape else None
    if isinstance(step, Mfcc):
        return (shape[0], step.coefficients) if shape else None
    return (step.samples,) if isinstance(step, steps.PadOrCrop) else shape


def _raw(kept: list[Step], tensor: TensorInfo, sample: np.ndarray | None) -> RawType:
    if kept and isinstance(kept[0], steps.Tokenize):
        return RawType.TEXT
    dtype = None if sample is None else sample.dtype
    converts = any(isinstance(step, steps.PcmToFloat) for step in kept)
    cut = all(isinstance(step, steps.PadOrCrop) for step in kept)
    stays = cut and tensor.dtype == "int16" and (dtype == np.int16 or not tensor.scale)
    if (converts and dtype in (None, np.int16)) or stays:
        return RawType.PCM
    if not tensor.scale and tensor.dtype in ("int32", "int64"):
        return RawType.INT32 if tensor.dtype == "int32" else RawType.INT64
    bytes_fit = dtype == np.uint8 and (tensor.dtype == "float32" or tensor.scale)
    return RawType.BYTES if bytes_fit or (tensor.dtype == "uint8" and not tensor.scale) else RawType.FLOATS


def _check_integers(tensor: TensorInfo, raw: RawType, kept: list[Step]) -> None:
    """Refuse steps that give fractions to a tensor of whole numbers."""
    whole = tensor.dtype != "float32" and not tensor.scale
    changed = bool(kept) and raw not in (RawType.TEXT, RawType.PCM)
    text = raw is RawType.TEXT and tensor.dtype not in ("int32", "int64", "float32")
    if (whole and (changed or raw is RawType.FLOATS)) or text:
        found = f"The bundle's tensor {tensor.name[:60]!r} is {tensor.dtype} without a scale"
        raise InputError(f"{found} and is fed {raw.value}.", "A type that holds them was expected.", REBUILD)
