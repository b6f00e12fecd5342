"""Figures of what a device sent back: raw outputs, compared with the bundle's labels here.

They are a user's own metric, and those of edgeprune's that need a package which no device has, such as BLEU.
No code travels to the device, and none that a bundle names runs here: the user named the function.
"""

from __future__ import annotations

import base64
import dataclasses
import math

import numpy as np

from device_runners.agent.tensors import dequantize
from device_runners.execution import DOUBT
from edgeprune.bundle.eval_data import load_eval
from edgeprune.bundle.read import EVAL, Bundle
from edgeprune.errors import DeviceError, InputError
from edgeprune.run_parts import Predictions
from edgeprune.run_record import RunRecord
from edgeprune.tasks import OwnMetric, Targets, figures
from edgeprune.tasks.output_task import prefixed


def with_own_metric(record: RunRecord, bundle: Bundle | None, metric: OwnMetric) -> RunRecord:
    """The record with the metric's figures, which lead.

    Raises:
        InputError: no labelled samples, too many outputs for one record, or the function fails.
        DeviceError: outputs of another size than they claim.
    """
    if bundle is None or EVAL not in bundle.manifest.files or not record.samples:
        raise InputError(
            f"The metric {metric.origin} has nothing to compare: there are no labelled samples.",
            "A bundle with eval.npz, and a runner that returns outputs, are expected.",
            "Build with labelled test data, and leave --samples 0 out.",
        )
    if any(task.kind == "original" for task in bundle.manifest.tasks):
        raise InputError(
            f"The metric {metric.origin} cannot be measured on a device for this bundle.",
            "Its samples hold the original model's outputs in place of labels.",
        )
    labels, outputs = _labels_and_outputs(record, bundle)
    given = metric.figures(labels if len(outputs) > 1 else _first(labels), outputs)
    own = {name: value for name, value in given.items() if math.isfinite(value)}
    return dataclasses.replace(record, metrics={**own, **record.metrics})


def with_decoded_figures(record: RunRecord, bundle: Bundle | None) -> RunRecord:
    """The record with the figures of a decoded output that the device could not compute.

    Raises:
        DeviceError: outputs of another size than they claim.
    """
    tasks = bundle.manifest.tasks if bundle is not None and record.samples else ()
    decoded = [task for task in tasks if task.fed_back is not None]
    wanted = {prefixed(tasks, task, name) for task in decoded for name in task.metrics}
    lacking = wanted - record.metrics.keys()
    if bundle is None or not lacking or not all(one.data for one in record.predictions):
        return record
    labels, outputs = _labels_and_outputs(record, bundle)
    found = figures(tasks, labels, outputs)
    mine = {name: float(value) for name, value in found.items() if name in lacking}
    return dataclasses.replace(record, metrics={**record.metrics, **mine})


def _labels_and_outputs(record: RunRecord, bundle: Bundle) -> tuple[Targets, list[np.ndarray]]:
    labels = load_eval(bundle.file(EVAL)).take(slice(record.samples)).targets
    return labels, [
        dequantize(_array(one, record.samples), info)
        for one, info in zip(record.predictions, bundle.manifest.outputs, strict=True)
    ]


def _first(labels: object) -> np.ndarray:
    return np.asarray(labels[0] if isinstance(labels, tuple) else labels)


def _array(found: Predictions, samples: int) -> np.ndarray:
    if not found.data:
        raise InputError(
            f"The outputs of {samples} samples are too large for a record.",
            "A user's own metric is computed from them.", "Evaluate fewer with --samples.",
        )
    try:
        content, dtype = base64.b64decode(found.data, validate=True), np.dtype(found.dtype)
    except (ValueError, TypeError) as error:
        raise DeviceError(f"What the device sent cannot be right: {error}.", "", DOUBT) from error
    whole = found.shape[:1] == (samples,) and math.prod(found.shape) * dtype.itemsize == len(content)
    if dtype.kind not in "biuf" or not whole:
        what = f"{len(content)} bytes are outputs of the shape {found.shape} and dtype {found.dtype[:40]}"
        raise DeviceError(f"What the device sent cannot be right: {what}.", "", DOUBT)
    return np.frombuffer(content, dtype).reshape(found.shape)
