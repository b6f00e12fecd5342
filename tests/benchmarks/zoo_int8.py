"""int8 against float for every model of the zoo and two published ones, on test data no decision saw.

    python tests/benchmarks/zoo_int8.py [--only NAME ...]

A model of the zoo is the one that `half_pruned.py` builds, on real data where it has some, seed 0; the two
published ones are pruned by half and fine-tuned for one epoch. The float model that int8 is held against
is the pruned one. Builds are kept, and what is there goes into the README beside this script. Without labels,
the share of samples with the same answer counts instead of the metric.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import half_pruned
import numpy as np
from quantize_alone import cifar, speech
from readme import README, write_between

import edgeprune
import edgeprune_models as zoo
from edgeprune.data.dataset import Dataset, Split
from edgeprune.errors import EdgepruneError

PROJECT = Path(__file__).resolve().parents[2]
SHARED = PROJECT.parent / "shared"
ALLOWED_POINTS = 0.5


TRAINED = 4000
"""Images of CIFAR-10 that the published ResNet-8 is fine-tuned on."""


def published_resnet() -> tuple[Path, Dataset]:
    x, y = cifar(SHARED, "train", TRAINED + 1000)
    learn, hold = slice(0, TRAINED), slice(TRAINED, None)
    names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    data = Dataset(
        "vision", Split(x[learn], y[learn]), Split(x[hold], y[hold]), Split(*cifar(SHARED, "test", 4000)),
        labels=names, name="cifar10",
    )
    return SHARED / "models" / "pretrainedResnet.h5", data


def published_keywords() -> tuple[Path, Dataset]:
    """Without labels: most of these recordings are of words that the model does not know."""
    x = speech(SHARED).astype(np.float32)
    data = Dataset(
        "speech", Split(x[:1000]), Split(x[1000:1300]), Split(x[1300:]), name="speech-commands"
    )
    return SHARED / "models" / "kws_ref_model_converted.h5", data


PUBLISHED: Mapping[str, Callable[[], tuple[Path, Dataset]]] = {
    "pretrainedResnet.h5": published_resnet,
    "kws_ref_model_converted.h5": published_keywords,
}


CASES = (*zoo.ZOO, *PUBLISHED)


def kept(name: str) -> Path:
    """Where the report of a model's build is."""
    if name in PUBLISHED:
        return half_pruned.ROOT / "build" / "zoo_int8" / name / "report.json"
    there = [pair.file(0) for pair in half_pruned.ALL if pair.model == name and pair.file(0).is_file()]
    return there[0] if there else half_pruned.Pair(name).file(0)


def built(name: str) -> dict[str, Any]:
    """The report of a model's build, from an earlier run where there was one."""
    if not kept(name).is_file():
        if name in PUBLISHED:
            model, data = PUBLISHED[name]()
            edgeprune.build(model, data, out=kept(name).parent, prune=0.5, schedule="one-shot", epochs=1)
        else:
            half_pruned.KEPT.mkdir(parents=True, exist_ok=True)
            half_pruned.build(half_pruned.Pair(name), 0, {})
    report: dict[str, Any] = json.loads(kept(name).read_text(encoding="utf-8"))
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
        f"{step['name']}, {found['route']}", str(chosen_among(found["steps"])),
    )
    return f"| {' | '.join(cells)} |"


def chosen_among(steps: Sequence[Mapping[str, Any]]) -> int:
    """How many files were made and measured."""
    return sum("runnable_bytes" in step for step in steps)


def table(reports: Mapping[str, Mapping[str, Any]]) -> str:
    titles = (
        "model", "test samples", "metric", "float, pruned", "int8", "points lost", "same answers", "by",
        "chosen among",
    )
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    return "\n".join([*lines, *(row(name, report) for name, report in reports.items())])


def main() -> int:
    """Builds what is missing; 1 if a model in the table lost more than is allowed."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    args = parser.parse_args()
    failed = []
    for name in args.only:
        try:
            report = built(name)
        except EdgepruneError as error:
            sys.stdout.write(f"{name}: {error}\n")
            failed.append(name)
            continue
        sys.stdout.write(row(name, report) + "\n")
        sys.stdout.flush()
    there = [name for name in CASES if kept(name).is_file()]
    done = {name: built(name) for name in there}
    write_between(README, "zoo int8", table(done))
    failed += [name for name, report in done.items() if lost_points(report) > ALLOWED_POINTS]
    sys.stdout.write(f"Beyond {ALLOWED_POINTS} points: {', '.join(failed) or 'none'}\n")
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
