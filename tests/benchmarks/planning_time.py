"""What planning costs beside building: CPU time and peak memory, in units of Keras' own.

    python tests/benchmarks/planning_time.py [--model NAME]

Planning is reading the graph, groups, plan, strip and the rebuilt model, without calibration. The
limits: at most three times the time that Keras needs to build the model once, in the same run, and
a peak of less than three times the model's weights (above what the model itself takes).
Every network runs in a process of its own, so that peaks do not mix.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

NETWORKS = {"MobileNetV2": 224, "ResNet50": 224, "ResNet152": 224}


def peak_bytes() -> int:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(name: str) -> dict[str, float]:
    """Builds and plans one network."""
    import keras

    from edgeprune.keras_bridge.build import build
    from edgeprune.keras_bridge.read import read
    from edgeprune.pruning.strip import strip
    from edgeprune.pruning.units import trace

    side = NETWORKS[name]
    make = getattr(keras.applications, name)
    keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])  # imports and first-use costs
    start = time.process_time()
    model = make(weights=None, input_shape=(side, side, 3))
    building = time.process_time() - start
    before = peak_bytes()
    start = time.process_time()
    reading = read(model)
    units = trace(reading.graph)
    keep = np.ones(units.count, bool)
    for group in units.groups:
        keep[group.units[: len(group.units) // 2]] = False
    traced = time.process_time() - start
    smaller = build(reading, strip(units, keep))
    planning = time.process_time() - start
    weights = 4 * model.count_params()
    return {
        "calls": len(reading.graph.calls),
        "build_s": building,
        "trace_s": traced,
        "plan_s": planning,
        "ratio": planning / building,
        "weights_mb": weights / 2**20,
        "extra_peak_mb": (peak_bytes() - before) / 2**20,
        "extra_peak_in_models": (peak_bytes() - before) / weights,
        "params_left": smaller.count_params(),
    }


def main() -> None:
    """Measures every network, each in its own process, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=list(NETWORKS), help="one network, in this process, as JSON")
    options = parser.parse_args()
    if options.model:
        print(json.dumps(measure(options.model)))  # noqa: T201 - a script
        return
    print("| model | calls | Keras builds | edgeprune plans | ratio | of that trace | extra peak / weights |")  # noqa: T201
    print("|---|---|---|---|---|---|---|")  # noqa: T201
    failed = False
    for name, side in NETWORKS.items():
        done = subprocess.run(
            [sys.executable, __file__, "--model", name], check=True, capture_output=True, text=True
        )
        row = json.loads(done.stdout.splitlines()[-1])
        failed |= row["ratio"] > 3 or row["extra_peak_in_models"] > 3
        print(  # noqa: T201
            f"| {name}-{side} | {row['calls']} | {row['build_s']:.2f} s | {row['plan_s']:.2f} s "
            f"| {row['ratio']:.2f} | {row['trace_s']:.2f} s | {row['extra_peak_in_models']:.2f} |"
        )
    sys.exit(failed)


if __name__ == "__main__":
    main()
