"""Deep Compression's two networks (Han, Mao & Dally 2016, arXiv 1510.00149) on full MNIST.

    python tests/benchmarks/deep_compression.py [--data mnist.npz] [--only LeNet-5] [--until pruned]

Each network is trained in stages that are kept in `--work`: a run goes on where the one before stopped.
What is measured goes into the README.

Structural pruning makes the runnable file small, weight pruning and weight sharing make the zip
small. The baseline is trained until its rate has fallen to zero. The pruned network is trained with
the baseline's answers on the training images and on the same images shifted by one pixel; no other
data. The last 5,000 training images decide; the 10,000 test images are only reported.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow_model_optimization as tfmot  # noqa: TID253 - a script
import tf_keras  # noqa: TID253 - a script
from readme import README, write_between

import edgeprune
from edgeprune.conversion import run_tflite
from edgeprune.conversion.options import QuantizeOptions, Validation
from edgeprune.conversion.quantize import quantize

BATCH = 256
INTRODUCTION = """\
Deep Compression's networks on full MNIST: most of the neurons removed, then weights zeroed, shared
(16 values) and quantized; accuracy on the 10,000 test images:"""
LEARN, HOLD = slice(0, 55000), slice(55000, None)
SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
layers = tf_keras.layers


@dataclasses.dataclass(frozen=True)
class Case:
    """One network: the share of its neurons, or of its parameters, to remove; then of the weights left."""

    name: str
    share: float
    unit: str
    weights: float
    baseline_epochs: int
    epochs: int
    runnable_goal: float


CASES = {
    "LeNet-300-100": Case("LeNet-300-100", 0.685, "neurons", 0.64, 30, 40, 12),
    "LeNet-5": Case("LeNet-5", 0.82, "params", 0.6, 8, 12, 20),
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


@dataclasses.dataclass(frozen=True, eq=False)
class Data:
    """Images in 0..1 with one channel, and labels."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    @property
    def one_hot(self) -> np.ndarray:
        return np.eye(10, dtype=np.float32)[self.y]


def mnist(path: Path) -> Data:
    with np.load(path) as data:
        images = [(data[f"x_{split}"][..., None] / 255).astype(np.float32) for split in ("train", "test")]
        return Data(images[0], data["y_train"].astype(int), images[1], data["y_test"].astype(int))


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


@dataclasses.dataclass(frozen=True)
class Room:
    """Where the stages of one network with one seed are kept."""

    folder: Path
    case: Case
    seed: int

    def path(self, stage: str) -> Path:
        """The file of a stage."""
        return self.folder / f"{self.case.name}-{self.seed}-{stage}"

    def model(self, stage: str, make: Callable[[], tf_keras.Model]) -> tf_keras.Model:
        """A trained model, from an earlier run where there was one; seeded alike either way."""
        path = self.path(f"{stage}.keras")
        if not path.is_file():
            tf_keras.utils.set_random_seed(self.seed)
            start = time.perf_counter()
            make().save(path)
            say(f"{self.case.name}: {stage} in {time.perf_counter() - start:.0f} s")
        return tf_keras.models.load_model(path, compile=False)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def train_baseline(case: Case, data: Data) -> tf_keras.Model:
    model = network(case.name)
    train(model, Shifted(data.x[LEARN], data.one_hot[None, LEARN]), case.baseline_epochs, 2e-3)
    return model


def taught(data: Data, baseline: tf_keras.Model) -> Shifted:
    """Training images, and halfway between their labels and what the baseline answers."""
    images = data.x[LEARN]
    answers = [baseline.predict(np.roll(images, shift, (1, 2)), 1000, verbose=0) for shift in SHIFTS]
    return Shifted(images, 0.5 * data.one_hot[LEARN] + 0.5 * np.stack(answers))


def compress(room: Room, data: Data, until: str) -> None:
    """Baseline, structural pruning, weight pruning, sharing, int8; all figures on test images."""
    case = room.case
    baseline = room.model("baseline", lambda: train_baseline(case, data))
    if until == "baseline":
        return

    def pruned() -> tf_keras.Model:
        smaller = edgeprune.prune(baseline, case.share, unit=case.unit, calibration=data.x[:2048]).model
        return thin_out(smaller, taught(data, baseline), case.weights, case.epochs)

    thin = room.model("pruned", pruned)
    if until == "pruned":
        return
    tf_keras.utils.set_random_seed(room.seed)
    batches = taught(data, baseline)
    result = quantize(
        thin,
        QuantizeOptions("int8", io="int8", clusters=16),
        data.x[:500],
        Validation((data.x[HOLD],), data.y[HOLD]),
        lambda model: train(model, batches, 3, 2e-4),
    )
    outputs = run_tflite(result.result.tflite, data.x_test)
    figures = {
        "share": case.share,
        "unit": case.unit,
        "weights": case.weights,
        "baseline_accuracy": accuracy(baseline.predict(data.x_test, 1000, verbose=0), data.y_test),
        "pruned_accuracy": accuracy(thin.predict(data.x_test, 1000, verbose=0), data.y_test),
        "deployed_accuracy": accuracy(outputs, data.y_test),
        "float_bytes": 4 * baseline.count_params(),
        "runnable_bytes": result.runnable_bytes,
        "zip_bytes": result.zip_bytes,
        "steps": [dataclasses.asdict(step) for step in result.attempts],
    }
    room.path("figures.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")


def table(rows: dict[str, dict]) -> str:
    """Markdown."""
    lines = [
        "| network | float32 accuracy | shipped accuracy | float32 | runnable .tflite | zip |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        lines.append(
            f"| {name} | {100 * row['baseline_accuracy']:.2f} % | {100 * row['deployed_accuracy']:.2f} % "
            f"| {row['float_bytes'] / 1e3:,.0f} kB "
            f"| {row['runnable_bytes'] / 1e3:.1f} kB ({row['float_bytes'] / row['runnable_bytes']:.1f}x) "
            f"| {row['zip_bytes'] / 1e3:.1f} kB ({row['float_bytes'] / row['zip_bytes']:.1f}x) |"
        )
    return "\n".join(lines)


def missed(name: str, row: dict) -> bool:
    """Whether a network fell short of a goal."""
    return (
        row["float_bytes"] < 40 * row["zip_bytes"]
        or row["float_bytes"] < CASES[name].runnable_goal * row["runnable_bytes"]
        or row["deployed_accuracy"] < row["baseline_accuracy"]
    )


def main() -> int:
    """Trains what is missing; 1 if a goal was missed."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    project = Path(__file__).resolve().parents[2]
    parser.add_argument("--data", type=Path, default=project.parent / "shared" / "data" / "mnist.npz")
    parser.add_argument("--work", type=Path, default=project / "build" / "deep_compression")
    parser.add_argument("--only", choices=CASES, help="one network")
    parser.add_argument("--until", choices=("baseline", "pruned", "quantized"), default="quantized")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    data = mnist(args.data)
    rooms = {name: Room(args.work, case, args.seed) for name, case in CASES.items()}
    for name in [args.only] if args.only else CASES:
        compress(rooms[name], data, args.until)
    done = {name: room.path("figures.json") for name, room in rooms.items()}
    rows = {name: json.loads(path.read_text()) for name, path in done.items() if path.is_file()}
    say(table(rows))
    if rows:
        write_between(README, "deep compression", f"{INTRODUCTION}\n\n{table(rows)}")
    return int(any(missed(name, row) for name, row in rows.items()))


if __name__ == "__main__":
    raise SystemExit(main())
