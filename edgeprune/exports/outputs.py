"""One output of a model, and what any tensor has to be for code to be generated for it."""

import dataclasses
import math

import numpy as np

from edgeprune.errors import InputError
from edgeprune.exports.inputs import QUANTIZED, REBUILD
from edgeprune.types import TensorInfo

_TYPES = ("float32", "int8", "uint8", "int16", "int32", "int64")
_MAX_ELEMENTS = 1 << 28


@dataclasses.dataclass(frozen=True)
class OutputPlan:
    """One output of the model: with one element a label, or with the probability of the second of two."""

    tensor: TensorInfo
    name: str
    labelled: bool
    binary: bool

    @property
    def size(self) -> int:
        """Elements of the tensor."""
        return math.prod(self.tensor.shape)

    @property
    def floats(self) -> bool:
        """Whether the app gets floats; whole numbers without a scale stay whole."""
        return self.tensor.dtype == "float32" or bool(self.tensor.scale)


def output_plan(tensor: TensorInfo, name: str, labels: int) -> OutputPlan:
    """What becomes of an output's values, where the model has so many labels."""
    size = math.prod(tensor.shape)
    floats = tensor.dtype == "float32" or bool(tensor.scale)
    labelled = floats and labels > 0 and size == tensor.shape[-1] == labels
    return OutputPlan(tensor, name, labelled, floats and labels == 2 and size == 1)


def check_tensor(tensor: TensorInfo) -> None:
    """Refuse a tensor that no code is generated for.

    Raises:
        InputError: an unknown type, open sizes, or a quantization that cannot be.
    """
    where = f"The bundle's tensor {tensor.name[:60]!r}"
    if tensor.dtype not in _TYPES:
        raise InputError(
            f"{where} is of type {tensor.dtype[:40]!r}.", f"One of {', '.join(_TYPES)} was expected.",
            "Quantize the model otherwise.",
        )
    if not tensor.shape or any(size < 1 for size in tensor.shape) or math.prod(tensor.shape) > _MAX_ELEMENTS:
        found = f"{where} has the shape {str(tensor.shape)[:80]}."
        raise InputError(found, "Sizes of 1 and more, fixed, were expected.", REBUILD)
    if not math.isfinite(tensor.scale) or tensor.scale < 0:
        raise InputError(f"{where} has the scale {tensor.scale}.", "0 or more was expected.", REBUILD)
    if tensor.scale and (tensor.dtype not in QUANTIZED or not _holds(tensor)):
        raise InputError(
            f"{where} is {tensor.dtype} with the scale {tensor.scale:g} and the zero point "
            f"{tensor.zero_point}.",
            f"A scale belongs to {', '.join(QUANTIZED)}, and the zero point is one of its values.", REBUILD,
        )


def _holds(tensor: TensorInfo) -> bool:
    limits = np.iinfo(tensor.dtype)
    return bool(limits.min <= tensor.zero_point <= limits.max)
