"""From what a build gave to the files of its bundle: report.json, the manifest, samples, labels."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.bundle import pack_eval
from edgeprune.bundle.read import STREAMING
from edgeprune.conversion.parity import Parity
from edgeprune.data.splits import choose
from edgeprune.graph.cost import cost
from edgeprune.keras_bridge.load import saved_bytes
from edgeprune.metrics.classification import confusion_counts
from edgeprune.metrics.evaluation import Evaluation
from edgeprune.pipeline.artifacts import Baseline, DeployedModel, Measurements, TunedModel, first_input
from edgeprune.pipeline.context import BuildContext
from edgeprune.pipeline.fingerprint import versions
from edgeprune.pipeline.output_plots import output_reports
from edgeprune.pruning.result import PruneReport, removed
from edgeprune.recipe import Recipe, as_mapping
from edgeprune.report import doubts
from edgeprune.report.layers import layer_rows
from edgeprune.report.plots import ConfusionReport
from edgeprune.report.schema import (
    SCHEMA_VERSION,
    STAGES,
    AgreementReport,
    AttemptReport,
    DataReport,
    EpochReport,
    EvalReport,
    LatencyReport,
    LayerErrorReport,
    PartReport,
    QuantizationReport,
    Report,
    StageReport,
    StageReports,
    WarningReport,
)
from edgeprune.tasks import several
from edgeprune.tasks.uncertainty import change_errors
from edgeprune.training.magnitude import zero_ratio
from edgeprune.types import Manifest, StepInfo

Files = dict[str, bytes | Path]
_MAX_CLASSES = 200


def report(
    baseline: Baseline, tuned: TunedModel, deployed: DeployedModel, measured: Measurements,
    folds: tuple[float, ...], recipe: Recipe, context: BuildContext,
) -> bytes:
    """report.json."""
    data, pruned = baseline.data, _of_original(baseline, tuned.report)
    stages = _stages(baseline, pruned, deployed, measured)
    return Report(
        schema_version=SCHEMA_VERSION,
        recipe=as_mapping(recipe),
        stages=stages,
        removed=pruned.removed,
        groups=pruned.groups,
        equivalence=pruned.equivalence,
        timings_s={name: round(value, 3) for name, value in context.seconds.items()},
        model=baseline.model.name,
        data=DataReport(
            data.name, data.source, data.licence, data.synthetic,
            train=len(data.train), validation=len(data.validation), test=len(data.test),
            decisions=data.decisions,
        ),
        device=recipe.budget.device or "local",
        layers=layer_rows(baseline.dependencies, tuned.keep, baseline.original.dependencies),
        refusals=pruned.refusals,
        quantization=_quantization(deployed, recipe.quantize.tensors),
        training=tuple(
            EpochReport(epoch.number, _finite(epoch.loss), _finite(epoch.score)) for epoch in tuned.curve
        ),
        notes=(*pruned.notes, *context.notes, *deployed.quantized.notes, *_notes(deployed, recipe)),
        warnings=(
            *doubts.of_decisions(data.decisions), *context.warnings,
            *(WarningReport(text) for text in deployed.quantized.warnings),
            *doubts.of_timings(stages.by_name()),
        ),
        budget=tuned.explanation,
        search=tuned.trials or None,
        cross_validation=folds or None,
        zero_weights=zero_ratio(deployed.quantized.model) if recipe.prune.method != "structural" else None,
        confusion=_confusion(baseline, deployed),
        vocabulary=baseline.vocabulary,
        change_errors=_change_errors(baseline, deployed, recipe.seed) or None,
        outputs=output_reports(baseline, deployed),
    ).to_json()


def _of_original(baseline: Baseline, pruned: PruneReport) -> PruneReport:
    """What pruning did, with what left the vocabulary before it."""
    if baseline.uncut is None:
        return pruned
    before = cost(baseline.uncut.dependencies)
    return dataclasses.replace(pruned, before=before, removed=removed(before, pruned.after))


def _stages(
    baseline: Baseline, pruned: PruneReport, deployed: DeployedModel, measured: Measurements
) -> StageReports:
    def stage(name: str) -> StageReport:
        cost = pruned.before if name == "baseline" else pruned.after
        metrics = baseline.metrics(
            baseline.data.test, deployed.outputs[name], baseline.test, deployed.thresholds.get(name)
        )
        row = StageReport(
            cost.neurons, cost.params, cost.macs, len(deployed.files[name].tflite), dict(metrics)
        )
        record = measured.records.get(name)
        if record is None:
            return row
        latency = record.latency
        return dataclasses.replace(
            row, latency_ms=LatencyReport(latency.p50_ms, latency.p90_ms, latency.p99_ms),
            peak_memory_bytes=record.memory.peak_bytes,
            on_eval=EvalReport(record.samples, dict(record.metrics)) if record.metrics else None,
            unstable=record.unstable,
        )

    return StageReports(*map(stage, STAGES))


def _quantization(deployed: DeployedModel, io: str) -> QuantizationReport:
    made, parity = deployed.quantized, deployed.parity
    return QuantizationReport(
        mode=made.result.mode, route=made.result.route, operators=dict(made.result.operators),
        runnable_bytes=made.runnable_bytes, zip_bytes=made.zip_bytes,
        validation=_agreement(made.validation),
        steps=tuple(AttemptReport(**dataclasses.asdict(step)) for step in made.attempts),
        layer_errors=tuple(LayerErrorReport(**dataclasses.asdict(error)) for error in made.layer_errors),
        notes=made.notes, io=io, agreement=parity.agreement_fraction,
        max_abs_difference=parity.max_abs_difference, metric_difference=-parity.metric_drop_fraction,
        parts=_parts(parity),
    )


def _agreement(found: Parity) -> AgreementReport:
    return AgreementReport(
        found.agreement_fraction, found.max_abs_difference, found.mean_abs_difference, found.samples,
        _parts(found), found.reference_metric, found.deployed_metric,
    )


def _parts(found: Parity) -> tuple[PartReport, ...]:
    return tuple(PartReport(**dataclasses.asdict(part)) for part in found.parts)


def _confusion(baseline: Baseline, deployed: DeployedModel) -> ConfusionReport | None:
    """Counts on the test split, where there are classes."""
    data = baseline.data
    y, labels = data.test.labels, data.labels
    if y is None or y.ndim != 1 or labels is None or len(labels) > _MAX_CLASSES:
        return None
    if not baseline.classes or not {"accuracy", "agreement"} & set(data.tasks[0].metrics):
        return None
    return ConfusionReport(*(
        tuple(
            tuple(map(int, row))
            for row in confusion_counts(Evaluation(y, deployed.outputs[name][0], labels))
        )
        for name in ("baseline", "deployed")
    ))


def _change_errors(baseline: Baseline, deployed: DeployedModel, seed: int) -> dict[str, float]:
    """Of the main metrics, from the file's outputs on the test split."""
    data, names = baseline.data, ("baseline", "deployed")
    before, after = (deployed.outputs[name] for name in names)
    thresholds = deployed.thresholds.get(names[0]), deployed.thresholds.get(names[1])
    inputs = first_input(baseline.test)
    return change_errors(data.tasks, data.test.judged, before, after, inputs, thresholds, seed)


