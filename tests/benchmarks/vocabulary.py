"""Text models at half of their neurons, with all tokens, those that are used, and fewer: size and accuracy.

    python tests/benchmarks/vocabulary.py text-bag text-cnn --seeds 0
    python tests/benchmarks/vocabulary.py text-transformer --vocabularies all 3000
    python tests/benchmarks/vocabulary.py --write       # the table into the README

Each model and seed is trained once on IMDB reviews; all builds start from the same weights, with the same
settings and seed but for ``--max-vocabulary``. Validation data drives every decision; test data is only
reported. A report that is there already is not made again.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

from readme import README, write_between

import edgeprune
import edgeprune_models as zoo
from edgeprune_models import training

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "build" / "vocabulary"
MODELS = ("text-bag", "text-cnn", "text-transformer")
SETTINGS: dict[str, dict[str, int]] = {
    "all": {"max_vocabulary": 0}, "used": {}, "3000": {"max_vocabulary": 3000},
}
WORDS = {
    "all": "all (`--max-vocabulary 0`)", "used": "those that training uses (default)",
    "3000": "`--max-vocabulary 3000`",
}


def file(name: str, vocabulary: str, seed: int) -> Path:
    return KEPT / f"{name}--{vocabulary}--{seed}.json"


def build(name: str, vocabularies: list[str], seed: int) -> None:
    """Trains the model once, and builds it with each vocabulary that there is no report of."""
    missing = [one for one in vocabularies if not file(name, one, seed).is_file()]
    if not missing:
        return
    entry = zoo.find(name)
    data = entry.load_data()
    model, weights = entry.build_for(data, seed), KEPT / f"{name}--{seed}.weights.h5"
    if weights.is_file():
        training.compile_model(model, entry.recipe, 1)
        model.load_weights(weights)
    else:
        training.train(model, data, entry.recipe, seed)
        model.save_weights(weights)
    for vocabulary in missing:
        bundle = edgeprune.build(
            model, data, out=KEPT / "bundle", seed=seed, task="text", **entry.fine_tuning,
            **SETTINGS[vocabulary],
        )
        report = json.loads(bundle.file("report.json").read_text(encoding="utf-8"))
        file(name, vocabulary, seed).write_text(json.dumps(report), encoding="utf-8")
        sys.stdout.write(f"{name} seed {seed}, {vocabulary}: {_row(name, vocabulary, [report], [report])}\n")
        sys.stdout.flush()


def table() -> str:
    """Markdown: one row for each model and vocabulary, means over the seeds that were also built with all."""
    titles = (
        "model", "tokens that stay", "rows of the table", "original", "half pruned", "against all tokens",
        "file", "of the file with all tokens", "seeds",
    )
    rows = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for name in MODELS:
        for vocabulary in SETTINGS:
            pairs = [(file(name, vocabulary, seed), file(name, "all", seed)) for seed in range(10)]
            there = [pair for pair in pairs if all(path.is_file() for path in pair)]
            reports, control = (
                [json.loads(pair[side].read_text(encoding="utf-8")) for pair in there] for side in (0, 1)
            )
            rows += [_row(name, vocabulary, reports, control)] if there else []
    return "\n".join(rows)


def _row(name: str, vocabulary: str, reports: list[dict[str, Any]], control: list[dict[str, Any]]) -> str:
    def accuracies(of: list[dict[str, Any]], stage: str) -> list[float]:
        return [100 * one["stages"][stage]["metrics"]["accuracy"] for one in of]

    before, after = accuracies(reports, "baseline"), accuracies(reports, "deployed")
    points = [mine - whole for mine, whole in zip(after, accuracies(control, "deployed"), strict=True)]
    size, whole = (
        fmean(one["stages"]["deployed"]["tflite_bytes"] for one in of) for of in (reports, control)
    )
    (kept,) = {one["vocabulary"]["rows_after"] if one.get("vocabulary") else 10_000 for one in reports}
    return (
        f"| {name} | {WORDS[vocabulary]} | {kept:,} "
        f"| {fmean(before):.2f} | {fmean(after):.2f} "
        f"| {fmean(points):+.2f} ({min(points):+.2f} at worst) | {size / 1000:,.0f} kB "
        f"| {size / whole:.0%} | {len(reports)} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(MODELS)}")
    parser.add_argument("--vocabularies", nargs="+", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--write", action="store_true", help="write what was measured, build nothing")
    options = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    if options.write:
        write_between(README, "vocabulary", table())
        return
    for seed in options.seeds:
        for name in options.models:
            build(name, options.vocabularies, seed)


if __name__ == "__main__":
    main()
