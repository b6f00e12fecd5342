"""The second route: `ai-edge-quantizer` on a float `.tflite`.

It differs from TensorFlow's converter in that it quantizes operator by operator, so a file can be mixed:
named operators stay float or get 16-bit activations. It is an optional package.
"""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.conversion.quiet import silence
from edgeprune.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from edgeprune.conversion.values import Io, Mode, Samples

_SIGNATURE = "serving_default"
_FLOAT = {"regex": ".*", "operation": "*", "algorithm_key": "no_quantize", "op_config": {}}


def available() -> bool:
    """Whether `ai-edge-quantizer` is installed."""
    return importlib.util.find_spec("ai_edge_quantizer") is not None


def quantize_file(
    float_tflite: bytes,
    mode: Mode,
    inputs: Sequence[str],
    calibration: Samples | None,
    io: Io = "float",
    exceptions: Mapping[str, Mode] | None = None,
) -> bytes:
    """Quantizes a float `.tflite`.

    Args:
        float_tflite: from `edgeprune.conversion.convert` in mode ``"none"``.
        mode: ``"int8"``, ``"int16x8"`` or ``"dynamic"``.
        inputs: signature names in the order of `calibration`.
        calibration: float samples; unused for ``"dynamic"``.
        io: type of the inputs and outputs.
        exceptions: another mode, or ``"none"`` for float, by the name of an operator's output tensor.

    Raises:
        InputError: the package is missing or refuses the model.
    """
    _require()
    with silence():
        from ai_edge_quantizer import quantizer

        try:
            # The package reads the buffer in place and needs it writable.
            work = quantizer.Quantizer(bytearray(float_tflite), _recipe(mode, io, exceptions or {}))
            ranges = None
            if work.need_calibration:
                if calibration is None:
                    raise ValueError("calibration samples are missing")  # noqa: TRY301
                ranges = work.calibrate({_SIGNATURE: _Feed(inputs, calibration)}, num_threads=1)
            return bytes(work.quantize(ranges, enable_progress_report=False).quantized_model)
        except (ValueError, RuntimeError, KeyError, IndexError, TypeError) as error:
            raise InputError(
                f"ai-edge-quantizer refuses this model: {' '.join(str(error).split())[:400]}",
                f"A model it can quantize to {mode!r}.",
                "Use TensorFlow's converter: --quantize int8 without --route.",
            ) from error


class _Feed:
    """Samples by input name, one at a time, as often as they are asked for."""

    def __init__(self, inputs: Sequence[str], calibration: Samples) -> None:
        self._named = dict(zip(inputs, calibration, strict=True))
        self._count = len(calibration[0])

    def __iter__(self) -> Iterator[dict[str, npt.NDArray[Any]]]:
        for i in range(self._count):
            one = {name: array[i : i + 1] for name, array in self._named.items()}
            yield {name: np.ascontiguousarray(array, _kind(array)) for name, array in one.items()}

    def __len__(self) -> int:
        return self._count


def _kind(array: npt.NDArray[Any]) -> type[np.generic]:
    return np.int32 if np.issubdtype(array.dtype, np.integer) else np.float32


def _recipe(mode: Mode, io: Io, exceptions: Mapping[str, Mode]) -> list[dict[str, Any]]:
    """The package's recipe: one rule for all, then one for each exception; the last match holds."""
    from ai_edge_quantizer import recipe

    rules: dict[str, Any] = {
        "int8": recipe.static_wi8_ai8(),
        "int16x8": recipe.static_wi8_ai16(),
        "dynamic": recipe.dynamic_wi8_afp32(),
        "none": [_FLOAT],
    }
    made = [dict(rule) for rule in rules[mode]]
    for tensor, other in exceptions.items():
        # The package matches the names of an operator's outputs, each closed by a semicolon.
        made += [{**rule, "regex": f"(^|;){re.escape(tensor)};"} for rule in rules[other]]
    if io == "float":
        made += [{**_FLOAT, "operation": operation} for operation in ("INPUT", "OUTPUT")]
    return made


def _require() -> None:
    if not available():
        raise InputError(
            "ai-edge-quantizer is not installed.",
            "It gives files of mixed precision.",
            "pip install 'edgeprune[host]'",
        )
