"""What reading a folder of JPEGs costs beside `tf.data` with two parallel calls, in one run.

    python tests/benchmarks/reading.py [--pictures 10000] [--side 224]

The pictures are seeded gradients with noise. Each round reads all of them with `tf.data` (read, decode and
batch) and with edgeprune, in turns. Of each the best round counts, since the machine may be busy. edgeprune's
reading is `open_data` until every file is known to be sound, and then all samples once, in batches. The limit
is 1.5 times `tf.data` for either.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np

Made = TypeVar("Made")
ROUNDS, BATCH, LIMIT = 3, 32, 1.5
CLASSES = 10


def make_pictures(folder: Path, count: int, side: int) -> list[str]:
    """Writes them, a tenth in each class, and gives their paths in the order of edgeprune."""
    from PIL import Image

    def write(number: int) -> str:
        rng = np.random.default_rng(number)
        small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        smooth = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC)).astype(np.int16)
        noisy = np.clip(smooth + rng.integers(-6, 7, smooth.shape), 0, 255).astype(np.uint8)
        path = folder / f"class{number % CLASSES}" / f"{number:06}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(noisy).save(path, quality=90)
        return str(path)

    with ThreadPoolExecutor() as pool:
        return sorted(pool.map(write, range(count)))


def by_tf_data(paths: list[str]) -> float:
    """A sum of pixels, so that nothing is left unread."""
    import tensorflow as tf

    pictures = tf.data.Dataset.from_tensor_slices(paths).map(
        lambda path: tf.io.decode_jpeg(tf.io.read_file(path), channels=3), num_parallel_calls=2
    )
    return float(sum(int(batch[:, 0, 0, 0].numpy().sum()) for batch in pictures.batch(BATCH).prefetch(2)))


def opened(folder: Path, side: int) -> Callable[[], float]:
    """Opens the folder; what it gives reads all samples once."""
    from edgeprune.data.model_signature import InputSignature, ModelSignature
    from edgeprune.data.sources import open_data

    inputs = (InputSignature((side, side, 3), "uint8"),)
    data = open_data(folder, signature=ModelSignature(inputs, (CLASSES,), "softmax"))
    parts = [split.x for split in (data.train, data.validation, data.test) if not isinstance(split.x, tuple)]
    return lambda: float(sum(
        int(np.asarray(x[start : start + BATCH])[:, 0, 0, 0].sum())
        for x in parts for start in range(0, len(x), BATCH)
    ))


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds on the clock, and of all cores."""

    wall_s: float
    cpu_s: float


def timed(work: Callable[[], Made]) -> tuple[Timing, Made]:
    """How long it takes, and what comes out."""
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu), made


def main() -> None:
    """Measures and prints a line for each; exit 1 above the limit."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--side", type=int, default=224)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = make_pictures(Path(folder), options.pictures, options.side)
        by_tf_data(paths[:BATCH])  # its start is not counted
        rows: dict[str, list[Timing]] = {"tf.data": [], "open and check": [], "read all samples": []}
        for _ in range(ROUNDS):
            first, expected = timed(lambda: by_tf_data(paths))
            second, read = timed(lambda: opened(Path(folder), options.side))
            third, found = timed(read)
            for timings, timing in zip(rows.values(), (first, second, third), strict=True):
                timings.append(timing)
            if abs(found - expected) > 0.01 * abs(expected):
                raise SystemExit(f"The pictures differ: {found} where tf.data has {expected}.")
    best = {
        name: Timing(min(one.wall_s for one in row), min(one.cpu_s for one in row))
        for name, row in rows.items()
    }
    base = best["tf.data"]
    for name, one in best.items():
        wall, cpu = one.wall_s / base.wall_s, one.cpu_s / base.cpu_s
        print(f"{name:<18} {one.wall_s:6.2f} s  {wall:5.2f}x    {one.cpu_s:6.2f} CPU s  {cpu:5.2f}x")  # noqa: T201
    sys.exit(max(one.wall_s for one in best.values()) > LIMIT * base.wall_s)


if __name__ == "__main__":
    main()
