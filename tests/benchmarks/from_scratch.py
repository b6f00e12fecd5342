"""Half of the neurons removed, beside what the same epochs give without edgeprune.

    python tests/benchmarks/from_scratch.py [fashion cifar fsdd imdb] [--seeds 0 1 2] [--write]

A network is trained for its epochs; edgeprune takes half of its neurons and fine-tunes for `EXTRA` epochs.
The opponents get all epochs of both:

    same widths      the very architecture that edgeprune left, from new weights
    uniform          every layer at half its width, from new weights
    original, more   the network itself, trained for `EXTRA` epochs more

Each is trained with Adam, a cosine schedule and cross-entropy, at the one of `RATES` that did best on
validation data. Test data decides nothing. What has been measured is kept in build/benchmarks/scratch and not
measured again.
"""

# ruff: noqa: T201 - a script that prints its results

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pruning_networks as networks
import real_data
from readme import README, write_between

import edgeprune
from edgeprune.data.dataset import Dataset
from edgeprune.data.text import movie_reviews
from edgeprune.keras_bridge.load import load_model
from edgeprune.preprocessing import apply

KEPT = networks.KEPT / "scratch"
EXTRA, BATCH = 4, 64
RATES = (1e-3, 3e-4)
TRAINED_ON = 20_000
COLUMNS = ("before", "edgeprune", "same widths", "uniform", "original, more")
Result = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Case:
    """Data, and a network for it at any width."""

    data: Callable[[], networks.Images]
    network: Callable[[float], Any]
    epochs: int


def convolutions(
    shape: tuple[int, ...], units: tuple[int, ...], dense: int, *, normalized: bool = True
) -> Callable[[float], Any]:
    """Convolutions and a Dense layer, at a fraction of their widths."""

    def made(width: float) -> Any:
        from tf_keras import Input, Sequential, layers

        model = Sequential([Input(shape)])
        if shape[-1] == 3:
            model.add(layers.Rescaling(1 / 255))
        for count in units:
            model.add(layers.Conv2D(round(count * width), 3, padding="same", use_bias=not normalized))
            if normalized:
                model.add(layers.BatchNormalization(momentum=0.9))
            model.add(layers.ReLU())
            model.add(layers.MaxPooling2D())
        for layer in (
            layers.Flatten(), layers.Dense(round(dense * width), activation="relu"),
            layers.Dense(10, activation="softmax"),
        ):
            model.add(layer)
        return model

    return made


def spoken(width: float) -> Any:
    """Convolutions 32-64-64 on bands."""
    return convolutions(_arrays(real_data.fsdd()).x.shape[1:], (32, 64, 64), 128)(width)


def reviews(width: float) -> Any:
    """Convolutions over embedded words; the embedding keeps its width."""
    from tf_keras import Input, Sequential, layers

    data = movie_reviews(length=128, keep="end", limit=TRAINED_ON)
    return Sequential([
        Input((128,)), layers.Embedding(data.vocabulary, 32),
        layers.Conv1D(round(64 * width), 5, activation="relu"), layers.MaxPooling1D(4),
        layers.Conv1D(round(64 * width), 5, activation="relu"), layers.GlobalMaxPooling1D(),
        layers.Dense(round(64 * width), activation="relu"), layers.Dense(2, activation="softmax"),
    ])


def _arrays(data: Dataset) -> networks.Images:
    splits = (data.train, data.validation, data.test)
    x = [np.asarray(apply(data.preprocessing, part.x, data.files)) for part in splits]
    y = [np.asarray(part.y) for part in splits]
    if x[0].ndim == 3:
        x = [part[..., None] for part in x]
    return networks.Images(x[0], y[0], x[1], y[1], x[2], y[2])


def _fewer(images: networks.Images) -> networks.Images:
    return dataclasses.replace(images, x=images.x[:TRAINED_ON], y=images.y[:TRAINED_ON].ravel())


CASES: Mapping[str, Case] = {
    "fashion": Case(
        lambda: _fewer(networks.fashion()), convolutions((28, 28, 1), (32, 64, 128), 256, normalized=False), 4
    ),
    "cifar": Case(lambda: _fewer(networks.cifar()), convolutions((32, 32, 3), (32, 64, 128), 256), 6),
    "fsdd": Case(lambda: _arrays(real_data.fsdd()), spoken, 10),
    "imdb": Case(
        lambda: _arrays(movie_reviews(length=128, keep="end", limit=TRAINED_ON)), reviews, 3
    ),
}


