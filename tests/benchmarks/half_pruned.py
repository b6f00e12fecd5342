"""Half of the neurons removed, fine-tuned, quantized: test metrics over seeds, on real data.

    python tests/benchmarks/half_pruned.py text-bag:snips-intents streaming-ds-cnn:fsdd --seeds 0 1 2

For each MODEL:DATA pair a baseline is trained per seed (and kept in build/benchmarks/), pruned by half,
fine-tuned with the original as teacher, converted, and measured on the test data by running the
.tflite itself. Validation data picks the best epochs; test data is only reported. The means go to
models/results/ where `--write` is given, and every seed is printed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np
import real_data

import edgeprune
import edgeprune_models as zoo
from edgeprune.conversion.convert import convert
from edgeprune.conversion.litert import run_tflite
from edgeprune.data.dataset import Dataset
from edgeprune.data.text import movie_reviews
from edgeprune.metrics import METRICS, evaluate
from edgeprune.training.fine_tune import FineTuning, fine_tune
from edgeprune_models import results, training

DATA: Mapping[str, Callable[[], Dataset]] = {
    "fsdd": real_data.fsdd, "fsdd-strings": real_data.fsdd_strings,
    "speech-commands": real_data.speech_commands, "snips-intents": real_data.snips_intents,
    "snips-slots": real_data.snips_slots, "imdb": movie_reviews, "mnist": real_data.mnist,
}
KEPT = Path(__file__).resolve().parents[2] / "build" / "benchmarks"


def figures(data: Dataset, outputs: np.ndarray, inputs: Any) -> dict[str, float]:
    return evaluate(data.metrics, data.test.y, outputs, labels=data.labels, inputs=inputs)


def baseline(entry: zoo.ZooModel, data: Dataset, seed: int) -> Any:
    """The trained original, from an earlier run where there was one."""
    model = entry.build_for(data, seed)
    kept = KEPT / f"{entry.name}-{data.name.replace('/', '-')}-{seed}.weights.h5"
    if kept.is_file():
        model.load_weights(kept)
        return model
    training.train(model, data, entry.recipe, seed)
    kept.parent.mkdir(parents=True, exist_ok=True)
    model.save_weights(kept)
    return model


def one(entry: zoo.ZooModel, data: Dataset, seed: int, epochs: int | None) -> dict[str, Any]:
    """A report of one seed: `stages` and `removed`, as a build's."""
    started = time.perf_counter()
    model = baseline(entry, data, seed)
    x_train, x_test = data.model_input(data.train.x), data.model_input(data.test.x)
    float_file = convert(model, "none").tflite
    pick = np.random.default_rng(seed).permutation(len(x_train))[:1000]
    pruned = edgeprune.prune(model, 0.5, calibration=x_train[pick], seed=seed)
    small, cost = pruned.model, pruned.report
    one_shot = figures(data, small.predict(x_test, batch_size=256, verbose=0), x_test)
    recipe = dataclasses.replace(entry.recipe, epochs=epochs or max(entry.recipe.epochs // 2, 2))
    plain = recipe.loss != "crossentropy"  # then the original's answers alone are the targets
    x_validation = data.model_input(data.validation.x)
    fine_tune(
        small, model,
        ((x, None if plain else y) for x, y in training.augmented_epochs(data, recipe, seed + 1000)),
        FineTuning(recipe.epochs, recipe.batch_size, recipe.learning_rate / 2, recipe.weight_decay),
        lambda candidate: _worth(training.measure(candidate, data, data.validation, inputs=x_validation)),
    )
    deployed = convert(small, "int8", x_train[pick[:300]])
    before, after = (each.predict(x_test, batch_size=256, verbose=0) for each in (model, small))
    on_device = run_tflite(deployed.tflite, x_test)
    report = {
        "stages": {
            "baseline": _stage(cost.before, figures(data, before, x_test), float_file),
            "one_shot": {"metrics": one_shot},
            "pruned": _stage(cost.after, figures(data, after, x_test), None),
            "deployed": _stage(cost.after, figures(data, on_device, x_test), deployed.tflite),
        },
        "removed": dataclasses.asdict(cost.removed),
    }
    print(json.dumps({  # noqa: T201
        "model": entry.name, "data": data.name, "seed": seed, **report,
        "notes": deployed.notes, "seconds": round(time.perf_counter() - started),
    }), flush=True)
    return report


def _stage(cost: Any, metrics: dict[str, float], tflite: bytes | None) -> dict[str, Any]:
    size = {} if tflite is None else {"tflite_bytes": len(tflite)}
    return {"neurons": int(cost.neurons), "params": int(cost.params), "macs": int(cost.macs), **size,
            "metrics": metrics}


def _worth(measured: Mapping[str, float]) -> float:
    name, value = next(iter(measured.items()))
    return value if METRICS[name].higher_is_better else -value


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", nargs="+", metavar="MODEL:DATA", help=f"DATA: own, {', '.join(DATA)}")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, help="of fine-tuning; half of the recipe's unless given")
    parser.add_argument("--write", action="store_true", help="keep the means in models/results/")
    options = parser.parse_args()
    for pair in options.pairs:
        name, _, source = pair.partition(":")
        entry = zoo.find(name)
        data = DATA.get(source, entry.load_data)()
        reports = {seed: one(entry, data, seed, options.epochs) for seed in options.seeds}
        means = results.mean([report["stages"] for report in reports.values()])
        print(pair, "mean:", {stage: means[stage]["metrics"] for stage in means}, flush=True)  # noqa: T201
        if options.write:
            results.write(name, data.name, reports, synthetic=data.synthetic)


if __name__ == "__main__":
    main()
