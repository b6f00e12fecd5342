"""How much of a build is training, and what reading from disk costs it.

    python -m tests.benchmarks.throughput [--images 50000] [--readme README.md]

Synthetic images of 32 x 32 in three classes, a small convolutional network (16-32-64, dense 64) trained for
two epochs, `edgeprune build --prune 0.5` with its default epochs. The second build has the same images and
settings, but edgeprune is told that they do not fit into memory, so that every sample is read from the file
each time. Seconds are those of `report.json`; beside them, the command starts and reads the data.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.benchmarks.readme import write_between

MARKER = "throughput"
HELD, READ = "held in memory", "read from the file"
TRAIN = """
import sys, numpy as np
import edgeprune.keras_bridge
import tf_keras
layers, data = tf_keras.layers, np.load(sys.argv[1])
tf_keras.utils.set_random_seed(0)
model = tf_keras.Sequential([tf_keras.Input((32, 32, 3))])
for width in (16, 32, 64):
    model.add(layers.Conv2D(width, 3, 2 if width > 16 else 1, padding="same", activation="relu"))
model.add(layers.Flatten())
model.add(layers.Dense(64, activation="relu"))
model.add(layers.Dense(3, activation="softmax"))
model.compile("adam", "sparse_categorical_crossentropy")
x, y = data["x_train"][:20_000].astype("float32") / 255, data["y_train"][:20_000]
model.fit(x, y, epochs=2, batch_size=128, verbose=2)
model.save(sys.argv[2])
"""
_BUILD = """
import sys
import edgeprune.data.streamed as streamed
streamed.IN_MEMORY_BYTES = int(sys.argv.pop(1))
from edgeprune.cli import main
main()
"""


def write_images(path: Path, number: int) -> None:
    """Three classes: a coarse pattern of each below noise of its own for each pixel."""
    generator = np.random.default_rng(0)
    patterns = generator.normal(size=(3, 4, 4, 3)).repeat(8, axis=1).repeat(8, axis=2).astype(np.float32)
    arrays: dict[str, np.ndarray] = {}
    for part, count in (("train", number), ("test", number // 10)):
        y = generator.integers(3, size=count)
        x = np.empty((count, 32, 32, 3), np.uint8)
        for start in range(0, count, 5000):
            rows = slice(start, start + 5000)
            noise = generator.standard_normal(x[rows].shape, np.float32)
            x[rows] = np.clip(128 + 4 * patterns[y[rows]] + 48 * noise, 0, 255)
        arrays |= {f"x_{part}": x, f"y_{part}": y.astype(np.int64)}
    np.savez(path, allow_pickle=False, **arrays)


def build(folder: Path, *, in_memory: bool) -> dict[str, float]:
    """Seconds of each stage of one build, and of the whole command."""
    out = folder / ("held" if in_memory else "read")
    command = [
        sys.executable, "-c", _BUILD, str(2**40 if in_memory else 0), "build", str(folder / "model.keras"),
        "--data", str(folder / "images.npz"), "--prune", "0.5", "--out", str(out), "--json",
    ]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    report = json.loads(done.stdout)
    after = report["stages"]["deployed"]["metrics"]["accuracy"]
    return {**report["timings_s"], "all": time.perf_counter() - start, "accuracy": after}


def table(rows: list[tuple[int, str, dict[str, float]]]) -> str:
    """Markdown, a line for each build: number of images, how they are held, seconds by stage."""
    lines = [
        "| images | whole command | training | of it | pruning | converting | measuring | accuracy |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for images, name, found in rows:
        lines.append(
            f"| {images:,}, {name} | {found['all']:.0f} s | {found['fine_tune']:.0f} s "
            f"| {100 * found['fine_tune'] / found['all']:.0f} % | {found.get('prune', 0):.1f} s "
            f"| {found.get('convert', 0):.1f} s | {found.get('measure', 0):.1f} s "
            f"| {100 * found['accuracy']:.1f} % |"
        )
    load = f"{os.cpu_count()} cores; the load was {os.getloadavg()[1]:.1f} at the end."
    speeds = {(images, name): found["fine_tune"] for images, name, found in rows}
    told = [
        f"With {images:,} images, training from the file runs at "
        f"{100 * speeds[images, HELD] / speeds[images, READ]:.0f} % of the speed in memory."
        for images in dict.fromkeys(images for images, _, _ in rows) if (images, READ) in speeds
    ]
    return "\n".join([*lines, "", " ".join([*told, load])])


def train_on_images(folder: Path, images: int) -> None:
    """Writes images.npz, and model.keras that has learned them in a process of its own."""
    write_images(folder / "images.npz", images)
    command = [sys.executable, "-c", TRAIN, str(folder / "images.npz"), str(folder / "model.keras")]
    subprocess.run(command, check=True, stdout=sys.stderr)


def main() -> None:
    """Writes the images, trains the network, builds twice and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--readme", type=Path, help="file whose <!-- throughput --> part is replaced")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train_on_images(folder, options.images)
        held = build(folder, in_memory=True)
        sys.stdout.write(f"{held}\n")
        sys.stdout.flush()
        read = build(folder, in_memory=False)
        sys.stdout.write(f"{read}\n")
    text = table([(options.images, HELD, held), (options.images, READ, read)])
    sys.stdout.write(text + "\n")
    if options.readme:
        write_between(options.readme, MARKER, text)


if __name__ == "__main__":
    main()
