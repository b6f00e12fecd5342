"""From what a build gave to the files of its bundle: report.json, the manifest, samples, labels."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.bundle import pack_eval
from edgeprune.data.calibration import choose
from edgeprune.keras_bridge.load import saved_bytes
from edgeprune.metrics.classification import confusion_counts
from edgeprune.metrics.evaluation import Evaluation
from edgeprune.pipeline.fingerprint import versions
from edgeprune.recipe import as_mapping
from edgeprune.report.layers import layer_rows
from edgeprune.report.schema import (
    SCHEMA_VERSION,
    STAGES,
    AgreementReport,
    AttemptReport,
    ConfusionReport,
    DataReport,
    EpochReport,
    EquivalenceReport,
    EvalReport,
    LatencyReport,
    LayerErrorReport,
    QuantizationReport,
    RatioReport,
    RefusalReport,
    Report,
    StageReport,
    StageReports,
)
from edgeprune.training.magnitude import zero_ratio
from edgeprune.types import Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgeprune.data.dataset import Dataset
    from edgeprune.pipeline.measuring import Built
    from edgeprune.pipeline.quantizing import Deployed
    from edgeprune.run_record import RunRecord

Files = dict[str, bytes | Path]
_MAX_CLASSES = 200


def document(built: Built, records: Mapping[str, RunRecord]) -> bytes:
    """report.json."""
    job, data, deployed, pruned = built.job, built.inputs.data, built.deployed, built.trained.pruned
    report = pruned.report
    refusals = (RefusalReport(one.layer, one.reason, one.channels, one.because_of) for one in report.refusals)
    proof = report.equivalence
    return Report(
        schema_version=SCHEMA_VERSION,
        recipe=as_mapping(job.recipe),
        stages=_stages(built, records),
        removed=report.removed,
        groups=report.groups,
        equivalence=EquivalenceReport(proof.max_abs_error, proof.tolerance, proof.samples),
        timings_s={name: round(value, 3) for name, value in job.seconds.items()},
        model=built.inputs.model.name,
        data=DataReport(
            data.name, data.source, data.licence, data.synthetic,
            train=len(data.train), validation=len(data.validation), test=len(data.test),
        ),
        device=job.device,
        layers=layer_rows(pruned.dependencies, pruned.keep),
        refusals=tuple(refusals),
        quantization=_quantization(deployed, job.recipe.io),
        training=tuple(
            EpochReport(epoch.number, _finite(epoch.loss), _finite(epoch.score))
            for epoch in built.trained.curve
        ),
        notes=(*_origin(data), *report.notes, *job.notes, *deployed.quantized.notes, *_notes(built)),
        budget=built.trained.explanation,
        search=tuple(
            RatioReport(one.amount, one.score, one.drop, one.holds) for one in built.trained.trials
        ) or None,
        cross_validation=built.folds or None,
        zero_weights=zero_ratio(deployed.float_model) if job.recipe.method != "structural" else None,
        confusion=_confusion(built),
    ).to_json()


def _stages(built: Built, records: Mapping[str, RunRecord]) -> StageReports:
    inputs, deployed, report = built.inputs, built.deployed, built.trained.pruned.report

    def stage(name: str) -> StageReport:
        cost = report.before if name == "baseline" else report.after
        metrics = inputs.metrics(
            inputs.data.test, deployed.outputs[name], inputs.test, deployed.thresholds.get(name)
        )
        measured = StageReport(
            cost.neurons, cost.params, cost.macs, len(deployed.files[name].tflite), dict(metrics)
        )
        record = records.get(name)
        if record is None:
            return measured
        latency = record.latency
        return dataclasses.replace(
            measured,
            latency_ms=LatencyReport(latency.p50_ms, latency.p90_ms, latency.p99_ms),
            peak_memory_bytes=record.memory.peak_bytes,
            on_eval=EvalReport(record.samples, dict(record.metrics)) if record.metrics else None,
            unstable=record.unstable,
        )

    return StageReports(*map(stage, STAGES))


def _quantization(deployed: Deployed, io: str) -> QuantizationReport:
    made, parity = deployed.quantized, deployed.parity
    return QuantizationReport(
        mode=made.result.mode, route=made.result.route, operators=dict(made.result.operators),
        runnable_bytes=made.runnable_bytes, zip_bytes=made.zip_bytes,
        validation=AgreementReport(**dataclasses.asdict(made.validation)),
        steps=tuple(AttemptReport(**dataclasses.asdict(step)) for step in made.attempts),
        layer_errors=tuple(LayerErrorReport(**dataclasses.asdict(error)) for error in made.layer_errors),
        notes=made.notes, io=io, agreement=parity.agreement_fraction,
        max_abs_difference=parity.max_abs_difference, metric_difference=-parity.metric_drop_fraction,
        other_outputs_agreement=parity.others_fraction,
    )


def _origin(data: Dataset) -> list[str]:
    """What has to be known before any accuracy."""
    note = f"The data is synthetic ({data.source}): its accuracies say nothing about the real world."
    return [note] if data.synthetic else []


def _confusion(built: Built) -> ConfusionReport | None:
    """Counts on the test split, where there are classes."""
    data = built.inputs.data
    y, labels = data.test.y, data.labels
    if y is None or y.ndim != 1 or labels is None or len(labels) > _MAX_CLASSES:
        return None
    if not built.inputs.classes or not {"accuracy", "agreement"} & set(data.metrics):
        return None
    return ConfusionReport(*(
        tuple(
            tuple(map(int, row))
            for row in confusion_counts(Evaluation(y, built.deployed.outputs[name][0], labels))
        )
        for name in ("baseline", "deployed")
    ))


def _notes(built: Built) -> list[str]:
    """Zeros and shared weights do not make a model faster."""
    recipe, quantized = built.job.recipe, built.deployed.quantized
    if recipe.method == "structural" and not recipe.clusters:
        return []
    note = (
        f"Zeros and shared weights make a download smaller ({quantized.zip_bytes:,} bytes in a zip), not the "
        f"file the device runs ({quantized.runnable_bytes:,} bytes), and nothing faster."
    )
    return [note]


def bundle_files(built: Built) -> Files:
    """Everything in the bundle but the manifest and report.json."""
    data, recipe = built.inputs.data, built.job.recipe
    files: Files = {
        "model.tflite": built.deployed.files["deployed"].tflite,
        "model.keras": saved_bytes(built.deployed.float_model),
        **{name: text.encode() for name, text in data.files.items()},
    }
    if data.test.y is not None:
        split = choose(data.test, recipe.eval_samples, recipe.seed)
        arrays = map(np.asarray, split.x if isinstance(split.x, tuple) else (split.x,))
        # Texts are kept as Python objects on the host; numpy's own strings travel without pickle.
        inputs = tuple(array.astype(str) if array.dtype.hasobject else array for array in arrays)
        if split.y is not None and len(split):
            files["eval.npz"] = pack_eval(inputs, split.y)
    if data.labels:
        files["labels.txt"] = ("\n".join(data.labels) + "\n").encode()
    return files


def manifest(built: Built, command: str, parts: Mapping[str, str]) -> Manifest:
    """The bundle's own description; `write_bundle` fills in the files."""
    deployed, data, recipe = built.deployed.files["deployed"], built.inputs.data, built.job.recipe
    calibration = built.inputs.calibration
    arrays = calibration if isinstance(calibration, tuple) else (calibration,)
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return Manifest(
        task=data.task, inputs=deployed.inputs, outputs=deployed.outputs,
        preprocessing=tuple(built.deployed.preprocessing), metrics=data.metrics, files={},
        seed=recipe.seed, recipe=as_mapping(recipe),
        calibration={"samples": len(arrays[0]), "sha256": digest.hexdigest()},
        versions=versions(), commands=(command,) if command else (), stream=data.stream,
        built_from=dict(parts), threshold=built.deployed.thresholds.get("deployed"), synthetic=data.synthetic,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