def _notes(deployed: DeployedModel, recipe: Recipe) -> list[str]:
    """Zeros and shared weights do not make a model faster."""
    quantized = deployed.quantized
    if recipe.prune.method == "structural" and not recipe.quantize.clusters:
        return []
    note = (
        f"Zeros and shared weights only make a download smaller ({quantized.zip_bytes:,} bytes in a zip). "
        f"The file that the device runs keeps its {quantized.runnable_bytes:,} bytes and gets no faster."
    )
    return [note]


def bundle_files(baseline: Baseline, deployed: DeployedModel, recipe: Recipe) -> Files:
    """Everything in the bundle but the manifest and report.json."""
    data = baseline.data
    files: Files = {
        "model.tflite": deployed.files["deployed"].tflite,
        "model.keras": saved_bytes(deployed.quantized.model),
        **{name: text.encode() for name, text in data.files.items()},
    }
    if data.test.y is not None:
        split = choose(data.test, recipe.measure.eval_samples, recipe.seed)
        arrays = map(np.asarray, split.x if isinstance(split.x, tuple) else (split.x,))
        # Texts are kept as Python objects on the host; numpy's own strings travel without pickle.
        inputs = tuple(array.astype(str) if array.dtype.hasobject else array for array in arrays)
        if len(split):
            files["eval.npz"] = pack_eval(inputs, several(split.judged, len(data.tasks)))
    if recipe.quantize.keep_candidates:
        others = enumerate(deployed.quantized.runners_up, start=1)
        files |= {f"candidate-{number}.tflite": one.tflite for number, one in others}
    if deployed.streaming is not None:
        files[STREAMING] = deployed.streaming
    if data.labels:
        files["labels.txt"] = ("\n".join(data.labels) + "\n").encode()
    return files


def manifest(
    baseline: Baseline, deployed: DeployedModel, recipe: Recipe, command: str, parts: Mapping[str, str]
) -> Manifest:
    """The bundle's own description; `write_bundle` fills in the files.

    Args:
        command: what the user typed; empty for nothing.
    """
    shipped, data = deployed.files["deployed"], baseline.data
    calibration = baseline.calibration
    arrays = calibration if isinstance(calibration, tuple) else (calibration,)
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return Manifest(
        task=data.task, inputs=shipped.inputs, outputs=shipped.outputs,
        preprocessing=tuple(deployed.preprocessing), metrics=data.metrics, files={},
        seed=recipe.seed, recipe=as_mapping(recipe),
        calibration={"samples": len(arrays[0]), "sha256": digest.hexdigest()},
        versions=versions(), commands=(command,) if command else (), stream=data.stream,
        built_from=dict(parts), threshold=deployed.thresholds.get("deployed"), synthetic=data.synthetic,
        tasks=data.tasks, one_step=_one_step(deployed.streaming, data.preprocessing),
    )


def _one_step(tflite: bytes | None, preprocessing: Sequence[Mapping[str, Any]]) -> StepInfo | None:
    """What the file takes that runs step by step: always the features, also where a front end is embedded."""
    from edgeprune.conversion import flatfile

    if tflite is None:
        return None
    return StepInfo(*flatfile.tensor_infos(flatfile.parse(tflite)), tuple(preprocessing))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
