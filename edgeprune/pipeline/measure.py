"""Stage: `DeployedModel` -> `Measurements`: the three files on the device, by default this machine."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path

from edgeprune.bundle import write_bundle
from edgeprune.pipeline.artifacts import DeployedModel, Measurements
from edgeprune.pipeline.context import BuildContext
from edgeprune.quantities import show_duration
from edgeprune.types import Manifest

_LEAST_S = 0.5
"""Seconds of timed inferences on this machine, at least: thousands of runs of a small model."""
_SLOWER = 1.1
"""Times the original's latency that noise does not make of equal files."""


def measure(
    deployed: DeployedModel, device: str, manifest: Manifest, files: Mapping[str, bytes | Path],
    context: BuildContext,
) -> Measurements:
    """Runs the float baseline, the float pruned model and the bundle.

    Raises:
        DeviceError: the device refused, failed or went away.
    """
    from device_runners import bench

    records, options = {}, context.bench_options
    if device == "local":
        options = dataclasses.replace(options, min_time_s=min(options.min_time_s, _LEAST_S))
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as name, context.stage("measure") as tell:
        folder = Path(name)
        bundle = write_bundle(folder / "bundle", manifest, files)
        for number, (stage, converted) in enumerate(deployed.files.items(), start=1):
            path = folder / f"{stage}.tflite"
            path.write_bytes(converted.tflite)
            target = bundle if stage == "deployed" else path
            records[stage] = bench(target, device, options)
            tell(number / len(deployed.files))
    return Measurements(records)


def slower(p50_ms: Mapping[str, float], quantize: str) -> list[str]:
    """Tells where the file that ships takes longer than the original in float32.

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
