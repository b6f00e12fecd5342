"""What `prune()` costs in time and memory, and how both grow with samples, layers and classes.

    python -m tests.benchmarks.scaling [--readme README.md] [--only samples layers classes models]

Networks have random weights, samples are noise: what is computed is the same. Each row is a process of its
own, so that peaks do not mix. CPU seconds are user and system time together. "Memory" is the largest resident
size minus what the process took with TensorFlow, the model and the samples before pruning. "Growth" is the
exponent b in `CPU seconds ~ size ** b` between the first and the last row: 1 is linear, less is better.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.readme import write_between

MARKER = "scaling"


@dataclasses.dataclass(frozen=True)
class Case:
    """One call of `prune()`: how many samples, and the network.

    Attributes:
        series: which rows are compared.
        size: of what grows in the series.
        network: a name in `tf_keras.applications`, "plain" (convolutions) or "head" (a wide last layer).
        side: of the images.
    """

    series: str
    size: int
    network: str
    samples: int
    side: int = 32
    layers: int = 8
    classes: int = 10


SERIES = {
    "samples": [Case("samples", n, "plain", n) for n in (256, 1024, 4096)],
    "layers": [Case("layers", n, "plain", 512, layers=n) for n in (8, 16, 32, 64)],
    "classes": [Case("classes", n, "head", 512, classes=n) for n in (100, 1000, 10_000)],
    "models": [
        Case("models", 512, "MobileNetV2", 512, 224, classes=1000),
        Case("models", 512, "ResNet50", 512, 224, classes=1000),
    ],
}


def network_of(case: Case) -> Any:
    """The network of a case, with random weights."""
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    layers, shape = tf_keras.layers, (case.side, case.side, 3)
    if hasattr(tf_keras.applications, case.network):
        make = getattr(tf_keras.applications, case.network)
        return make(weights=None, input_shape=shape, classes=case.classes)
    x = start = tf_keras.Input(shape)
    for number in range(case.layers):
        x = layers.Conv2D(32, 3, 2 if number in (0, 4) else 1, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    if case.network == "head":
        x = layers.Dense(256, activation="relu")(x)
    return tf_keras.Model(start, layers.Dense(case.classes, activation="softmax")(x))


def measure(case: Case) -> dict[str, float]:
    """Prunes half of the neurons in this process."""
    import edgeprune.keras_bridge  # noqa: F401 - sets what TensorFlow reads when it is imported
    from edgeprune import prune

    network, generator = network_of(case), np.random.default_rng(0)
    x = np.empty((case.samples, case.side, case.side, 3), np.float32)
    for one in x:  # one at a time: nothing but the samples themselves is in memory
        one[:] = generator.standard_normal(one.shape, np.float32)
    network.predict(x[:1], verbose=0)
    before, cpu, start = peak_bytes(), cpu_s(), time.perf_counter()
    prune(network, 0.5, calibration=x)
    return {
        "cpu_s": cpu_s() - cpu, "wall_s": time.perf_counter() - start,
        "extra_bytes": peak_bytes() - before, "peak_bytes": peak_bytes(), "load": os.getloadavg()[0],
    }


def peak_bytes() -> int:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def cpu_s() -> float:
    """User and system time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def table(rows: list[tuple[Case, dict[str, float]]]) -> str:
    """Markdown, a line for each case, and the growth of each series under it."""
    lines = [
        "| what grows | network | samples | layers | classes | CPU | wall | memory | peak in all |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case, found in rows:
        name = f"{case.network}-{case.side}" if case.series == "models" else f"{case.layers} convolutions"
        lines.append(
            f"| {case.series if case.series != 'models' else 'as it is'} | {name} | {case.samples:,} "
            f"| {case.layers if case.series != 'models' else ''} | {case.classes:,} "
            f"| {found['cpu_s']:.1f} s | {found['wall_s']:.1f} s | {found['extra_bytes'] / 1e9:.2f} GB "
            f"| {found['peak_bytes'] / 1e9:.2f} GB |"
        )
    growth = [
        f"{series}: time {exponent(rows, series, 'cpu_s'):.2f}, "
        f"memory {exponent(rows, series, 'extra_bytes'):.2f}"
        for series in SERIES if series != "models" and sum(case.series == series for case, _ in rows) > 1
    ]
    loads = [found["load"] for _, found in rows]
    told = (
        f"Growth (1 is linear) with {'; '.join(growth)}. {os.cpu_count()} cores; the load was "
        f"{min(loads):.1f} to {max(loads):.1f}: where it is above the number of cores, other programs took "
        "their part of the wall time."
    )
    return "\n".join([*lines, "", told])


def exponent(rows: list[tuple[Case, dict[str, float]]], series: str, key: str) -> float:
    """The b in `value ~ size ** b` between the smallest and the largest case of a series."""
    ends = [(case.size, max(found[key], 1e-9)) for case, found in rows if case.series == series]
    (small, less), (large, more) = ends[0], ends[-1]
    return math.log(more / less) / math.log(large / small)


def main() -> None:
    """Measures every case in its own process, prints the table and writes it where that is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", help="one case as JSON, measured in this process")
    parser.add_argument("--only", nargs="+", choices=list(SERIES), default=list(SERIES))
    parser.add_argument("--readme", type=Path, help="file whose <!-- scaling --> part is replaced")
    options = parser.parse_args()
    if options.case:
        sys.stdout.write(json.dumps(measure(Case(**json.loads(options.case)))) + "\n")
        return
    rows = []
    for case in (case for series in options.only for case in SERIES[series]):
        told = json.dumps(dataclasses.asdict(case))
        command = [sys.executable, "-m", "tests.benchmarks.scaling", "--case", told]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        rows.append((case, json.loads(done.stdout.splitlines()[-1])))
        sys.stdout.write(f"{told}\n{done.stdout.splitlines()[-1]}\n")
        sys.stdout.flush()
    text = table(rows)
    sys.stdout.write(text + "\n")
    if options.readme:
        write_between(options.readme, MARKER, text)


if __name__ == "__main__":
    main()
