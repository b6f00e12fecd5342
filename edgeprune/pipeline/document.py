"""From what a build gave to the files of its bundle: report.json, the manifest, samples, labels."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune import jsonable
from edgeprune.bundle import pack_eval
from edgeprune.data.calibration import choose
from edgeprune.keras_bridge.save import saved_bytes
from edgeprune.metrics.classification import confusion_counts
from edgeprune.metrics.evaluation import Evaluation
from edgeprune.pipeline.fingerprint import versions
from edgeprune.recipe import as_mapping
from edgeprune.report.layers import layer_rows
from edgeprune.report.stages import SCHEMA_VERSION, Stage, stage_json
from edgeprune.training.magnitude import zero_share
from edgeprune.types import Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgeprune.data.dataset import Dataset
    from edgeprune.pipeline.measuring import Built
    from edgeprune.run_record import RunRecord

Files = dict[str, bytes | Path]
_MAX_CLASSES = 200


def document(built: Built, records: Mapping[str, RunRecord]) -> bytes:
    """report.json."""
    job, data, deployed = built.job, built.inputs.data, built.deployed
    report = built.trained.pruned.report
    tests = {
        name: (outputs[0], built.inputs.metrics(
            data.test, outputs, built.inputs.test, deployed.thresholds.get(name),
        ))
        for name, outputs in deployed.outputs.items()
    }
    others = deployed.parity.others_fraction
    stages = {}
    for name, converted in deployed.files.items():
        cost = report.before if name == "baseline" else report.after
        stages[name] = stage_json(Stage(
            cost.neurons, cost.params, cost.macs, len(converted.tflite), tests[name][1], records.get(name),
        ))
    content = {
        "schema_version": SCHEMA_VERSION,
        "recipe": as_mapping(job.recipe),
        "model": built.inputs.model.name,
        "data": {
            "name": data.name, "source": data.source, "licence": data.licence, "synthetic": data.synthetic,
            "train": len(data.train), "validation": len(data.validation), "test": len(data.test),
        },
        "device": job.device,
        "stages": stages,
        "removed": report.removed,
        "groups": report.groups,
        "layers": layer_rows(built.trained.pruned.dependencies, built.trained.pruned.keep),
        "refusals": report.refusals,
        "equivalence": report.equivalence,
        "quantization": {
            **deployed.quantized.report(),
            "io": job.recipe.io,
            "agreement": deployed.parity.agreement_fraction,
            "max_abs_difference": deployed.parity.max_abs_difference,
            "metric_difference": -deployed.parity.metric_drop_fraction,
            **({} if others is None else {"other_outputs_agreement": others}),
        },
        "training": [
            {"epoch": epoch.number, "loss": _finite(epoch.loss), "score": _finite(epoch.score)}
            for epoch in built.trained.curve
        ],
        "notes": [*_origin(data), *report.notes, *job.notes, *deployed.quantized.notes, *_notes(built)],
        "timings_s": {name: round(value, 3) for name, value in job.seconds.items()},
    }
    if built.trained.explanation is not None:
        content["budget"] = built.trained.explanation
    if built.trained.trials:
        content["search"] = built.trained.trials
    if built.folds:
        content["cross_validation"] = list(built.folds)
    if job.recipe.method != "structural":
        content["zero_weights"] = zero_share(deployed.float_model)
    if confusion := _confusion(built):
        content["confusion"] = confusion
    return (jsonable.dumps(content, indent=1) + "\n").encode()


def _origin(data: Dataset) -> list[str]:
    """What has to be said before any accuracy."""
    said = f"The data is synthetic ({data.source}): its accuracies say nothing about the real world."
    return [said] if data.synthetic else []


def _confusion(built: Built) -> dict[str, Any]:
    """Counts on the test split, rows true and columns answered, where there are classes."""
    data = built.inputs.data
    y, labels = data.test.y, data.labels
    if y is None or y.ndim != 1 or labels is None or len(labels) > _MAX_CLASSES:
        return {}
    if not built.inputs.classes or not {"accuracy", "agreement"} & set(data.metrics):
        return {}
    return {
        name: confusion_counts(Evaluation(y, built.deployed.outputs[name][0], labels)).astype(int).tolist()
        for name in ("baseline", "deployed")
    }


def _notes(built: Built) -> list[str]:
    """What has to be said of zeros and shared weights: they do not make a model faster."""
    recipe, quantized = built.job.recipe, built.deployed.quantized
    if recipe.method == "structural" and not recipe.clusters:
        return []
    said = (
        f"Zeros and shared weights make a download smaller ({quantized.zip_bytes:,} bytes in a zip), not the "
        f"file the device runs ({quantized.runnable_bytes:,} bytes), and nothing faster."
    )
    return [said]


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
