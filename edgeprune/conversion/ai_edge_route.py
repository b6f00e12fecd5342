"""The second route: `ai-edge-quantizer` on a float `.tflite`.

It differs from TensorFlow's converter in that it quantizes operator by operator, so a file can be mixed:
named operators stay float or get 16-bit activations. It is an optional package.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping

import numpy as np

from edgeprune.conversion.ranges import Range
from edgeprune.conversion.values import Io, Mode
from edgeprune.errors import InputError
from edgeprune.install_source import install_command
from edgeprune.keras_bridge.silence import silence

_FLOAT: dict[str, object] = {"regex": ".*", "operation": "*", "algorithm_key": "no_quantize", "op_config": {}}


def available() -> bool:
    """Whether `ai-edge-quantizer` is installed."""
    return importlib.util.find_spec("ai_edge_quantizer") is not None


def quantize_file(
    float_tflite: bytes, mode: Mode, ranges: Mapping[str, Range] | None, io: Io = "float",
    exceptions: Mapping[str, Mode] | None = None,
) -> bytes:
    """Quantizes a float `.tflite` to ``"int8"``, ``"int16x8"`` or ``"dynamic"``, which needs no ranges.

    `exceptions` are other modes, or ``"none"`` for float, by the name of an operator's output tensor.

    Raises:
        InputError: the package is missing or refuses the model.
    """
    if not available():
        raise InputError(
            "ai-edge-quantizer is not installed.", "It gives files of mixed precision.",
            install_command("host"),
        )
    with silence():
        from ai_edge_quantizer import quantizer

        try:
            # The package reads the buffer in place and needs it writable.
            work = quantizer.Quantizer(bytearray(float_tflite), _recipe(mode, io, exceptions or {}))
            calibration = _calibration(ranges or {}) if work.need_calibration else None
            return bytes(work.quantize(calibration, enable_progress_report=False).quantized_model)
        except (ValueError, RuntimeError, KeyError, IndexError, TypeError) as error:
            raise InputError(
                f"ai-edge-quantizer refuses this model: {' '.join(str(error).split())[:400]}",
                f"A model it can quantize to {mode!r}.", "Use TensorFlow's converter, or --quantize dynamic.",
            ) from error


def _recipe(mode: Mode, io: Io, exceptions: Mapping[str, Mode]) -> list[dict[str, object]]:
    """The package's recipe: one rule for all, then one for each exception; the last match holds."""
    from ai_edge_quantizer import recipe

    rules: dict[str, list[dict[str, object]]] = {
        "int8": recipe.static_wi8_ai8(), "int16x8": recipe.static_wi8_ai16(),
        "dynamic": recipe.dynamic_wi8_afp32(), "none": [_FLOAT],
    }
    made = [dict(rule) for rule in rules[mode]]
    for tensor, other in exceptions.items():
        # The package matches the names of an operator's outputs, each closed by a semicolon.
        made += [{**rule, "regex": f"(^|;){re.escape(tensor)};"} for rule in rules[other]]
    if io == "float":
        made += [{**_FLOAT, "operation": operation} for operation in ("INPUT", "OUTPUT")]
    return made


def _calibration(ranges: Mapping[str, Range]) -> dict[str, dict[str, np.ndarray]]:
    """Ranges as the package takes them: arrays with the tensor's rank."""

    def full(one: Range, value: float) -> np.ndarray:
        return np.full((1,) * one.rank, value, np.float32)

    return {name: {"min": full(one, one.low), "max": full(one, one.high)} for name, one in ranges.items()}
