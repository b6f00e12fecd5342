"""Prunes one network of every family in keras.applications, in both Kerases, and writes the README's table.

    python -m tests.benchmarks.coverage [--only NAME] [--keras keras|tf_keras] [--readme README.md]

Random weights at a small input. Half of the neurons go, at random; the stripped model must equal
the masked original to 1e-4 relative, load again from disk and take a training step. Biases, batch
statistics and scales are drawn so that activations keep their size through the network: with
Keras' initial values most of a deep network's output would not depend on what is pruned.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import importlib
import json
import pathlib
import sys
import tempfile
import time
import traceback
from typing import Any

import numpy as np

from edgeprune.graph.cost import Cost, cost
from edgeprune.graph.dependency_graph import DependencyGraph
from edgeprune.keras_bridge.build import build
from edgeprune.keras_bridge.load import load_model, save_model
from edgeprune.keras_bridge.masked import equivalence
from edgeprune.keras_bridge.read import Reading, read
from edgeprune.keras_bridge.run import predict, run
from edgeprune.pruning.compaction import compact
from edgeprune.pruning.dependencies import find_dependencies
from edgeprune.pruning.equivalence import RELATIVE_TOLERANCE
from tests.benchmarks.readme import write_between

FAMILIES = {
    "ConvNeXtTiny": 32,
    "DenseNet121": 64,
    "EfficientNetB0": 64,
    "EfficientNetV2B0": 64,
    "InceptionResNetV2": 96,
    "InceptionV3": 96,
    "MobileNet": 64,
    "MobileNetV2": 64,
    "MobileNetV3Small": 64,
    "NASNetMobile": 64,
    "ResNet50": 64,
    "ResNet50V2": 64,
    "VGG16": 32,
    "Xception": 96,
}
"""Network to input side in pixels; VGG16 keeps its Flatten and its wide Dense layers."""

KERASES = {"keras": "Keras 3", "tf_keras": "tf_keras"}


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured for one network.

    Attributes:
        seconds: CPU time for reading, tracing, stripping and building the smaller model.
        error: against the masked original, relative to its largest output.
        effect: largest relative change of the output through pruning.
    """

    model: str
    keras: str
    before: Cost
    after: Cost
    seconds: float
    error: float
    effect: float


def random_model(name: str, package: str, side: int) -> Any:
    """A network with 10 classes and linear outputs."""
    k = importlib.import_module(package)
    options: dict[str, Any] = {"weights": None, "classes": 10, "classifier_activation": None}
    if name == "NASNetMobile":
        options.pop("classifier_activation")
    return getattr(k.applications, name)(input_shape=(side, side, 3), **options)


def settle(reading: Reading, images: np.ndarray, seed: int = 0) -> None:
    """Draws every vector of weights, and sets batch statistics to what the layer sees."""
    generator = np.random.default_rng(seed)
    for step in run(reading, images):
        layer = reading.graph.layers[step.call.layer]
        weights = step.layer.get_weights() if layer.weight_shapes else []
        if not weights or layer.kind == "Normalization":
            continue
        drawn = []
        x = step.arrays[0]
        positions = tuple(range(x.ndim - 1))
        for name, weight in zip(layer.weight_names, weights, strict=True):
            if name == "moving_mean":
                drawn.append(x.mean(axis=positions))
            elif name == "moving_variance":
                drawn.append(x.var(axis=positions) + 1e-3)
            elif weight.ndim == 1:
                middle = 1 if name.endswith(("gamma", "scale")) else 0
                drawn.append(middle + generator.normal(0, 0.2, weight.shape))
            else:
                drawn.append(weight)
        step.layer.set_weights(drawn)


def half(units: DependencyGraph, seed: int = 0) -> np.ndarray:
    """Keeps half of every group, at random, and at least one."""
    generator = np.random.default_rng(seed)
    keep = np.ones(units.count, bool)
    for group in units.groups:
        keep[generator.permutation(group.channels)[: len(group.channels) // 2]] = False
    return keep


def measure(name: str, package: str, side: int) -> Row:
    """Prunes one network and checks everything that the table claims."""
    generator = np.random.default_rng(1)
    images = generator.uniform(0, 255, (4, side, side, 3)).astype("float32")
    model = random_model(name, package, side)
    settle(read(model), images)
    start = time.process_time()
    reading = read(model)
    units = find_dependencies(reading.graph)
    keep = half(units)
    smaller = build(reading, compact(units, keep))
    seconds = time.process_time() - start
    before, after = predict(reading, images[:2])[0], predict(read(smaller), images[:2])[0]
    proof = equivalence(reading, units, keep, read(smaller), images[:2])
    proof.check()
    magnitude = float(np.abs(before).max())
    effect = float(np.abs(before - after).max()) / magnitude
    if effect < 1e-2:
        raise AssertionError(f"{name}: pruning changed the output by {effect:.1e} only: that proves nothing")
    left = cost(units, keep)
    if smaller.count_params() != left.params:
        raise AssertionError(f"{name}: {smaller.count_params()} parameters, {left.params} were expected")
    _loads_again(smaller, images[:2], after)
    _takes_a_step(smaller, images[:2])
    error = proof.max_abs_error / proof.tolerance * RELATIVE_TOLERANCE
    return Row(name, package, cost(units), left, seconds, error, effect)


def _loads_again(model: Any, images: np.ndarray, expected: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.keras"
        save_model(model, path)
        again = load_model(path)
    np.testing.assert_allclose(predict(read(again), images)[0], expected, rtol=1e-5, atol=1e-5)


def _takes_a_step(model: Any, images: np.ndarray) -> None:
    model.compile("sgd", "mse", run_eagerly=True)
    first = model.trainable_weights[0].numpy().copy()
    loss = model.train_on_batch(images, np.ones((len(images), 10), "float32"))
    if not np.isfinite(np.ravel(loss)[0]) or (model.trainable_weights[0].numpy() == first).all():
        raise AssertionError(f"{model.name}: a training step had no effect")


def table(rows: list[Row]) -> str:
    """The README's table, in Markdown."""
    lines = [
        "| model | Keras | neurons | parameters | MACs | CPU seconds | error | effect |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        neurons = f"{row.before.neurons:,} → {row.after.neurons:,}"
        params = f"{row.before.params / 1e6:.2f} M → {row.after.params / 1e6:.2f} M"
        macs = f"{row.before.macs / 1e6:.1f} M → {row.after.macs / 1e6:.1f} M"
        lines.append(
            f"| {row.model} | {KERASES[row.keras]} | {neurons} | {params} | {macs} "
            f"| {row.seconds:.1f} | {row.error:.0e} | {row.effect:.0%} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="one network of the table")
    parser.add_argument("--keras", choices=list(KERASES), help="one Keras instead of both")
    parser.add_argument("--readme", type=pathlib.Path, help="file whose <!-- coverage --> part is replaced")
    options = parser.parse_args()
    rows: list[Row] = []
    failed = False
    for name, side in FAMILIES.items():
        for package in KERASES:
            if options.only in (None, name) and options.keras in (None, package):
                try:
                    rows.append(measure(name, package, side))
                    sys.stderr.write(json.dumps(dataclasses.asdict(rows[-1])) + "\n")
                    if options.readme:
                        write_between(options.readme, "coverage", table(rows))
                except Exception:  # noqa: BLE001 - the other networks are measured all the same
                    failed = True
                    sys.stderr.write(f"{name} in {package} failed\n{traceback.format_exc()}")
                importlib.import_module(package).backend.clear_session()
                gc.collect()
    print(table(rows))  # noqa: T201 - a script
    sys.exit(failed)


if __name__ == "__main__":
    main()
