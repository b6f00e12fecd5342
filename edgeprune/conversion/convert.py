"""Keras model in, `.tflite` out."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from edgeprune.conversion import flatfile, recurrent
from edgeprune.conversion.divisors import keep_from_zero
from edgeprune.conversion.export import export
from edgeprune.conversion.last_softmax import run_in_float
from edgeprune.conversion.tensorflow_route import convert_exported
from edgeprune.conversion.values import MODES, NEEDS_CALIBRATION, Converted, as_samples, fits
from edgeprune.errors import InputError
from edgeprune.keras_bridge.silence import silence

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from edgeprune.conversion.export import Exported
    from edgeprune.conversion.values import Io, Mode, Route, Samples


# Modes in which a loop with int8 weights beats the fused LSTM; see `edgeprune.conversion.recurrent`.
_LOOPED = frozenset({"int8", "int16x8", "dynamic"})


def convert(
    model: Any,
    mode: Mode = "int8",
    calibration: npt.ArrayLike | Sequence[npt.ArrayLike] | None = None,
    io: Io = "float",
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    allow_flex: bool = False,
    per_channel: bool = True,
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
        input_names: signature names in place of the model's own.
        output_names: signature names in place of the model's own.
        allow_flex: let TensorFlow kernels stand in for operators LiteRT does not have.
        per_channel: a scale for each output channel of a kernel; with one for all, a kernel of 16
            shared values keeps 16 distinct integers, and zips better.

    Raises:
        InputError: an unknown mode, missing or unfit calibration samples, or a model the converter
            refuses.
    """
    samples = _checked(model, mode, as_samples(calibration))
    fused = recurrent.has_fused(model)
    loops = fused and mode in _LOOPED and io == "float"
    with silence(), recurrent.looping(model) if loops else contextlib.nullcontext():
        shapes = None if samples is None else [array.shape[1:] for array in samples]
        exported = export(model, input_names, output_names, shapes)
    notes: tuple[str, ...] = ()
    way = mode
    if mode in NEEDS_CALIBRATION and (
        recurrent.has_loop(exported.function) or (fused and not loops and _loops_after_all(exported))
    ):
        way, notes = "dynamic", (recurrent.NOTE if io == "float" else f"{recurrent.NOTE} {recurrent.ENDS}",)
    raw = convert_exported(exported, way, samples, io, allow_flex=allow_flex, per_channel=per_channel)
    return finished(raw, mode, "tensorflow", exported.inputs, exported.outputs, notes)


def _loops_after_all(exported: Exported) -> bool:
    """Whether a fused layer became a loop: one with a mask does. The calibrator would crash on it."""
    floating = convert_exported(exported, "none", None, "float", allow_flex=True)
    return "WHILE" in flatfile.operators(flatfile.parse(floating))


def finished(
    raw: bytes,
    mode: Mode,
    route: Route,
    inputs: Sequence[str],
    outputs: Sequence[str],
    notes: tuple[str, ...] = (),
) -> Converted:
    """Names, orders and describes what a route gave."""
    tree = flatfile.parse(raw)
    flatfile.finish(tree, inputs, outputs)
    keep_from_zero(tree)
    run_in_float(tree)
    infos_in, infos_out = flatfile.tensor_infos(tree)
    return Converted(flatfile.pack(tree), mode, route, infos_in, infos_out, flatfile.operators(tree), notes)


def _checked(model: Any, mode: Mode, samples: Samples | None) -> Samples | None:
    if mode not in MODES:
        raise InputError(f"--quantize {mode!r}.", f"One of {', '.join(MODES)}.")
    if samples is None:
        if mode in NEEDS_CALIBRATION:
            raise InputError(
                f"--quantize {mode} without calibration samples.",
                "Activations need real samples to find their range.",
                "Pass --data, or use --quantize dynamic, which needs none.",
            )
        return None
    wanted = [tuple(tensor.shape)[1:] for tensor in model.inputs]
    found = [array.shape[1:] for array in samples]
    if not fits(wanted, found):
        raise InputError(
            f"Calibration samples of shape {found}.",
            f"Model {model.name!r} takes {wanted} for each sample.",
            "Give samples as they reach the model, after preprocessing.",
        )
    return samples
