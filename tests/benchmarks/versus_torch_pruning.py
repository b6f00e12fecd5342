"""edgeprune, plain tfmot magnitude pruning and Torch-Pruning on the same weights, at equal MACs.

    python -m venv build/torch && build/torch/bin/pip install torch torch-pruning
    python tests/benchmarks/versus_torch_pruning.py --torch-python build/torch/bin/python --write

Accuracy one-shot and after one epoch on the training images (Adam, cosine from 1e-3, the same for
all; of Torch-Pruning's eight criteria and scopes the two that are best one-shot), and the seconds of
planning and pruning. Equal MACs: those of removing 25, 50 and 75 % of the
neurons of every layer. tfmot removes no neuron; it gets that share of its weights zeroed, and its
multiply-accumulates stay what they were. Torch-Pruning plans in PyTorch (tests/benchmarks/
torch_side.py); its result is trained and measured in Keras like the others, so that nothing but the
pruning differs. Needs PyTorch for this comparison only.
"""

# ruff: noqa: T201 - a script that prints its results

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pruning_networks as networks
from readme import write_between

import edgeprune
from edgeprune.graph.cost import cost
from edgeprune.keras_bridge.network import stripped_network
from edgeprune.keras_bridge.read import read
from edgeprune.pruning.units import trace

RATIOS = (0.25, 0.5, 0.75)
TRAINED = 2
"""Of Torch-Pruning's criteria and scopes, how many of the best one-shot ones are trained at each ratio."""
README = networks.ROOT / "README.md"
MARK = "versus"
Row = dict[str, Any]


def left_macs(model: Any, ratio: float) -> float:
    """Share of the MACs that is left when every layer loses `ratio` of its neurons."""
    units = trace(read(model).graph)
    keep = np.ones(units.count, bool)
    for group in units.groups:
        keep[group.units[round(len(group.units) * (1 - ratio)) :]] = False
    return cost(units, keep).macs / cost(units).macs


def with_weights(model: Any, arrays: list[np.ndarray]) -> Any:
    """The model at the widths of some weights, with those weights."""
    reading = read(model)
    units = trace(reading.graph)
    shapes = iter(array.shape for array in arrays)
    kept = {layer.name: [next(shapes) for _ in layer.weights] for layer in model.layers}
    keep = np.ones(units.count, bool)
    for group in units.groups:
        keep[group.units[kept[group.producers[0]][0][-1] :]] = False
    made = stripped_network(reading, units, keep).reading.model
    made.set_weights(arrays)
    return made


