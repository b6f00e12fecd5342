"""Deep Compression's two networks (Han, Mao & Dally 2016, arXiv 1510.00149) on full MNIST.

    python tests/benchmarks/deep_compression.py [--data ../shared/data/mnist.npz] [--out table.md]

Structural pruning makes the runnable file small, weight pruning and weight sharing make the zip
small. The baseline is trained until its rate has fallen to zero. The pruned network is trained with
the baseline's answers on the training images and on the same images shifted by one pixel; no other
data. The last 5,000 training images decide; the 10,000 test images are only reported.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow_model_optimization as tfmot  # noqa: TID253 - a script
import tf_keras  # noqa: TID253 - a script

import edgeprune
from edgeprune.conversion import parity, run_tflite
from edgeprune.conversion.options import QuantizeOptions, Validation
from edgeprune.conversion.quantize import quantize

BATCH = 256
SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
layers = tf_keras.layers


@dataclasses.dataclass(frozen=True)
class Case:
    """One network: what is removed of its neurons, then of the weights left."""

    name: str
    neurons: float
    weights: float
    baseline_epochs: int
    epochs: int
    runnable_goal: float


CASES = {
    "LeNet-300-100": Case("LeNet-300-100", 0.685, 0.64, 30, 40, 12),
    "LeNet-5": Case("LeNet-5", 0.66, 0.7, 8, 16, 20),
}


def network(name: str) -> tf_keras.Model:
    """The networks of the paper; LeNet-5 is Caffe's, with 431,000 parameters."""
    image = tf_keras.Input((28, 28, 1), name="image")
    if name == "LeNet-300-100":
        x = layers.Flatten()(image)
        x = layers.Dense(300, activation="relu")(x)
        x = layers.Dense(100, activation="relu")(x)
    else:
        x = layers.MaxPooling2D()(layers.Conv2D(20, 5)(image))
        x = layers.MaxPooling2D()(layers.Conv2D(50, 5)(x))
        x = layers.Dense(500, activation="relu")(layers.Flatten()(x))
    return tf_keras.Model(image, layers.Dense(10, activation="softmax", name="digit")(x))


def mnist(path: Path) -> tuple[np.ndarray, ...]:
    """Training and test images in 0..1 with one channel, and labels."""
    with np.load(path) as data:
        images = [(data[f"x_{split}"][..., None] / 255).astype(np.float32) for split in ("train", "test")]
        return images[0], data["y_train"].astype(int), images[1], data["y_test"].astype(int)


class Shifted(tf_keras.utils.Sequence):
    """Batches of images, each shifted by one of `SHIFTS`, with what was said of that very image."""

    def __init__(self, x: np.ndarray, targets: np.ndarray, seed: int = 0) -> None:
        super().__init__()
        self._x = [np.roll(x, shift, (1, 2)) for shift in SHIFTS[: len(targets)]]
        self._targets = targets
        self._rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return (len(self._order) + BATCH - 1) // BATCH

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self._order[number * BATCH : (number + 1) * BATCH]
        which = self._which[rows]
        x = np.empty((len(rows), *self._x[0].shape[1:]), np.float32)
        for i, images in enumerate(self._x):
            x[which == i] = images[rows[which == i]]
        return x, self._targets[which, rows]

    def on_epoch_end(self) -> None:
        self._order = self._rng.permutation(len(self._x[0]))
        self._which = self._rng.integers(0, len(self._x), len(self._order))


def train(model, batches, epochs, rate, callbacks=()):
    """Adam on a half cosine."""
    schedule = tf_keras.optimizers.schedules.CosineDecay(rate, epochs * len(batches))
    model.compile(tf_keras.optimizers.Adam(schedule), "categorical_crossentropy", metrics=["accuracy"])
    model.fit(batches, epochs=epochs, verbose=0, callbacks=list(callbacks))


def accuracy(outputs, y):
    """Share of right answers."""
    return float((np.asarray(outputs).argmax(-1) == y).mean())


