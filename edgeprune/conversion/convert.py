"""Keras model in, `.tflite` out."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy.typing as npt

from edgeprune.conversion import flatfile, recurrent, values
from edgeprune.conversion.divisors import limit_divisors
from edgeprune.conversion.last_softmax import dequantize_before_softmax
from edgeprune.conversion.tensorflow_route import convert_traced
from edgeprune.conversion.tracing import TracedModel, trace_for_inference
from edgeprune.conversion.values import Converted, Io, Mode, Route, Samples
from edgeprune.errors import InputError
from edgeprune.keras_bridge.silence import silence
from edgeprune.keras_types import KerasModel


def convert(
    model: KerasModel, mode: Mode = "int8",
    calibration: npt.ArrayLike | Sequence[npt.ArrayLike] | None = None, io: Io = "float", *,
    input_names: Sequence[str] | None = None, output_names: Sequence[str] | None = None,
    allow_flex: bool = False, per_channel: bool = True,
) -> Converted:
    """Converts a Keras model to a `.tflite` file with batch 1.

    The same model and calibration give the same bytes. The model is not changed.

    Args:
        model: tf_keras or Keras 3, built.
        mode: ``"int8"`` (weights per channel, activations), ``"int16x8"`` (16-bit activations),
            ``"dynamic"`` (int8 weights), ``"float16"`` (weights) or ``"none"`` (float32).
        calibration: float samples the model's inputs would get, samples first; one array for each
            input. Needed by ``"int8"`` and ``"int16x8"``, and where the model leaves sizes open: the
            file has the samples'.
        io: inputs and outputs as float32, or quantized as the model computes (int16 for
            ``"int16x8"``). Token inputs stay integers.
        input_names, output_names: of the signature, in place of the model's own.
        allow_flex: let TensorFlow kernels stand in for operators LiteRT does not have.
        per_channel: a scale for each output channel of a kernel; with one for all, a kernel of 16
            shared values keeps 16 distinct integers, and zips better.

    Raises:
        InputError: an unknown mode, missing or unfit calibration samples, or a model the converter
            refuses.
    """
    samples = None if calibration is None else values.as_samples(calibration)
    _check(model, mode, samples)
    shapes = None if samples is None else [array.shape[1:] for array in samples]

    def traced_as(*, steps: bool) -> TracedModel:
        with silence(), recurrent.unrolled(model) if steps else contextlib.nullcontext():
            return trace_for_inference(model, input_names, output_names, shapes)

    steps = recurrent.can_unroll(model)
    traced = traced_as(steps=steps)
    # Integer inputs are for microcontrollers, which run LiteRT's fused LSTM and no loop.
    if io != "float" and mode in values.NEEDS_CALIBRATION and recurrent.fused_layers(model):
        fused = traced_as(steps=False)
        if not _loops(fused):
            traced, steps = fused, False
    notes: tuple[str, ...] = ()
    way = mode
    if mode in values.NEEDS_CALIBRATION and (steps or recurrent.has_loop(traced.function)):
        way, notes = "dynamic", (recurrent.NOTE if io == "float" else f"{recurrent.NOTE} {recurrent.ENDS}",)
    raw = convert_traced(traced, way, samples, io, allow_flex=allow_flex, per_channel=per_channel)
    return converted_file(raw, mode, "tensorflow", traced.inputs, traced.outputs, notes)


def _loops(traced: TracedModel) -> bool:
    """Whether any layer runs as a loop; one that could be fused does if it has a mask.

    TensorFlow's calibrator would crash on it, taking the process along.
    """
    if recurrent.has_loop(traced.function):
        return True
    floating = convert_traced(traced, "none", None, "float", allow_flex=True)
    return "WHILE" in flatfile.operator_counts(flatfile.parse(floating))


def converted_file(
    raw: bytes, mode: Mode, route: Route, inputs: Sequence[str], outputs: Sequence[str],
    notes: tuple[str, ...] = (),
) -> Converted:
    """What a route gave, with readable names in the model's order, safe and fast operators, and its facts."""
    tree = flatfile.parse(raw)
    flatfile.rename_and_order(tree, inputs, outputs)
    limit_divisors(tree)
    dequantize_before_softmax(tree)
    infos_in, infos_out = flatfile.tensor_infos(tree)
    operators = flatfile.operator_counts(tree)
    return Converted(flatfile.pack(tree), mode, route, infos_in, infos_out, operators, notes)


def _check(model: KerasModel, mode: Mode, samples: Samples | None) -> None:
    if mode not in values.MODES:
        raise InputError(f"--quantize is {mode!r}.", f"Expected one of {', '.join(values.MODES)}.")
    if samples is None:
        if mode in values.NEEDS_CALIBRATION:
            raise InputError(
                f"There are no calibration samples for --quantize {mode}.",
                "Activations need real samples to find their range.",
                "Pass --data, or use --quantize dynamic, which needs none.",
            )
        return
    wanted = [tuple(tensor.shape)[1:] for tensor in model.inputs]
    found = [array.shape[1:] for array in samples]
    if not values.shapes_match(wanted, found):
        raise InputError(
            f"The calibration samples have the shape {found}.",
            f"Model {model.name!r} takes {wanted} for each sample.",
            "Give samples as they reach the model, after preprocessing.",
        )
