"""MLPerf Tiny's published ResNet-8 without a quarter of its neurons: one-shot and after training.

    python tests/benchmarks/resnet8.py --torch-python build/torch/bin/python --write

One shot against the best criterion of Torch-Pruning at equal multiply-accumulates; then the pruned
model and the original, each given the same three epochs at the one of the `RATES` that does better on
validation images. ``--parts`` measures some of it; the rest is taken from build/benchmarks/resnet8.json.
"""

# ruff: noqa: T201 - a script that prints its results

from __future__ import annotations

import argparse
import json
from typing import Any

import pruning_networks as networks
from readme import README, write_between
from versus_torch_pruning import by_torch_pruning, copied

import edgeprune

KEPT = networks.KEPT / "resnet8.json"
RATES = (3e-4, 2e-3)
"""The published network has converged, and a large rate unlearns; a pruned one has to learn again."""
PARTS = ("one-shot", "edgeprune", "original")
Report = dict[str, Any]


def one_shot(model: Any, images: networks.Images, amount: float, python: str | None) -> Report:
    """Test accuracies without training."""
    found = edgeprune.prune(model, amount, calibration=images.calibration)
    share = found.report.after.macs / found.report.before.macs
    report: Report = {
        "original": networks.accuracy(model, images),
        "edgeprune": networks.accuracy(found.model, images),
        "macs_left": share,
        "groups": {group.name: group.units_after for group in found.report.groups},
        "seconds": dict(found.report.seconds),
        "Torch-Pruning": {},
    }
    if python:
        for _, name, pruned, left, _ in by_torch_pruning(python, "resnet8", model, images, [share]):
            accuracy = networks.accuracy(pruned, images)
            report["Torch-Pruning"][name] = {"one_shot": accuracy, "macs_left": left}
    return report


def three_epochs(part: str, start: Any, images: networks.Images, epochs: int) -> Report:
    """Test accuracy after training, at the rate that validation images prefer."""
    tried = []
    for rate in RATES:
        trained = copied(start)
        networks.train(trained, images, epochs, seed=0, rate=rate)
        validated = networks.accuracy(trained, images, validation=True)
        tried.append((validated, networks.accuracy(trained, images), rate))
    best = max(tried)
    return {f"{part} after training": best[1], f"{part} rate": best[2], f"{part} tried": tried}


def table(report: Report) -> str:
    """Markdown of what was measured."""
    rivals = report["Torch-Pruning"]
    rows = [("original", 1.0, report["original"]), ("edgeprune", report["macs_left"], report["edgeprune"])]
    if rivals:
        name = max(rivals, key=lambda rival: rivals[rival]["one_shot"])
        rows.append((f"Torch-Pruning {name}", rivals[name]["macs_left"], rivals[name]["one_shot"]))
    trained = any(name.endswith("after training") for name in report)
    lines = ["| ResNet-8 | MACs left | one-shot |" + " after three epochs |" * trained]
    lines.append("|---|---|---|" + "---|" * trained)
    for name, left, accuracy in rows:
        after = report.get(f"{name} after training")
        cell = "" if after is None else f"{after:.1f} %"
        lines.append(f"| {name} | {left:.0%} | {accuracy:.1f} % |" + f" {cell} |" * trained)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--torch-python", help="a Python that has torch and torch-pruning; none: without it")
    parser.add_argument("--amount", type=float, default=0.25)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--write", action="store_true", help="write the table into README.md beside it")
    options = parser.parse_args()
    images, model = networks.cifar(), networks.resnet8()
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    for part in options.parts:
        if part == "one-shot":
            found = one_shot(model, images, options.amount, options.torch_python)
        else:
            start = model
            if part == "edgeprune":
                start = edgeprune.prune(model, options.amount, calibration=images.calibration).model
            found = three_epochs(part, start, images, options.epochs)
        print(found, flush=True)
        report = json.loads(KEPT.read_text()) if KEPT.is_file() else {}
        KEPT.write_text(json.dumps(report | found, indent=1))
    if options.write:
        write_between(README, "resnet8", table(json.loads(KEPT.read_text())))


if __name__ == "__main__":
    main()
