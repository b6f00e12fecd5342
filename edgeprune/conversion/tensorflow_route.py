"""The first route: TensorFlow's own converter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.conversion.refusal import refusal
from edgeprune.keras_bridge.silence import silence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edgeprune.conversion.export import Exported
    from edgeprune.conversion.values import Io, Mode, Samples


def convert_exported(
    exported: Exported,
    mode: Mode,
    calibration: Samples | None,
    io: Io,
    *,
    allow_flex: bool = False,
    per_channel: bool = True,
) -> bytes:
    """Runs the converter.

    Args:
        exported: from `edgeprune.conversion.export.export`.
        mode: kind of quantization.
        calibration: float samples for ``int8`` and ``int16x8``; unused otherwise.
        io: type of the quantized model's inputs and outputs.
        allow_flex: let TensorFlow kernels stand in for operators LiteRT does not have.
        per_channel: a scale for each output channel of a kernel rather than one for all.

    Raises:
        UnsupportedLayerError: a layer needs an operator that LiteRT does not have.
        InputError: the converter refuses the model; its reason is in the message.
    """
    with silence():
        import tensorflow as tf

        converter = tf.lite.TFLiteConverter.from_concrete_functions([exported.function], exported.module)
        builtins = [tf.lite.OpsSet.TFLITE_BUILTINS]
        flex = [tf.lite.OpsSet.SELECT_TF_OPS] if allow_flex else []
        converter.target_spec.supported_ops = [*_operator_sets(tf, mode), *builtins, *flex]
        # The converter has no public name for it.
        converter._experimental_disable_per_channel = not per_channel  # noqa: SLF001
        if mode != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if mode == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if calibration is not None and mode in ("int8", "int16x8"):
            converter.representative_dataset = _feed(calibration, exported)
            kind = {"float": tf.float32, "int8": tf.int16 if mode == "int16x8" else tf.int8}[io]
            converter.inference_input_type = converter.inference_output_type = kind
        try:
            return bytes(converter.convert())
        except Exception as error:
            raise refusal(error, exported.function, exported.layers, mode) from error


def _operator_sets(tf: Any, mode: Mode) -> list[Any]:
    if mode == "int8":
        return [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    if mode == "int16x8":
        return [tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
    return []


def _feed(calibration: Samples, exported: Exported) -> Callable[[], Iterator[dict[str, Any]]]:
    """One sample at a time, as the batch is 1, by the names of the inputs: their order is not kept."""
    types = [spec.dtype.as_numpy_dtype for spec in exported.function.structured_input_signature[0]]
    arrays = {
        name: np.ascontiguousarray(array, dtype=dtype)
        for name, array, dtype in zip(exported.inputs, calibration, types, strict=True)
    }

    def samples() -> Iterator[dict[str, Any]]:
        for i in range(len(calibration[0])):
            yield {name: array[i : i + 1] for name, array in arrays.items()}

    return samples
