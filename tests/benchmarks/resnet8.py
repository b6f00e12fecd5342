"""MLPerf Tiny's published ResNet-8 without a quarter of its neurons: one-shot and after training.

    python tests/benchmarks/resnet8.py --torch-python build/torch/bin/python

One shot against the best criterion of Torch-Pruning at equal multiply-accumulates; then the pruned
model and the original, each given the same three epochs.
"""

# ruff: noqa: T201 - a script that prints its results

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pruning_networks as networks
from versus_torch_pruning import by_torch_pruning, with_weights

import edgeprune

RATE = 3e-4
"""For both: the published network has converged, a larger rate would unlearn."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--torch-python", help="a Python that has torch and torch-pruning; none: without it")
    parser.add_argument("--amount", type=float, default=0.25)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=networks.KEPT / "resnet8.json")
    options = parser.parse_args()
    images, model = networks.cifar(), networks.resnet8()
    found = edgeprune.prune(model, options.amount, calibration=images.calibration)
    share = found.report.after.macs / found.report.before.macs
    report: dict[str, Any] = {
        "original": networks.accuracy(model, images),
        "edgeprune": networks.accuracy(found.model, images),
        "macs_left": share,
        "groups": {group.name: group.units_after for group in found.report.groups},
        "seconds": dict(found.report.seconds),
    }
    print(report, flush=True)
    if options.torch_python:
        for _, name, pruned, left, _ in by_torch_pruning(
            options.torch_python, "resnet8", model, images, [share]
        ):
            report[f"Torch-Pruning {name}"] = {
                "one_shot": networks.accuracy(pruned, images),
                "macs_left": left,
            }
            print(name, report[f"Torch-Pruning {name}"], flush=True)
    if options.epochs:
        copy = with_weights(model, model.get_weights())
        for name, trained in (("edgeprune", found.model), ("original", copy)):
            networks.train(trained, images, options.epochs, seed=0, rate=RATE)
            report[f"{name} after {options.epochs} epochs"] = networks.accuracy(trained, images)
            print(name, report[f"{name} after {options.epochs} epochs"], flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
