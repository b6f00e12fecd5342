"""What planning costs beside building: CPU time and peak memory, in units of Keras' own.

    python tests/benchmarks/planning_time.py [--torch-python build/torch/bin/python] [--readme README.md]

Planning is reading the graph, groups, plan, strip and the rebuilt model, without calibration. The
limits: at most three times the time that Keras needs to build the model once, in the same run, and
a peak of less than three times the model's weights (above what the model itself takes). "Own" is
edgeprune's part: reading the graph, groups, plan and strip; the rest is Keras building the smaller model.
Every network runs in a process of its own, so that peaks do not mix. With a Python that has PyTorch,
Torch-Pruning's own planning of the same architecture stands beside it; it changes the network in place.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from readme import write_between

REPEATS = 7
"""The best counts, for Keras, edgeprune and Torch-Pruning alike: the machine may be busy."""
NETWORKS = {"MobileNetV2": 224, "ResNet50": 224, "ResNet152": 224}


def peak_bytes() -> int:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(name: str) -> dict[str, float]:
    """Builds and plans one network."""
    import keras

    from edgeprune.keras_bridge.build import build
    from edgeprune.keras_bridge.read import read
    from edgeprune.pruning.compaction import compact
    from edgeprune.pruning.dependencies import find_dependencies

    side = NETWORKS[name]
    make = getattr(keras.applications, name)
    keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])  # imports and first-use costs
    start = time.process_time()
    model = make(weights=None, input_shape=(side, side, 3))
    building = [time.process_time() - start]
    before = peak_bytes()
    planning, own = [], []
    for turn in range(REPEATS):
        start = time.process_time()
        reading = read(model)
        units = find_dependencies(reading.graph)
        keep = np.ones(units.count, bool)
        for group in units.groups:
            keep[group.channels[: len(group.channels) // 2]] = False
        traced = time.process_time() - start
        stripped = compact(units, keep)
        own.append(time.process_time() - start)
        smaller = build(reading, stripped)
        planning.append(time.process_time() - start)
        if not turn:
            extra = peak_bytes() - before
    for _ in range(REPEATS - 1):
        start = time.process_time()
        make(weights=None, input_shape=(side, side, 3))
        building.append(time.process_time() - start)
    weights = 4 * model.count_params()
    return {
        "calls": len(reading.graph.calls),
        "build_s": min(building),
        "trace_s": traced,
        "own_s": min(own),
        "plan_s": min(planning),
        "ratio": min(planning) / min(building),
        "weights_mb": weights / 2**20,
        "extra_peak_mb": extra / 2**20,
        "extra_peak_in_models": extra / weights,
        "params_left": smaller.count_params(),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown, a line for each network."""
    lines = [
        "| model | calls | Keras builds | edgeprune plans | ratio | own | Torch-Pruning | peak / weights |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        other = f"{row['torch_s']:.2f} s" if "torch_s" in row else ""
        lines.append(
            f"| {row['model']} | {row['calls']} | {row['build_s']:.2f} s | {row['plan_s']:.2f} s "
            f"| {row['ratio']:.2f} | {row['own_s']:.2f} s | {other} | {row['extra_peak_in_models']:.2f} |"
        )
    return "\n".join(lines)


def run(*command: str) -> dict[str, Any]:
    """Runs a script that prints JSON last."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measures every network, each in its own process, and prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=list(NETWORKS), help="one network, in this process, as JSON")
    parser.add_argument("--torch-python", help="a Python that has torch and torch-pruning")
    parser.add_argument("--readme", type=Path, help="file whose <!-- planning --> part is replaced")
    options = parser.parse_args()
    if options.model:
        print(json.dumps(measure(options.model)))  # noqa: T201 - a script
        return
    rows: list[dict[str, Any]] = []
    failed = False
    for name, side in NETWORKS.items():
        row = run(sys.executable, __file__, "--model", name) | {"model": f"{name}-{side}"}
        failed |= row["ratio"] > 3 or row["extra_peak_in_models"] > 3
        if options.torch_python:
            other = Path(__file__).with_name("torch_planning.py")
            row["torch_s"] = run(options.torch_python, str(other), name)["plan_s"]
            failed |= row["plan_s"] > row["torch_s"]
        rows.append(row)
    if options.readme:
        write_between(options.readme, "planning", table(rows))
    print(table(rows))  # noqa: T201
    sys.exit(failed)


if __name__ == "__main__":
    main()
