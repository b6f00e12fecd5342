"""edgeprune, plain tfmot magnitude pruning and Torch-Pruning on the same weights, at equal MACs.

    python -m venv build/torch && build/torch/bin/pip install torch torch-pruning
    python tests/benchmarks/versus_torch_pruning.py --torch-python build/torch/bin/python --write

Test accuracy one-shot and after one epoch on the training images, at the multiply-accumulates of
removing 25, 50 and 75 % of the neurons of every layer; mean over networks that were trained from
different seeds. The epoch is the same for every method: cross-entropy, Adam, the same order, and of the
`RATES` the one that did best for that method on validation images that nothing was trained on. So are
Torch-Pruning's criteria and scopes: the best one-shot is shown, the best `TRAINED` are trained and the
best of those is shown.

tfmot removes no neuron; it gets that share of its weights zeroed, and its multiply-accumulates stay
what they were. Torch-Pruning plans in PyTorch (torch_side.py); its result is trained and
measured in Keras like the others, so that nothing but the pruning differs. What has been measured is
kept in build/benchmarks/versus/ and not measured again.
"""

# ruff: noqa: T201 - a script that prints its results

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pruning_networks as networks
from readme import README, write_between

import edgeprune
from edgeprune.graph.cost import cost
from edgeprune.keras_bridge.network import network_of
from edgeprune.keras_bridge.read import read
from edgeprune.pruning.dependencies import find_dependencies
from edgeprune.pruning.result import PrunePlan

RATIOS = (0.25, 0.5, 0.75)
RATES = (1e-3, 3e-4)
"""The rate that the networks were trained from, and a smaller one."""
TRAINED = 2
ORIGINAL, OURS, RIVAL = "original", "edgeprune", "Torch-Pruning"
Row = dict[str, Any]


def left_macs(model: Any, ratio: float) -> float:
    """Share of the MACs that is left when every layer loses `ratio` of its neurons."""
    units = find_dependencies(read(model).graph)
    keep = np.ones(units.count, bool)
    for group in units.groups:
        keep[group.channels[round(len(group.channels) * (1 - ratio)) :]] = False
    return cost(units, keep).macs / cost(units).macs


def with_weights(model: Any, arrays: list[np.ndarray]) -> Any:
    """The model at the widths of some weights, with those weights."""
    network = network_of(model)
    units = find_dependencies(network.graph)
    shapes = iter(array.shape for array in arrays)
    kept = {layer.name: [next(shapes) for _ in layer.weights] for layer in model.layers}
    keep = np.ones(units.count, bool)
    for group in units.groups:
        keep[group.channels[kept[group.producers[0]][0][-1] :]] = False
    made = network.compacted(PrunePlan(units, keep)).model
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