def by_torch_pruning(
    python: str, network: str, model: Any, images: networks.Images, left: list[float]
) -> Iterator[tuple[int, str, Any, float, float]]:
    """Target number, name, pruned Keras model, share of MACs left and seconds of each of its results."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.npz"
        chosen = np.random.default_rng(0).permutation(len(images.x))[: networks.CALIBRATION]
        weights = {f"w{number}": array for number, array in enumerate(model.get_weights())}
        np.savez(
            source,
            network=network,
            left_macs=left,
            x=images.x[chosen].astype(np.float32),
            y=images.y[chosen],
            **weights,
        )
        side = Path(__file__).with_name("torch_side.py")
        subprocess.run([python, str(side), str(source), folder], check=True)
        with np.load(Path(folder) / "original.npz") as found:
            expected = model.predict(images.x[chosen][:64].astype(np.float32), verbose=0)
            np.testing.assert_allclose(found["outputs"], expected, rtol=0, atol=1e-3)
        for path in sorted(Path(folder).glob("[0-9]-*.npz")):
            number, name = path.stem.split("-", 1)
            with np.load(path) as found:
                arrays = [found[f"w{place}"] for place in range(sum(key.startswith("w") for key in found))]
                pruned = with_weights(model, arrays)
                yield (
                    int(number),
                    name.replace("_", " "),
                    pruned,
                    float(found["left"]),
                    float(found["seconds"]),
                )


def by_tfmot(model: Any, images: networks.Images, sparsity: float, epochs: int) -> tuple[Any, float]:
    """Weights of least magnitude zeroed, with or without training behind it; and the seconds."""
    import tensorflow_model_optimization as tfmot
    import tf_keras as keras

    sparse = tfmot.sparsity.keras
    start = time.perf_counter()
    schedule = sparse.ConstantSparsity(sparsity, begin_step=0, frequency=1 if not epochs else 50)
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    wrapped = sparse.prune_low_magnitude(copy, pruning_schedule=schedule)
    keras.utils.set_random_seed(0)
    steps = -(-len(images.x) // 128)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps) if epochs else 0.0
    wrapped.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    part = slice(None) if epochs else slice(0, 128)
    wrapped.fit(
        images.x[part],
        images.y[part],
        batch_size=128,
        epochs=max(epochs, 1),
        verbose=0,
        callbacks=[sparse.UpdatePruningStep()],
    )
    return sparse.strip_pruning(wrapped), time.perf_counter() - start


def compare(network: str, python: str, *, train: bool) -> Iterator[Row]:
    """All methods at all ratios on one network, row after row."""
    images = networks.fashion() if network == "fashion" else networks.cifar()
    model = networks.fashion_network(0, images) if network == "fashion" else networks.resnet8()
    left = [left_macs(model, ratio) for ratio in RATIOS]

    def one_shot(ratio: float, method: str, pruned: Any, share: float, seconds: float) -> Row:
        return {
            "network": network,
            "ratio": ratio,
            "method": method,
            "macs_left": share,
            "seconds": seconds,
            "one_shot": networks.accuracy(pruned, images),
        }

    def one_epoch(row: Row, pruned: Any) -> Row:
        if train:
            networks.train(pruned, images, 1, seed=0)
            row["one_epoch"] = networks.accuracy(pruned, images)
        return row

    copy = with_weights(model, model.get_weights())
    yield one_epoch(one_shot(0.0, "original", copy, 1.0, 0.0), copy)
    rivals = [
        (one_shot(RATIOS[number], f"Torch-Pruning {name}", pruned, share, seconds), pruned)
        for number, name, pruned, share, seconds in by_torch_pruning(python, network, model, images, left)
    ]
    for ratio, share in zip(RATIOS, left, strict=True):
        start = time.perf_counter()
        found = edgeprune.prune(model, 1 - share, calibration=images.calibration, unit="macs")
        seconds = time.perf_counter() - start
        kept = found.report.after.macs / found.report.before.macs
        yield one_epoch(one_shot(ratio, "edgeprune", found.model, kept, seconds), found.model)
        sparse, seconds = by_tfmot(model, images, 1 - share, 0)
        row = one_shot(ratio, "tfmot", sparse, 1.0, seconds)
        if train:
            row["one_epoch"] = networks.accuracy(by_tfmot(model, images, 1 - share, 1)[0], images)
        yield row
        mine = [pair for pair in rivals if pair[0]["ratio"] == ratio]
        mine.sort(key=lambda pair: -pair[0]["one_shot"])
        for place, (row, pruned) in enumerate(mine):
            yield one_epoch(row, pruned) if place < TRAINED else row


def table(rows: list[Row]) -> str:
    """Markdown: for each network and ratio edgeprune, tfmot and the best of Torch-Pruning."""
    lines = [
        "| network | neurons removed per layer, as MACs | method | one-shot | after one epoch | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for network in dict.fromkeys(row["network"] for row in rows):
        for ratio in (0.0, *RATIOS):
            mine = [row for row in rows if row["network"] == network and row["ratio"] == ratio]
            torch_rows = [row for row in mine if row["method"].startswith("Torch")]
            shown = [row for row in mine if row not in torch_rows]
            for key in [name for name in ("one_shot", "one_epoch") if any(name in row for row in torch_rows)]:
                best = max(torch_rows, key=lambda row: row.get(key, 0.0), default=None)
                shown += [best] if best is not None and best not in shown else []
            for row in shown:
                after = f"{row['one_epoch']:.1f} %" if "one_epoch" in row else ""
                cells = (network, f"{ratio:.0%}", row["method"], f"{row['one_shot']:.1f} %", after)
                lines.append(f"| {' | '.join(cells)} | {row['seconds']:.1f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--torch-python", required=True, help="a Python that has torch and torch-pruning")
    parser.add_argument("--networks", nargs="+", default=["fashion"], choices=["fashion", "resnet8"])
    parser.add_argument("--one-shot", action="store_true", help="leave out the training")
    parser.add_argument("--out", type=Path, default=networks.KEPT / "versus_torch_pruning.json")
    parser.add_argument("--write", action="store_true", help="put the table between the marks in README.md")
    options = parser.parse_args()
    rows: list[Row] = []
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for name in options.networks:
        for row in compare(name, options.torch_python, train=not options.one_shot):
            rows.append(row)
            print(row, flush=True)
            options.out.write_text(json.dumps(rows, indent=1))
            if options.write:
                write_between(README, MARK, table(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
