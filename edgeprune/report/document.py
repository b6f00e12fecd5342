"""From what a build gave to the files of its bundle: report.json, the manifest, samples, labels."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune import jsonable
from edgeprune.bundle import pack_eval
from edgeprune.data.calibration import choose
from edgeprune.keras_bridge.save import saved_bytes
from edgeprune.recipe import as_mapping
from edgeprune.report.stages import SCHEMA_VERSION, Stage, stage_json
from edgeprune.types import Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgeprune.conversion import Converted, Parity
    from edgeprune.data.dataset import Dataset
    from edgeprune.pruning.result import PruneResult
    from edgeprune.recipe import Recipe
    from edgeprune.run_record import RunRecord
    from edgeprune.training import Epoch

Files = dict[str, bytes | Path]
_PACKAGES = (
    "edgeprune", "tensorflow", "tf_keras", "keras", "tensorflow-model-optimization", "ai-edge-litert",
    "numpy",
)


@dataclasses.dataclass(frozen=True, eq=False)
class Built:
    """What the stages before measuring gave.

    Attributes:
        model: the baseline.
        final: the pruned, fine-tuned float model.
        curve: of fine-tuning.
        converted: ``baseline``, ``pruned`` (both float) and ``deployed`` to their `.tflite`.
        metrics: of the same three, on the test split.
        parity: deployed against final.
    """

    recipe: Recipe
    data: Dataset
    model: Any
    final: Any
    pruned: PruneResult
    curve: tuple[Epoch, ...]
    converted: Mapping[str, Converted]
    metrics: Mapping[str, Mapping[str, float]]
    parity: Parity


def document(built: Built, records: Mapping[str, RunRecord], seconds: Mapping[str, float]) -> bytes:
    """report.json."""
    report, data, deployed = built.pruned.report, built.data, built.converted["deployed"]
    stages = {}
    for name, converted in built.converted.items():
        cost = report.before if name == "baseline" else report.after
        stages[name] = stage_json(Stage(
            cost.neurons, cost.params, cost.macs, len(converted.tflite), built.metrics[name],
            records.get(name),
        ))
    content = {
        "schema_version": SCHEMA_VERSION,
        "recipe": as_mapping(built.recipe),
        "model": built.model.name,
        "data": {
            "name": data.name, "source": data.source, "licence": data.licence, "synthetic": data.synthetic,
            "train": len(data.train), "validation": len(data.validation), "test": len(data.test),
        },
        "stages": stages,
        "removed": report.removed,
        "groups": report.groups,
        "refusals": report.refusals,
        "equivalence": report.equivalence,
        "quantization": {
            "mode": deployed.mode, "route": deployed.route, "io": built.recipe.io,
            "operators": deployed.operators, "agreement": built.parity.agreement_fraction,
            "max_abs_difference": built.parity.max_abs_difference,
        },
        "training": [
            {"epoch": epoch.number, "loss": _finite(epoch.loss), "score": _finite(epoch.score)}
            for epoch in built.curve
        ],
        "notes": [*report.notes, *deployed.notes],
        "timings_s": {name: round(value, 3) for name, value in seconds.items()},
    }
    return (jsonable.dumps(content, indent=1) + "\n").encode()


def bundle_files(built: Built) -> Files:
    """Everything in the bundle but the manifest and report.json."""
    files: Files = {
        "model.tflite": built.converted["deployed"].tflite,
        "model.keras": saved_bytes(built.final),
        **{name: text.encode() for name, text in built.data.files.items()},
    }
    if built.data.test.y is not None:
        split = choose(built.data.test, built.recipe.eval_samples, built.recipe.seed)
        arrays = split.x if isinstance(split.x, tuple) else (split.x,)
        # Texts are kept as Python objects on the host; numpy's own strings travel without pickle.
        inputs = tuple(array.astype(str) if array.dtype.hasobject else array for array in arrays)
        if split.y is not None and len(split):
            files["eval.npz"] = pack_eval(inputs, split.y)
    if built.data.labels:
        files["labels.txt"] = ("\n".join(built.data.labels) + "\n").encode()
    return files


def manifest(built: Built, calibration: Any, command: str) -> Manifest:
    """The bundle's own description; `write_bundle` fills in the files."""
    deployed = built.converted["deployed"]
    arrays = calibration if isinstance(calibration, tuple) else (calibration,)
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return Manifest(
        task=built.recipe.task, inputs=deployed.inputs, outputs=deployed.outputs,
        preprocessing=built.data.preprocessing, metrics=built.data.metrics, files={},
        seed=built.recipe.seed, recipe=as_mapping(built.recipe),
        calibration={"samples": len(arrays[0]), "sha256": digest.hexdigest()},
        versions={name: importlib.metadata.version(name) for name in _PACKAGES},
        commands=(command,) if command else (), stream=built.data.stream,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
