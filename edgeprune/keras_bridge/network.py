"""A Keras model as `edgeprune.pruning.network.Network`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np

from edgeprune.graph.model_graph import ModelGraph
from edgeprune.keras_bridge.build import build
from edgeprune.keras_bridge.drawn import drawn_outputs
from edgeprune.keras_bridge.gradients import gradients
from edgeprune.keras_bridge.input_adapter import adapt_inputs
from edgeprune.keras_bridge.masked import equivalence
from edgeprune.keras_bridge.nodes import has_added_loss
from edgeprune.keras_bridge.opened import OPENED
from edgeprune.keras_bridge.read import Reading, read, shared_weights
from edgeprune.keras_bridge.run import CallStep, PausedBatch, predict, replace_weights, run
from edgeprune.keras_bridge.synthetic_inputs import synthetic_inputs
from edgeprune.keras_types import KerasModel
from edgeprune.pruning.calibration_effort import BATCH_BYTES, samples_within
from edgeprune.pruning.compaction import compact
from edgeprune.pruning.equivalence import Equivalence
from edgeprune.pruning.network import Data, Network
from edgeprune.pruning.result import PrunePlan
from edgeprune.pruning.samples import as_arrays, count, take

BATCH = 256
"""Samples that go through the model at a time where only its outputs are wanted, at most."""
_FEW = 16


@dataclasses.dataclass(frozen=True)
class KerasNetwork(Network):
    """A model that was read."""

    reading: Reading

    @property
    def model(self) -> KerasModel:
        """The Keras model."""
        return self.reading.model

    @property
    def graph(self) -> ModelGraph:
        """The model as values."""
        return self.reading.graph

    def steps(self, data: Data) -> Iterator[CallStep]:
        """See `edgeprune.keras_bridge.run.run`."""
        return run(self.reading, data)

    def outputs(self, data: Data) -> list[np.ndarray]:
        """The model's outputs, computed in batches."""
        return _joined([predict(self.reading, batch) for batch in self._batches(data)])

    def drawn_outputs(self, data: object) -> tuple[int, ...]:
        """Which outputs differ between two calls on the same samples, by number.

        Args:
            data: samples as the model takes them; None: synthetic ones do.

        Raises:
            InputError: all outputs differ.
        """
        samples = self.synthetic_inputs(_FEW, 0) if data is None else take(as_arrays(data), slice(0, _FEW))
        inputs = [np.asarray(one) for one in adapt_inputs(self.reading, samples).values()]
        return drawn_outputs(self.model, inputs)

    def layer_of_output(self, number: int) -> str:
        """The layer that makes an output."""
        made = {tensor.index: call.layer for call in self.graph.calls for tensor in call.outputs}
        return made[self.graph.outputs[number].index]

    def paused(self, data: Data) -> PausedBatches:
        """See `edgeprune.keras_bridge.run.PausedBatch`; in the same batches as `outputs`."""
        return PausedBatches([PausedBatch(self.reading, batch) for batch in self._batches(data)])

    def _batches(self, data: Data) -> Iterator[Data]:
        size = min(BATCH, samples_within(BATCH_BYTES, self.graph))
        return (take(data, slice(start, start + size)) for start in range(0, count(data), size))

    def gradients(self, data: Data, labels: np.ndarray | None) -> Iterator[Mapping[str, list[np.ndarray]]]:
        """See `edgeprune.keras_bridge.gradients.gradients`."""
        return gradients(self.reading, data, labels)

    def weights(self, layer: str) -> list[np.ndarray]:
        """All weights of a layer."""
        return list(self.reading.layers[layer].get_weights())

    def replace(self, layer: str, arrays: Mapping[int, np.ndarray]) -> None:
        """Sets some of a layer's weights, by index."""
        replace_weights(self.reading, layer, arrays)

    def compacted(self, plan: PrunePlan) -> KerasNetwork:
        """A smaller copy, built and read."""
        return network_of(build(self.reading, compact(plan.dependencies, plan.keep)))

    def verified(self, plan: PrunePlan, samples: Data) -> tuple[KerasNetwork, Equivalence]:
        """See `edgeprune.keras_bridge.masked.equivalence`."""
        smaller = self.compacted(plan)
        return smaller, equivalence(self.reading, plan.dependencies, plan.keep, smaller.reading, samples)

    def synthetic_inputs(self, samples: int, seed: int) -> list[np.ndarray]:
        """See `edgeprune.keras_bridge.synthetic_inputs.synthetic_inputs`."""
        return synthetic_inputs(self.reading, samples, seed)

    def caveats(self) -> list[str]:
        """Added losses and metrics, and layers that hold the same variable."""
        opened = list(OPENED.get(self.model, ()))
        added = ["The losses and metrics of add_loss() and add_metric() must be added again."]
        return opened + (added if has_added_loss(self.model) else []) + [
            f"Layers '{one}' and '{other}' share weights in the original; each has its own in the pruned "
            "model, and counts for itself."
            for one, other in shared_weights(self.reading)
        ]


@dataclasses.dataclass(frozen=True)
class PausedBatches:
    """Runs of several batches, all before the same call."""

    runs: list[PausedBatch]

    def advance(self, number: int) -> None:
        """Goes on up to the call of that number."""
        for one in self.runs:
            one.advance(number)

    def outputs(self) -> list[np.ndarray]:
        """The outputs for all samples."""
        return _joined([one.outputs() for one in self.runs])


def _joined(parts: list[list[np.ndarray]]) -> list[np.ndarray]:
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def network_of(model: KerasModel) -> KerasNetwork:
    """Reads a model, see `edgeprune.keras_bridge.read.read`."""
    return KerasNetwork(read(model))