def thin_out(model, batches, share, epochs):
    """tfmot's magnitude pruning of single weights, in steps, while training."""
    end = int(0.5 * epochs * len(batches))
    schedule = tfmot.sparsity.keras.PolynomialDecay(0.0, share, 0, end, frequency=50)
    wrapped = tfmot.sparsity.keras.prune_low_magnitude(model, pruning_schedule=schedule)
    train(wrapped, batches, epochs, 3e-3, [tfmot.sparsity.keras.UpdatePruningStep()])
    return tfmot.sparsity.keras.strip_pruning(wrapped)


def compress(case: Case, data: tuple[np.ndarray, ...], seed: int) -> dict[str, float]:
    """Baseline, structural pruning, weight pruning, sharing, int8; all figures on test images."""
    tf_keras.utils.set_random_seed(seed)
    x, y, x_test, y_test = data
    one_hot = np.eye(10, dtype=np.float32)[y]
    learn, hold = slice(0, 55000), slice(55000, None)
    start = time.perf_counter()
    baseline = network(case.name)
    train(baseline, Shifted(x[learn], one_hot[None, learn]), case.baseline_epochs, 2e-3)
    float_accuracy = accuracy(baseline.predict(x_test, 1000, verbose=0), y_test)
    answers = [baseline.predict(np.roll(x[learn], shift, (1, 2)), 1000, verbose=0) for shift in SHIFTS]
    batches = Shifted(x[learn], 0.5 * one_hot[learn] + 0.5 * np.stack(answers))
    pruned = edgeprune.prune(baseline, case.neurons, calibration=x[:2048])
    one_shot = accuracy(pruned.model.predict(x_test, 1000, verbose=0), y_test)
    thin = thin_out(pruned.model, batches, case.weights, case.epochs)
    result = quantize(
        thin,
        QuantizeOptions("int8", io="int8", clusters=16),
        x[:500],
        Validation((x[hold],), y[hold]),
        lambda model: train(model, batches, 3, 2e-4),
    )
    outputs = run_tflite(result.result.tflite, x_test)
    deployed = parity(thin.predict(x_test, 1000, verbose=0), outputs, y_test)
    float_bytes = 4 * baseline.count_params()
    return {
        "baseline_accuracy": float_accuracy,
        "one_shot_accuracy": one_shot,
        "float_accuracy": deployed.reference_metric,
        "deployed_accuracy": deployed.deployed_metric,
        "float_bytes": float_bytes,
        "runnable_bytes": result.runnable_bytes,
        "zip_bytes": result.zip_bytes,
        "runnable_ratio": float_bytes / result.runnable_bytes,
        "zip_ratio": float_bytes / result.zip_bytes,
        "params": pruned.model.count_params(),
        "seconds": time.perf_counter() - start,
    }


def table(rows: dict[str, dict[str, float]]) -> str:
    """Markdown."""
    lines = [
        "| network | float32 accuracy | shipped accuracy | float32 | runnable .tflite | zip |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        lines.append(
            f"| {name} | {100 * row['baseline_accuracy']:.2f} % | {100 * row['deployed_accuracy']:.2f} % "
            f"| {row['float_bytes'] / 1e3:.0f} kB "
            f"| {row['runnable_bytes'] / 1e3:.1f} kB ({row['runnable_ratio']:.1f}x) "
            f"| {row['zip_bytes'] / 1e3:.1f} kB ({row['zip_ratio']:.1f}x) |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Prints the table; 1 if a goal was missed."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    beside = Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist.npz"
    parser.add_argument("--data", type=Path, default=beside, help="mnist.npz")
    parser.add_argument("--out", type=Path, help="where the table goes as well")
    parser.add_argument("--only", choices=CASES, help="one network")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    data = mnist(args.data)
    rows = {}
    for name in [args.only] if args.only else CASES:
        rows[name] = compress(CASES[name], data, args.seed)
        print(name, {key: round(value, 4) for key, value in rows[name].items()}, flush=True)  # noqa: T201
    text = table(rows)
    print(text)  # noqa: T201
    if args.out:
        args.out.write_text(text, encoding="utf-8")
    missed = [
        name
        for name, row in rows.items()
        if row["zip_ratio"] < 40
        or row["runnable_ratio"] < CASES[name].runnable_goal
        or row["deployed_accuracy"] < row["baseline_accuracy"]
    ]
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