def trained(make: Callable[[], Any], images: networks.Images, epochs: int, seed: int) -> float:
    """Test accuracy in percent at the rate of which the validation accuracy is best."""
    import tf_keras

    found = []
    for rate in RATES:
        tf_keras.utils.set_random_seed(seed)
        model = make()
        networks.train(model, images, epochs, seed, rate, batch_size=BATCH)
        found.append((
            networks.accuracy(model, images, validation=True), networks.accuracy(model, images)
        ))
    return float(max(found)[1])


def measure(name: str, seed: int, settings: Mapping[str, Any]) -> Result:
    """All columns of one network and seed; with settings to try, edgeprune's alone."""
    import tf_keras

    case, images = CASES[name], CASES[name].data()
    tf_keras.utils.set_random_seed(seed)
    original, folder = case.network(1.0), KEPT / f"{name}-{seed}"
    kept = KEPT / f"{name}-{seed}-{case.epochs}.weights.h5"
    if kept.is_file():
        original.compile("adam", "sparse_categorical_crossentropy")
        original.load_weights(kept)
    else:
        networks.train(original, images, case.epochs, seed, batch_size=BATCH)
        original.save_weights(kept)
    weights = original.get_weights()

    def again() -> Any:
        model = case.network(1.0)
        model.set_weights(weights)
        return model

    data = {
        "x_train": images.x, "y_train": images.y.ravel(), "x_test": images.x_test,
        "y_test": images.y_test.ravel(), "x_val": images.x_validation, "y_val": images.y_validation.ravel(),
    }
    # One of the epochs is that in which neurons leave.
    chosen = {"prune": 0.5, "epochs": EXTRA - 1, "quantize": "none", "seed": seed, **settings}
    bundle = edgeprune.build(original, data, out=folder, preprocess="none", **chosen)
    pruned = load_model(bundle.file("model.keras"))
    removed = json.loads(bundle.file("report.json").read_text(encoding="utf-8"))["removed"]
    total = case.epochs + EXTRA
    ours = {
        "before": networks.accuracy(again(), images), "edgeprune": networks.accuracy(pruned, images),
        "neurons": removed["neurons"], "macs": removed["macs"], "epochs": [case.epochs, EXTRA],
    }
    return ours if settings else {
        **ours,
        "same widths": trained(lambda: type(pruned).from_config(pruned.get_config()), images, total, seed),
        "uniform": trained(lambda: case.network(0.5), images, total, seed),
        "original, more": trained(again, images, EXTRA, seed),
    }


def table(results: Mapping[str, list[Result]]) -> str:
    """Markdown: means and standard deviations over seeds."""
    titles = ("data", "epochs", "neurons gone", "MACs gone", *COLUMNS, "seeds")
    rows = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for name, found in results.items():
        cells = [name, "{} + {}".format(*found[0]["epochs"])]
        cells += [f"{100 * fmean(one[key] for one in found):.0f} %" for key in ("neurons", "macs")]
        for column in COLUMNS:
            values = [one[column] for one in found]
            cells.append(f"{fmean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else ""))
        rows.append(f"| {' | '.join([*cells, str(len(found))])} |")
    return "\n".join(rows)


def main() -> None:
    """Measures what is not there yet, prints the table, and writes it where asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", default=list(CASES), metavar="DATA", help=", ".join(CASES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="other settings, to try")
    parser.add_argument("--write", action="store_true", help="into README.md beside this file")
    options = parser.parse_args()
    settings = {name: json.loads(value) for name, _, value in (one.partition("=") for one in options.set)}
    KEPT.mkdir(parents=True, exist_ok=True)
    for case in options.cases:
        for seed in options.seeds:
            kept = KEPT / f"{case}-{seed}.json"
            if settings or not kept.is_file():
                found = measure(case, seed, settings)
                print(f"{case} seed {seed}: {json.dumps(found)}", flush=True)
                if not settings:
                    kept.write_text(json.dumps(found), encoding="utf-8")
    found = {case: [json.loads(path.read_text()) for path in _kept(case)] for case in CASES if _kept(case)}
    print(table(found))
    if options.write:
        write_between(README, "from scratch", table(found))


def _kept(case: str) -> list[Path]:
    return sorted(path for path in KEPT.glob(f"{case}-*.json"))


if __name__ == "__main__":
    main()