def by_tfmot(model: Any, images: networks.Images, sparsity: float, rate: float = 0.0) -> Any:
    """Weights of least magnitude zeroed; with an epoch of training behind it where there is a rate."""
    import tensorflow_model_optimization as tfmot
    import tf_keras as keras

    sparse = tfmot.sparsity.keras
    schedule = sparse.ConstantSparsity(sparsity, begin_step=0, frequency=50 if rate else 1)
    wrapped = sparse.prune_low_magnitude(copied(model), pruning_schedule=schedule)
    keras.utils.set_random_seed(0)
    steps = -(-len(images.x) // 128)
    falling = keras.optimizers.schedules.CosineDecay(rate, steps) if rate else 0.0
    wrapped.compile(keras.optimizers.Adam(falling), "sparse_categorical_crossentropy")
    part = slice(None) if rate else slice(0, 128)
    called = [sparse.UpdatePruningStep()]
    wrapped.fit(images.x[part], images.y[part], batch_size=128, verbose=0, callbacks=called)
    return sparse.strip_pruning(wrapped)


def copied(model: Any) -> Any:
    """A model of the same weights."""
    import tf_keras

    copy = tf_keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def trained(model: Any, images: networks.Images, rate: float) -> Any:
    """A copy after one epoch."""
    copy = copied(model)
    networks.train(copy, images, 1, seed=0, rate=rate)
    return copy


def one_epoch(images: networks.Images, after: Callable[[float], Any]) -> Row:
    """Test accuracy after one epoch, at the rate that validation images prefer."""
    best: tuple[float, float, float] = max(
        (networks.accuracy(model, images, validation=True), networks.accuracy(model, images), rate)
        for rate in RATES
        for model in [after(rate)]
    )
    return dict(zip(("validated", "one_epoch", "rate"), best, strict=True))


def original(model: Any, images: networks.Images) -> list[Row]:
    """The network itself, and what the same epoch does for it."""
    row = {"method": ORIGINAL, "macs_left": 1.0, "seconds": 0.0, "one_shot": networks.accuracy(model, images)}
    return [row | one_epoch(images, lambda rate: trained(model, images, rate))]


def pruned(model: Any, images: networks.Images, python: str, ratio: float, network: str) -> list[Row]:
    """Every method at one ratio."""
    share = left_macs(model, ratio)
    start = time.perf_counter()
    found = edgeprune.prune(model, 1 - share, calibration=images.calibration, unit="macs")
    seconds = time.perf_counter() - start
    ours = {"method": OURS, "macs_left": found.report.after.macs / found.report.before.macs}
    ours |= {"seconds": seconds, "one_shot": networks.accuracy(found.model, images)}
    rows = [ours | one_epoch(images, lambda rate: trained(found.model, images, rate))]
    start = time.perf_counter()
    sparse = by_tfmot(model, images, 1 - share)
    row = {"method": "tfmot", "macs_left": 1.0, "seconds": time.perf_counter() - start}
    row["one_shot"] = networks.accuracy(sparse, images)
    rows.append(row | one_epoch(images, lambda rate: by_tfmot(model, images, 1 - share, rate)))
    rivals = [
        (networks.accuracy(other, images, validation=True), f"{RIVAL} {name}", other, left, seconds)
        for _, name, other, left, seconds in by_torch_pruning(python, network, model, images, [share])
    ]
    for place, (seen, name, other, left, seconds) in enumerate(sorted(rivals, key=lambda rival: -rival[0])):
        row = {"method": name, "macs_left": left, "seconds": seconds, "validated_one_shot": seen}
        row["one_shot"] = networks.accuracy(other, images)
        if place < TRAINED:
            row |= one_epoch(images, lambda rate, other=other: trained(other, images, rate))
        rows.append(row)
    return rows


def shown(rows: list[Row]) -> dict[str, tuple[float, float, float]]:
    """By method: one-shot, after one epoch, seconds; of Torch-Pruning what validation images prefer."""
    found = {row["method"]: row for row in rows if not row["method"].startswith(RIVAL)}
    rivals = [row for row in rows if row["method"].startswith(RIVAL)]
    if rivals:
        first = max(rivals, key=lambda row: row["validated_one_shot"])
        later = max(rivals, key=lambda row: row.get("validated", 0.0))
        found[RIVAL] = first | {"one_epoch": later["one_epoch"]}
    return {name: (row["one_shot"], row["one_epoch"], row["seconds"]) for name, row in found.items()}


def table(kept: Path) -> str:
    """Markdown: for each network and ratio the mean over seeds."""
    lines = [
        "| network | neurons removed per layer, as MACs | method | one-shot | after one epoch | seconds |",
        "|---|---|---|---|---|---|",
    ]
    cases: dict[tuple[str, float], list[dict[str, tuple[float, float, float]]]] = {}
    for path in sorted(kept.glob("*.json")):
        network, _, ratio = path.stem.split("-")
        cases.setdefault((network, float(ratio)), []).append(shown(json.loads(path.read_text())))
    for (network, ratio), found in sorted(cases.items()):
        for method in found[0]:
            one, after, seconds = np.mean([case[method] for case in found], axis=0)
            name = f"{network} ({len(found)} trained)" if len(found) > 1 else network
            lines.append(f"| {name} | {ratio:.0%} | {method} | {one:.2f} % | {after:.2f} % | {seconds:.1f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--torch-python", required=True, help="a Python that has torch and torch-pruning")
    parser.add_argument("--network", default="fashion", choices=["fashion", "resnet8"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the Fashion networks")
    parser.add_argument("--ratios", type=float, nargs="+", default=[0.0, *RATIOS])
    parser.add_argument("--write", action="store_true", help="write the table into README.md beside it")
    options = parser.parse_args()
    kept = networks.KEPT / "versus"
    kept.mkdir(parents=True, exist_ok=True)
    fashion = options.network == "fashion"
    images = networks.fashion() if fashion else networks.cifar()
    for seed in options.seeds if fashion else [0]:
        for ratio in options.ratios:
            path = kept / f"{options.network}-{seed}-{ratio}.json"
            if path.is_file():
                continue
            model = networks.fashion_network(seed, images) if fashion else networks.resnet8()
            if ratio:
                rows = pruned(model, images, options.torch_python, ratio, options.network)
            else:
                rows = original(model, images)
            path.write_text(json.dumps(rows, indent=1))
            print(path.name, *rows, sep="\n", flush=True)
    if options.write:
        write_between(README, "versus", table(kept))
    print(table(kept))


if __name__ == "__main__":
    main()
