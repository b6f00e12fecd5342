"""Half of the neurons removed by `edgeprune build`: test metrics over seeds, on real data where there is.

    python tests/benchmarks/half_pruned.py text-bag:snips-intents streaming-ds-cnn:fsdd --seeds 0 1 2
    python tests/benchmarks/half_pruned.py --write       # the means into models/results/ and models/README.md

Each MODEL:DATA pair and seed is one build of ``zoo:MODEL`` with the settings that it has for everybody:
the baseline is trained, pruned, fine-tuned and quantized, and the `.tflite` is measured on test data.
Where the data is much larger than the zoo's, the baseline is trained for fewer epochs and built as a
model of one's own.
Validation data drives every decision; test data is only reported. A report that is there already, of
this or an earlier run, is not made again (`--again` does).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import real_data
from readme import ZOO_README, merged_rows, rows_between, write_between

import edgeprune
import edgeprune_models as zoo
from edgeprune.data.dataset import Dataset
from edgeprune.data.text import movie_reviews
from edgeprune.metrics import METRICS
from edgeprune.report.figures import quality_name
from edgeprune.tasks import OutputTask, judged_metrics
from edgeprune_models import TrainingRecipe, results, training

DATA: Mapping[str, Callable[[], Dataset]] = {
    "fsdd": real_data.fsdd, "fsdd-strings": real_data.fsdd_strings,
    "speech-commands": real_data.speech_commands, "snips-intents": real_data.snips_intents,
    "snips-slots": real_data.snips_slots, "imdb": movie_reviews, "mnist": real_data.mnist,
}
ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "build" / "half_pruned"


@dataclasses.dataclass(frozen=True)
class Pair:
    """A model and what it learns.

    Attributes:
        source: a name in `DATA`, or ``own`` for the zoo's own data.
        epochs: of the baseline, where the zoo's number is not meant for so much data.
    """

    model: str
    source: str = "own"
    epochs: int | None = None

    def recipe(self) -> TrainingRecipe:
        recipe = zoo.find(self.model).recipe
        return recipe if self.epochs is None else dataclasses.replace(recipe, epochs=self.epochs)

    def data(self) -> Dataset:
        return DATA.get(self.source, zoo.find(self.model).load_data)()

    def file(self, seed: int) -> Path:
        return KEPT / f"{self.model}--{self.source}--{seed}.json"

    def reports(self) -> dict[int, dict[str, Any]]:
        """Those that are there, by seed."""
        found = sorted(KEPT.glob(f"{self.model}--{self.source}--*.json"))
        return {int(path.stem.rpartition("--")[2]): json.loads(path.read_text()) for path in found}


def build(pair: Pair, seed: int, settings: Mapping[str, Any]) -> None:
    """One build; keeps its report with the wall time."""
    started = time.perf_counter()
    data = pair.data()
    model = f"zoo:{pair.model}" if pair.epochs is None else trained(pair, data, seed)
    bundle = edgeprune.build(model, data, out=KEPT / "bundles" / pair.file(seed).stem, seed=seed, **settings)
    report = json.loads(bundle.file("report.json").read_text(encoding="utf-8"))
    report["wall_s"] = round(time.perf_counter() - started, 1)
    pair.file(seed).write_text(json.dumps(report), encoding="utf-8")
    sys.stdout.write(_line(pair, seed, report) + "\n")
    sys.stdout.flush()


def trained(pair: Pair, data: Dataset, seed: int) -> Any:
    """The baseline, from an earlier run where there was one."""
    model, recipe = zoo.find(pair.model).build_for(data, seed), pair.recipe()
    kept = KEPT / "baselines" / f"{pair.file(seed).stem}--{recipe.epochs}.weights.h5"
    if kept.is_file():
        training.compile_model(model, recipe, 1)
        model.load_weights(kept)
        return model
    training.train(model, data, recipe, seed)
    kept.parent.mkdir(exist_ok=True)
    model.save_weights(kept)
    return model


def _line(pair: Pair, seed: int, report: Mapping[str, Any]) -> str:
    stages = " -> ".join(
        ", ".join(f"{key} {value:.4f}" for key, value in report["stages"][stage]["metrics"].items())
        for stage in ("baseline", "pruned", "deployed")
    )
    times = ", ".join(f"{key} {value:.0f}" for key, value in report["timings_s"].items())
    gone = 100 * report["removed"]["neurons"]
    told = [*(one["text"] for one in report.get("warnings", ())), *report["notes"]]
    notes = "".join(f"\n    {note}" for note in told)
    return f"{pair.model}:{pair.source} seed {seed}: {stages}; {gone:.1f} % gone; {times} s{notes}"


def table(pairs: list[Pair]) -> str:
    """Markdown: a row for each pair and metric that was measured, now or for an earlier table."""
    titles = (
        "model", "data", "metric", "original", "half pruned", "points gained", "file", "faster (p50)",
        "seeds",
    )
    measured = [row for pair in pairs if pair.reports() for row in _rows(pair, pair.reports())]
    rows = merged_rows(rows_between(ZOO_README, "half pruned"), measured, keys=3)
    return "\n".join([f"| {' | '.join(titles)} |", "|---" * len(titles) + "|", *rows])


def _rows(pair: Pair, reports: Mapping[int, Mapping[str, Any]]) -> list[str]:
    """One for each metric that is judged."""
    report = next(iter(reports.values()))
    kind = next((one["kind"] for one in report.get("outputs", ())), "classes")
    task = OutputTask(kind, tuple(report["stages"]["baseline"]["metrics"]))
    return [_row(pair, reports, name) for name in judged_metrics(task)]


def _row(pair: Pair, reports: Mapping[int, Mapping[str, Any]], name: str) -> str:
    means = results.means(reports.values())
    first = next(iter(reports.values()))
    before, after = means["baseline"], means["deployed"]
    values = 100 * before["metrics"][name], 100 * after["metrics"][name]
    sign = 100 if METRICS[name].higher_is_better else -100
    gained = [
        sign * (report["stages"]["deployed"]["metrics"][name] - report["stages"]["baseline"]["metrics"][name])
        for report in reports.values()
    ]
    points = [f"{value + 0.0:+.2f}".replace("-0.00", "+0.00") for value in (fmean(gained), min(gained))]
    sizes = before["tflite_bytes"] / 1000, after["tflite_bytes"] / 1000
    faster = before["latency_ms"]["p50"] / after["latency_ms"]["p50"]
    data = first["data"]["name"] + (" (synthetic)" if first["data"]["synthetic"] else "")
    return (
        f"| {pair.model} | {data} | {quality_name(name)} | {values[0]:.2f} | {values[1]:.2f} "
        f"| {points[0]} ({points[1]} at worst) | {sizes[0]:,.0f} → {sizes[1]:,.0f} kB "
        f"| {faster:.1f}x | {len(reports)} |"
    )


def write(pairs: list[Pair]) -> None:
    """The means into models/results/, and the table into models/README.md."""
    for pair in pairs:
        if reports := pair.reports():
            results.write(zoo.find(pair.model), reports, pair.recipe())
    write_between(ZOO_README, "half pruned", table(pairs))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", nargs="*", metavar="MODEL:DATA", help=f"DATA: own, {', '.join(DATA)}")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="other settings, to try")
    parser.add_argument("--again", action="store_true", help="build even if there is a report")
    parser.add_argument("--write", action="store_true", help="write what was measured, build nothing")
    options = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    if options.write:
        write(ALL)
        return
    settings = {name: json.loads(value) for name, _, value in (one.partition("=") for one in options.set)}
    for name in options.pairs:
        pair = next((one for one in ALL if f"{one.model}:{one.source}" == name), Pair(*name.split(":")))
        for seed in options.seeds:
            if options.again or not pair.file(seed).is_file():
                build(pair, seed, settings)


ALL = [
    Pair("lenet-5", "mnist", epochs=3), Pair("mlp-binary"), Pair("mlp"),
    Pair("streaming-ds-cnn", "fsdd"), Pair("ctc-crnn", "fsdd-strings"),
    Pair("text-bag", "snips-intents"), Pair("text-tagger", "snips-slots"), Pair("text-bag", "imdb"),
    *(Pair(name) for name in zoo.ZOO if name not in ("mlp-binary", "mlp")),
]


if __name__ == "__main__":
    main()
