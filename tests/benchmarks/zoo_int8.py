"""int8 against float for every model of the zoo and two published ones, on test data no decision saw.

    python tests/benchmarks/zoo_int8.py [--only NAME ...] [--epochs 3] [--train 4000]

Each model is trained (shortly: quantization is what counts here), pruned by half, fine-tuned for one
epoch and built; the float model it is held against is the pruned one. Builds are kept in `--work`, and a
run goes on where the one before stopped; what is there goes into the README. Without labels, the share
of samples with the same answer counts instead of the metric.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np
from quantize_alone import cifar, speech
from readme import README, write_between

import edgeprune
import edgeprune_models as zoo
from edgeprune.data.dataset import Dataset, Split
from edgeprune.errors import EdgepruneError
from edgeprune_models import training

PROJECT = Path(__file__).resolve().parents[2]
SHARED = PROJECT.parent / "shared"
ALLOWED_POINTS = 0.5


@dataclasses.dataclass(frozen=True)
class Options:
    """How long a baseline is trained."""

    work: Path
    epochs: int
    train: int


def from_zoo(entry: zoo.ZooModel, options: Options) -> tuple[Any, Dataset]:
    """A model of the zoo, trained on its own data."""
    data = entry.load_data()
    data = dataclasses.replace(data, train=data.train.take(slice(0, options.train)))
    model = entry.build_for(data, 0)
    recipe = dataclasses.replace(entry.recipe, epochs=min(entry.recipe.epochs, options.epochs))
    return training.train(model, data, recipe, 0).model, data


def published_resnet(options: Options) -> tuple[Path, Dataset]:
    x, y = cifar(SHARED, "train", options.train + 1000)
    learn, hold = slice(0, options.train), slice(options.train, None)
    names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    data = Dataset(
        "vision", Split(x[learn], y[learn]), Split(x[hold], y[hold]), Split(*cifar(SHARED, "test", 4000)),
        labels=names, name="cifar10",
    )
    return SHARED / "models" / "pretrainedResnet.h5", data


def published_keywords(options: Options) -> tuple[Path, Dataset]:
    """Without labels: most of these recordings are of words that the model does not know."""
    del options
    x = speech(SHARED).astype(np.float32)
    data = Dataset(
        "speech", Split(x[:1000]), Split(x[1000:1300]), Split(x[1300:]), name="speech-commands"
    )
    return SHARED / "models" / "kws_ref_model_converted.h5", data


CASES: Mapping[str, Callable[[Options], tuple[Any, Dataset]]] = {
    **{name: lambda options, entry=entry: from_zoo(entry, options) for name, entry in zoo.ZOO.items()},
    "pretrainedResnet.h5": published_resnet,
    "kws_ref_model_converted.h5": published_keywords,
}


def built(name: str, options: Options) -> dict[str, Any]:
    """The report of a model's build, from an earlier run where there was one."""
    folder = options.work / name
    if not (folder / "report.json").is_file():
        model, data = CASES[name](options)
        edgeprune.build(model, data, out=folder, prune=0.5, schedule="one-shot", epochs=1)
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report


def lost_points(report: Mapping[str, Any]) -> float:
    """Of the metric; of agreement where there are no labels."""
    found = report["quantization"]
    if "agreement" in report["stages"]["deployed"]["metrics"]:
        return 100 * (1 - found["agreement"])
    return -100 * found["metric_difference"]


def row(name: str, report: Mapping[str, Any]) -> str:
    stages, found = report["stages"], report["quantization"]
    metric = next(iter(stages["deployed"]["metrics"]))
    floating, deployed = (stages[stage]["metrics"][metric] for stage in ("pruned", "deployed"))
    step = next(step for step in found["steps"] if step["chosen"])
    cells = (
        name, f"{report['data']['test']:,}", metric, f"{floating:.4f}", f"{deployed:.4f}",
        f"{lost_points(report):+.2f}", f"{100 * found['agreement']:.2f} %",
        f"{step['name']}, {found['route']}",
    )
    return f"| {' | '.join(cells)} |"


def table(reports: Mapping[str, Mapping[str, Any]]) -> str:
    titles = ("model", "test samples", "metric", "float, pruned", "int8", "points lost", "same answers", "by")
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    return "\n".join([*lines, *(row(name, report) for name, report in reports.items())])


def main() -> int:
    """Builds what is missing; 1 if a model in the table lost more than is allowed."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--work", type=Path, default=PROJECT / "build" / "zoo_int8")
    parser.add_argument("--epochs", type=int, default=3, help="of a baseline, at most")
    parser.add_argument("--train", type=int, default=4000, help="training samples, at most")
    args = parser.parse_args()
    options = Options(args.work, args.epochs, args.train)
    failed = []
    for name in args.only:
        try:
            report = built(name, options)
        except EdgepruneError as error:
            sys.stdout.write(f"{name}: {error}\n")
            failed.append(name)
            continue
        sys.stdout.write(row(name, report) + "\n")
        sys.stdout.flush()
    there = [name for name in CASES if (options.work / name / "report.json").is_file()]
    done = {name: built(name, options) for name in there}
    write_between(README, "zoo int8", table(done))
    failed += [name for name, report in done.items() if lost_points(report) > ALLOWED_POINTS]
    sys.stdout.write(f"Beyond {ALLOWED_POINTS} points: {', '.join(failed) or 'none'}\n")
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
