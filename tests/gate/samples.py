"""A whole and true bundle in miniature: a real int8 model, its samples, figures measured by running it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from device_runners import BenchOptions, bench
from edgeprune.bundle import pack_eval, read_bundle, write_bundle
from edgeprune.conversion import flatfile
from edgeprune.types import Manifest

GOLDEN = Path(__file__).parent.parent / "device_runners" / "golden" / "bundle_v1"
RECIPE = {"task": "vision", "prune": 0.5, "quantize": "int8", "calibration": 64, "eval_samples": 16,
          "seed": 7}
# Real samples to measure by are few, so that a test run is quick.
SAMPLES, TEST = 16, 40


def stage(neurons: int, params: int, macs: int, size: int, right: int, **more: object) -> dict:
    return {
        "neurons": neurons, "params": params, "macs": macs, "tflite_bytes": size,
        "metrics": {"accuracy": right / TEST},
        "latency_ms": {"p50": 0.02, "p90": 0.03, "p99": 0.05}, "peak_memory_bytes": 40_000_000, **more,
    }


def make_bundle(folder: Path) -> Path:
    """What a build leaves; the small figures of `groups` fit the stages."""
    golden = read_bundle(GOLDEN)
    samples = np.load(GOLDEN / "eval.npz")
    model = golden.model.read_bytes()
    files = {
        "model.tflite": model, "model.keras": b"\x89HDF\r\n\x1a\n", "labels.txt": GOLDEN / "labels.txt",
        "eval.npz": pack_eval([samples["x"][:SAMPLES]], samples["y"][:SAMPLES]),
    }
    manifest = Manifest(
        task="vision", inputs=golden.manifest.inputs, outputs=golden.manifest.outputs,
        preprocessing=golden.manifest.preprocessing, metrics=("accuracy",), files={}, seed=7, recipe=RECIPE,
        calibration={"samples": 64}, versions={"edgeprune": "0.1.0"}, commands=("edgeprune build",),
    )
    trial = write_bundle(folder / "trial", manifest, files)
    quick = BenchOptions(runs=1, min_time_s=0.01)
    few = bench(trial, "local", quick)
    every = bench(GOLDEN, "local", quick)
    right = round(every.metrics["accuracy"] * TEST)
    on_eval = {"samples": SAMPLES, "metrics": dict(few.metrics)}
    report = {
        "schema_version": 2, "recipe": RECIPE, "model": "tiny", "data": {"name": "noise", "test": TEST},
        "stages": {
            "baseline": stage(48, 4000, 90_000, 4 * len(model), right),
            "pruned": stage(24, 1000, 30_000, 2 * len(model), right),
            "deployed": stage(24, 1000, 30_000, len(model), right, on_eval=on_eval),
        },
        "removed": {"neurons": 0.5, "params": 0.75, "macs": 2 / 3},
        "groups": [
            {"name": "conv", "units_before": 16, "units_after": 8},
            {"name": "conv_1", "units_before": 32, "units_after": 16},
        ],
        "layers": [
            {"name": "conv", "kind": "Conv2D", "macs_before": 30_000, "macs_after": 9_000,
             "params_before": 1500, "params_after": 400},
            {"name": "conv_1", "kind": "Conv2D", "macs_before": 60_000, "macs_after": 21_000,
             "params_before": 2500, "params_after": 600},
        ],
        "refusals": [], "equivalence": {"max_abs_error": 1e-7, "tolerance": 1e-5, "samples": 4},
        "quantization": {
            "mode": "int8", "io": "int8", "agreement": 1.0,
            "operators": dict(flatfile.operator_counts(flatfile.parse(model))),
        },
        "training": [{"epoch": 0, "loss": None, "score": 0.5}, {"epoch": 1, "loss": 0.4, "score": 0.6}],
        "notes": [], "timings_s": {"prune": 1.0},
    }
    files["report.json"] = json.dumps(report, indent=1).encode()
    return write_bundle(folder / "true", manifest, files).path
