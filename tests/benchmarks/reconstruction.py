"""What one-shot pruning loses on Fashion-MNIST, without training and without labels.

    python tests/benchmarks/reconstruction.py --seeds 0 1 2 --out build/benchmarks/reconstruction.json

Half and three quarters of the neurons; and the multiply-accumulates of halving and quartering every
layer. Mean over networks trained from different seeds, and the seconds each pruning took.
"""

# ruff: noqa: T201 - a script that prints its results

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pruning_networks as networks

import edgeprune
from edgeprune.graph.cost import cost
from edgeprune.keras_bridge.read import read
from edgeprune.pruning.units import trace


def macs_of_uniform(model: object, divisor: int) -> float:
    """Share of the multiply-accumulates that is gone when every layer keeps one in `divisor`."""
    units = trace(read(model).graph)
    keep = np.ones(units.count, bool)
    for group in units.groups:
        keep[group.units[len(group.units) // divisor :]] = False
    return 1 - cost(units, keep).macs / cost(units).macs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    images = networks.fashion()
    rows: dict[str, list[dict[str, object]]] = {}
    for seed in options.seeds:
        model = networks.fashion_network(seed, images)
        baseline = networks.accuracy(model, images)
        cases = [("neurons 50 %", 0.5, "neurons"), ("neurons 75 %", 0.75, "neurons")]
        cases += [(f"MACs of 1/{by}", macs_of_uniform(model, by), "macs") for by in (2, 4)]
        for name, amount, unit in cases:
            start, work = time.perf_counter(), time.process_time()
            found = edgeprune.prune(model, amount, calibration=images.calibration, unit=unit)
            seconds, work = time.perf_counter() - start, time.process_time() - work
            row = {
                "seed": seed,
                "baseline": baseline,
                "loss": baseline - networks.accuracy(found.model, images),
                "widths": [group.units_after for group in found.report.groups],
                "seconds": seconds,
                "cpu_seconds": work,
            }
            rows.setdefault(name, []).append(row)
            print(name, row, flush=True)
    for name, found_rows in rows.items():
        loss, seconds = (np.mean([row[key] for row in found_rows]) for key in ("loss", "seconds"))
        print(f"| {name} | {loss:.2f} points | {seconds:.1f} s |")
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
