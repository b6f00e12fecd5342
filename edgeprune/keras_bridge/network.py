"""A Keras model as `edgeprune.pruning.network.Network`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.keras_bridge.build import build
from edgeprune.keras_bridge.read import read
from edgeprune.keras_bridge.run import predict, replace_weights, run
from edgeprune.pruning.compaction import compact
from edgeprune.pruning.samples import count, take

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edgeprune.graph.dependency_graph import DependencyGraph
    from edgeprune.graph.model_graph import ModelGraph
    from edgeprune.keras_bridge.feed import Data
    from edgeprune.keras_bridge.read import Reading
    from edgeprune.keras_bridge.run import Step


@dataclasses.dataclass(frozen=True)
class KerasNetwork:
    """A model that was read.

    Attributes:
        reading: the model and its graph.
        batch: samples that go through the model at a time where only its outputs are wanted.
    """

    reading: Reading
    batch: int = 256

    @property
    def graph(self) -> ModelGraph:
        """The model as values."""
        return self.reading.graph

    def steps(self, data: Data) -> Iterator[Step]:
        """Runs the model, stopping before every call; see `edgeprune.keras_bridge.run.run`."""
        return run(self.reading, data)

    def outputs(self, data: Data) -> list[np.ndarray]:
        """The model's outputs, in inference mode."""
        parts = [
            predict(self.reading, take(data, slice(start, start + self.batch)))
            for start in range(0, count(data), self.batch)
        ]
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    def weights(self, layer: str) -> list[np.ndarray]:
        """All weights of a layer."""
        return list(self.reading.layers[layer].get_weights())

    def replace(self, layer: str, arrays: Mapping[int, np.ndarray]) -> None:
        """Sets some of a layer's weights, by index."""
        replace_weights(self.reading, layer, arrays)


def stripped_network(reading: Reading, dependencies: DependencyGraph, keep: np.ndarray) -> KerasNetwork:
    """A new model with some of the channels of an old one, and its kept weights.

    Args:
        reading: the old model; it is not changed.
        units: its channels.
        keep: for each channel number, whether it stays.
    """
    model: Any = build(reading, compact(dependencies, keep))
    return KerasNetwork(read(model))
