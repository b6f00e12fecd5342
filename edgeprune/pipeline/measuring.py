"""Runs the three models on the device, which is this machine unless said, and writes the bundle."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from edgeprune.bundle import write_bundle
from edgeprune.quantities import show_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgeprune.bundle import Bundle
    from edgeprune.pipeline.inputs import Inputs
    from edgeprune.pipeline.job import Job
    from edgeprune.pipeline.quantizing import Deployed
    from edgeprune.pipeline.training import Trained


@dataclasses.dataclass(frozen=True, eq=False)
class Built:
    """What the stages before measuring gave.

    Attributes:
        folds: the task's metric on each held-out part, where cross-validation was asked for.
    """

    job: Job
    inputs: Inputs
    trained: Trained
    deployed: Deployed
    folds: tuple[float, ...] = ()


_SLOWER = 1.1
"""Times the original's latency that noise does not make of equal files."""


def slower(p50_ms: Mapping[str, float], quantize: str) -> list[str]:
    """Says it where the file that ships takes longer than the original in float32.

    Integer kernels of a model that takes microseconds cost more than they save.
    """
    before, after = p50_ms.get("baseline"), p50_ms.get("deployed")
    if before is None or after is None or after <= _SLOWER * before:
        return []
    found = f"takes {show_duration(after)}, the original in float32 {show_duration(before)}"
    return [
        f"The deployed model is smaller, not faster: it {found}. Compare --quantize dynamic and float16."
        if quantize in ("int8", "int16x8")
        else f"The deployed model is not faster: it {found}."
    ]


def measure_and_write(built: Built, folder: Path, command: str, parts: Mapping[str, str]) -> Bundle:
    """Measures, and replaces the output folder as a whole."""
    from device_runners import bench
    from edgeprune.pipeline.build import is_chief
    from edgeprune.pipeline.document import bundle_files, document, manifest

    job = built.job
    files = bundle_files(built)
    description = manifest(built, command, parts)
    records = {}
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as name, job.clock("measure") as tell:
        room = Path(name)
        trial = write_bundle(room / "bundle", description, files)
        for number, (stage, converted) in enumerate(built.deployed.files.items(), start=1):
            path = room / f"{stage}.tflite"
            path.write_bytes(converted.tflite)
            target = trial if stage == "deployed" else path
            records[stage] = bench(target, job.device, job.bench_options())
            tell(number / len(built.deployed.files))
    latencies = {stage: record.latency.p50_ms for stage, record in records.items()}
    job.notes.extend(slower(latencies, job.recipe.quantize))
    files["report.json"] = document(built, records)
    if not is_chief() and job.recipe.distribute == "multi-worker":
        # The chief writes the output folder, sooner or later; what this worker shows is its own copy.
        folder = Path(tempfile.mkdtemp(prefix="edgeprune-worker-")) / folder.name
    return write_bundle(folder, description, files)
