"""Recurrent models at half width: points lost, and how much faster the file is than the original in float.

    python tests/benchmarks/recurrent.py [gru:imdb lstm:snips-slots ...] [--seeds 0 1 2] [--keras keras]
    python tests/benchmarks/recurrent.py --write        # the table of all that was measured so far

Each is a plain model with a mask, as tutorials write it, trained here and built with the default settings.
Times are medians of single calls of the float files, original and pruned, and of the file that ships,
one after the other in turns, on one thread of this machine; ratios are of the same turn. What was measured
is kept, and not measured again unless `--again` says so.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean, median
from typing import Any

import real_data
from half_pruned import ROOT
from readme import README, write_between

import edgeprune
from edgeprune.conversion import convert
from edgeprune.conversion.litert import latency_us
from edgeprune.data.dataset import Dataset
from edgeprune.data.text import movie_reviews
from edgeprune.keras_bridge.load import load_model
from edgeprune.preprocessing import apply

KEPT = ROOT / "build" / "recurrent"
TURNS = 15


def imdb() -> Dataset:
    return movie_reviews(length=128, keep="end", limit=8_000)


DATA: Mapping[str, Callable[[], Dataset]] = {
    "imdb": imdb, "snips-slots": real_data.snips_slots, "fsdd": real_data.fsdd
}
EPOCHS = {"imdb": 3, "snips-slots": 6, "fsdd": 20}
CASES = [f"{kind}:{source}" for kind, source in itertools.product(("gru", "lstm"), DATA)]


def trained(keras: Any, kind: str, source: str, data: Dataset, seed: int) -> Any:
    """A recurrent model, trained: both ways for tags, else the last state."""
    keras.utils.set_random_seed(seed)
    layers, (x, y) = keras.layers, inputs(data, "train")
    if data.vocabulary:
        entry = keras.Input(x.shape[1:], dtype="int32", name="tokens")
        read = layers.Embedding(data.vocabulary, 48, mask_zero=True)(entry)
        read = layers.Dropout(0.3)(read)
    else:
        read = entry = keras.Input(x.shape[1:], name="frames")
    layer = {"gru": layers.GRU, "lstm": layers.LSTM}[kind]
    if source == "snips-slots":
        read = layers.Bidirectional(layer(64, return_sequences=True))(read)
    else:
        read = layer(64)(read)
    read = layers.Dropout(0.3)(read)
    model = keras.Model(entry, layers.Dense(len(data.labels), activation="softmax", name="scores")(read))
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)
    model.compile(keras.optimizers.Adam(2e-3), loss)
    model.fit(x, y, batch_size=64, epochs=EPOCHS[source], verbose=0)
    return model


def inputs(data: Dataset, split: str) -> tuple[Any, Any]:
    """A split as the model takes it."""
    part = getattr(data, split)
    return apply(data.preprocessing, part.x, data.files), part.y


def run(flavour: str, case: str, seed: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    kind, source = case.split(":")
    data = DATA[source]()
    model = trained(importlib.import_module(flavour), kind, source, data, seed)
    bundle = edgeprune.build(model, data, out=KEPT / f"{kind}-{source}-{seed}", seed=seed, **settings)
    report = json.loads(bundle.file("report.json").read_text(encoding="utf-8"))
    x, _ = inputs(data, "test")
    files = {
        "original": convert(model, "none", x[:2]).tflite,
        "pruned": convert(load_model(bundle.file("model.keras")), "none", x[:2]).tflite,
        "shipped": bundle.file("model.tflite").read_bytes(),
    }
    turns = [{name: latency_us(file, (x[:1],)) for name, file in files.items()} for _ in range(TURNS)]
    metric = next(iter(report["stages"]["baseline"]["metrics"]))
    return {
        "metric": metric, "notes": report["notes"],
        "kilobytes": {name: round(len(file) / 1000) for name, file in files.items()},
        "points": {name: 100 * stage["metrics"][metric] for name, stage in report["stages"].items()},
        "us": {name: median(turn[name] for turn in turns) for name in files},
        "faster": median(turn["original"] / turn["shipped"] for turn in turns),
        "against_pruned": median(turn["pruned"] / turn["shipped"] for turn in turns),
    }


def kept(flavour: str, case: str, seed: int) -> Path:
    return KEPT / f"{flavour}-{case.replace(':', '-')}-{seed}.json"


def results(flavour: str, case: str) -> list[dict[str, Any]]:
    """What was measured of each seed."""
    files = sorted(KEPT.glob(f"{flavour}-{case.replace(':', '-')}-*.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def row(flavour: str, case: str) -> str:
    """A line of the table: means over the seeds."""
    found = results(flavour, case)
    points = {stage: fmean(one["points"][stage] for one in found) for stage in ("baseline", "deployed")}
    us = {name: fmean(one["us"][name] for one in found) for name in ("original", "pruned", "shipped")}
    kilobytes = {name: round(fmean(one["kilobytes"][name] for one in found)) for name in us}
    kind, source = case.split(":")
    return (
        f"| {kind.upper()} on {source} | {len(found)}"
        f" | {points['baseline']:.2f} % → {points['deployed']:.2f} %"
        f" | {points['baseline'] - points['deployed']:+.2f} | {kilobytes['original']:,} →"
        f" {kilobytes['shipped']:,} kB | {us['original']:.0f} → {us['shipped']:.0f} µs"
        f" | {fmean(one['faster'] for one in found):.2f}x"
        f" | {fmean(one['against_pruned'] for one in found):.2f}x |"
    )


HEADER = (
    "| model | seeds | test metric | points lost | file | one call | faster | than its pruned float file |\n"
    "|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", default=CASES, metavar="KIND:DATA", help=", ".join(CASES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--keras", default="keras", choices=("keras", "tf_keras"))
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="other settings, to try")
    parser.add_argument("--again", action="store_true", help="measure again what was measured")
    parser.add_argument("--write", action="store_true", help="write the table of what was measured")
    options = parser.parse_args()
    if options.write:
        rows = [row(options.keras, case) for case in CASES if results(options.keras, case)]
        write_between(README, "recurrent", "\n".join([HEADER, *rows]))
        return
    settings = {name: json.loads(value) for name, _, value in (one.partition("=") for one in options.set)}
    for case, seed in itertools.product(options.cases, options.seeds):
        file = kept(options.keras, case, seed)
        if file.is_file() and not options.again:
            continue
        found = run(options.keras, case, seed, settings)
        file.write_text(json.dumps(found), encoding="utf-8")
        sys.stdout.write(f"{case} seed {seed}: {json.dumps(found)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
