"""`--streaming`: beside model.tflite a file that takes one step a call and hands its state on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeprune.conversion.parity import Parity
from edgeprune.conversion.values import Converted, Mode
from edgeprune.errors import InputError
from edgeprune.keras_types import KerasModel
from edgeprune.pipeline.artifacts import Baseline, Outputs
from edgeprune.pipeline.context import BuildContext
from edgeprune.recipe import QuantizeSettings
from edgeprune.training.prediction import predict

_CHECKED, _COMPARED = 8, 200
"""Samples before training, and of the finished file."""
_TOLERANCE = 1e-4
_NOTE = "streaming.tflite ({:,} bytes) takes one step a call and hands on {} states, which start at 0.{}"
_FLOAT = " Its weights are float: in int8 they lose too much, step by step."


def check_streaming(baseline: Baseline) -> None:
    """Runs the original step by step and compares, before anything is trained.

    Raises:
        InputError: a layer needs later steps, or the two do not agree on the data.
    """
    from edgeprune.conversion.streaming import streaming_file

    file = streaming_file(baseline.model, "none")
    reference, found = _compared(baseline.model, file, _samples(baseline, _CHECKED))
    errors = [
        float(np.max(np.abs(one - other), initial=0)) / max(1.0, float(np.max(np.abs(one), initial=0)))
        for one, other in zip(reference, found, strict=True)
    ]
    if not max(errors) <= _TOLERANCE:
        raise InputError(
            f"Run step by step, the model gives other outputs on the data (by {max(errors):.2g}).",
            "--streaming expects that steps which are masked out as padding have no influence.",
            "Leave --streaming out, or train the model without padding.",
        )


def streaming_tflite(
    baseline: Baseline, model: KerasModel, settings: QuantizeSettings,
    judged: Callable[[Outputs, Outputs], Parity], context: BuildContext,
) -> bytes:
    """The streaming file of a finished float model; its weights are float where int8 would lose too much.

    `judged` compares the model's outputs for the first validation samples with the file's.

    Raises:
        VerificationError: the file gives other outputs even so.
    """
    from edgeprune.conversion.streaming import streaming_file

    x, limit, way = _samples(baseline, _COMPARED), settings.max_quantization_drop, settings.scheme

    def made(mode: Mode) -> tuple[Converted, Parity]:
        file = streaming_file(model, mode)
        return file, judged(*_compared(model, file, x))

    file, check = made(way)
    if way != "none" and not 100 * check.drop_fraction <= limit:
        way = "none"
        file, check = made(way)
    check.require(limit, "none")
    told = _FLOAT if way != settings.scheme else ""
    context.notes.append(_NOTE.format(len(file.tflite), len(file.inputs) - 1, told))
    return file.tflite


def _samples(baseline: Baseline, number: int) -> np.ndarray:
    found = baseline.validation
    return np.asarray(found[0] if isinstance(found, tuple) else found)[:number]


def _compared(model: KerasModel, file: Converted, x: np.ndarray) -> tuple[Outputs, Outputs]:
    """Outputs of a model, and of its streaming file."""
    from edgeprune.conversion.streaming_run import run_streaming, used_steps

    reference = predict(model, x)
    return reference, run_streaming(file.tflite, x, used_steps(model, x), reference)
