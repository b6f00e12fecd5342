"""Prunes a case's model at random and compares it with the masked original."""

from __future__ import annotations

import dataclasses
import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.graph.cost import cost
from edgeprune.keras_bridge.build import build
from edgeprune.keras_bridge.masked import equivalence
from edgeprune.keras_bridge.read import read
from edgeprune.keras_bridge.run import predict
from edgeprune.pruning.compaction import compact
from edgeprune.pruning.dependencies import find_dependencies

if TYPE_CHECKING:
    from edgeprune.graph.dependency_graph import DependencyGraph
    from edgeprune.keras_bridge.read import Reading
    from edgeprune.pruning.equivalence import Equivalence
    from tests.layers.cases import Case


@dataclasses.dataclass(frozen=True)
class Pruned:
    """A model before and after.

    Attributes:
        effect: largest change of an output, relative to the outputs' largest magnitude.
    """

    reading: Reading
    dependencies: DependencyGraph
    keep: np.ndarray
    model: Any
    samples: list[np.ndarray]
    equivalence: Equivalence
    effect: float

    def check(self) -> None:
        """What holds for every pruned model."""
        self.equivalence.check()
        assert self.effect > 1e-3, "pruning changed nothing, so the comparison proves nothing"
        assert self.model.count_params() == cost(self.dependencies, self.keep).params
        assert self.reading.model.count_params() == cost(self.dependencies).params


def model_of(case: Case, keras_version: str) -> Any:
    """The case's model with seeded weights, no two alike."""
    k = importlib.import_module(keras_version)
    inputs = [k.Input(shape, dtype="int32" if case.tokens else "float32") for shape in case.shapes]
    return with_weights(k.Model(inputs, case.build(k, inputs)), seed=1)


def with_weights(model: Any, seed: int) -> Any:
    """Seeded random weights: biases too, variances positive."""
    generator = np.random.default_rng(seed)
    for layer in model.layers:
        old = layer.get_weights()
        new = []
        for weight, array in zip(layer.weights, old, strict=True):
            drawn = generator.normal(0, 0.4, array.shape)
            if "variance" in weight.name:
                drawn = np.abs(drawn) + 0.5
            elif weight.name.split("/")[-1].startswith(("gamma", "scale")):
                drawn = drawn + 1
            new.append(drawn.astype(array.dtype))
        if old and type(layer).__name__ != "Normalization":
            layer.set_weights(new)
    return model


def samples_of(case: Case, number: int = 3) -> list[np.ndarray]:
    """Random inputs; token 0 is padding at the end of some."""
    generator = np.random.default_rng(2)
    if case.tokens:
        tokens = [generator.integers(1, 10, size=(number, *shape)) for shape in case.shapes]
        for array in tokens:
            array[0, -2:] = 0
        return tokens
    return [generator.normal(size=(number, *shape)).astype("float32") for shape in case.shapes]


def random_keep(dependencies: DependencyGraph, fraction: float, seed: int = 0) -> np.ndarray:
    """Drops a fraction of every group, never all of it."""
    generator = np.random.default_rng(seed)
    keep = np.ones(dependencies.count, bool)
    for group in dependencies.groups:
        number = min(round(len(group.channels) * fraction), len(group.channels) - 1)
        keep[generator.permutation(group.channels)[:number]] = False
    return keep


def prune(model: Any, samples: list[np.ndarray], fraction: float = 0.5, seed: int = 0) -> Pruned:
    """Prunes at random."""
    reading = read(model)
    dependencies = find_dependencies(reading.graph)
    keep = random_keep(dependencies, fraction, seed)
    smaller = build(reading, compact(dependencies, keep))
    before, after = predict(reading, samples), predict(read(smaller), samples)
    pairs = [(one * 1.0, other * 1.0) for one, other in zip(before, after, strict=True)]  # masks are bool
    effect = max(float(np.abs(one - other).max() / np.abs(one).max()) for one, other in pairs)
    proof = equivalence(reading, dependencies, keep, read(smaller), samples)
    return Pruned(reading, dependencies, keep, smaller, samples, proof, effect)
