"""What one-shot pruning loses on Fashion-MNIST, without training and without labels.

    python tests/benchmarks/reconstruction.py --seeds 0 1 2 --write

Half and three quarters of the neurons; and the multiply-accumulates of halving and quartering every
layer. Mean over networks trained from different seeds, and the seconds each pruning took. Seeds that
were measured earlier are taken from build/benchmarks/reconstruction/.
"""

# ruff: noqa: T201 - a script that prints its results

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pruning_networks as networks
from readme import README, write_between

import edgeprune
from edgeprune.graph.cost import cost
from edgeprune.keras_bridge.read import read
from edgeprune.pruning.dependencies import find_dependencies

KEPT = networks.KEPT / "reconstruction"


def macs_of_uniform(model: object, divisor: int) -> float:
    """Share of the multiply-accumulates that is gone when every layer keeps one in `divisor`."""
    units = find_dependencies(read(model).graph)
    keep = np.ones(units.count, bool)
    for group in units.groups:
        keep[group.channels[len(group.channels) // divisor :]] = False
    return 1 - cost(units, keep).macs / cost(units).macs


def measured(seed: int, images: networks.Images) -> list[dict[str, Any]]:
    """One network, pruned in every way."""
    model = networks.fashion_network(seed, images)
    baseline = networks.accuracy(model, images)
    cases = [("25 % of the neurons", 0.25, "neurons"), ("50 % of the neurons", 0.5, "neurons")]
    cases += [("75 % of the neurons", 0.75, "neurons")]
    cases += [(f"MACs of 1/{by} of every layer", macs_of_uniform(model, by), "macs") for by in (2, 4)]
    rows = []
    for name, amount, unit in cases:
        start, work = time.perf_counter(), time.process_time()
        found = edgeprune.prune(model, amount, calibration=images.calibration, unit=unit)
        seconds, work = time.perf_counter() - start, time.process_time() - work
        rows.append(
            {
                "case": name,
                "baseline": baseline,
                "loss": baseline - networks.accuracy(found.model, images),
                "widths": [group.units_after for group in found.report.groups],
                "seconds": seconds,
                "cpu_seconds": work,
            }
        )
        print(seed, rows[-1], flush=True)
    return rows


def table(kept: Path) -> str:
    """Markdown: the mean of every case over the seeds, and each seed."""
    found = [json.loads(path.read_text()) for path in sorted(kept.glob("*.json"))]
    lines = ["| removed | points lost, mean | each network | seconds, at most |", "|---|---|---|---|"]
    for rows in zip(*found, strict=True):
        losses = [row["loss"] for row in rows]
        each = ", ".join(f"{loss:.2f}" for loss in losses)
        slowest = max(row["seconds"] for row in rows)
        lines.append(f"| {rows[0]['case']} | {np.mean(losses):.2f} | {each} | {slowest:.1f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--write", action="store_true", help="write the table into README.md beside it")
    options = parser.parse_args()
    images = networks.fashion()
    KEPT.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        path = KEPT / f"{seed}.json"
        if not path.is_file():
            path.write_text(json.dumps(measured(seed, images), indent=1))
    print(table(KEPT))
    if options.write:
        write_between(README, "one shot", table(KEPT))


if __name__ == "__main__":
    main()
