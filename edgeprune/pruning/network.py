"""What pruning needs of a framework: a model that can be run, watched, changed and copied at a smaller size.

`edgeprune.keras_bridge.network` implements it; nothing in here imports a framework.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from typing import Protocol, TypeAlias

import numpy as np

from edgeprune.errors import InputError
from edgeprune.graph.model_graph import Call, ModelGraph
from edgeprune.keras_types import KerasModel
from edgeprune.pruning.equivalence import Equivalence
from edgeprune.pruning.result import PrunePlan

Data: TypeAlias = np.ndarray | list[np.ndarray] | dict[str, np.ndarray]
"""One array, a list of arrays in the order of the inputs, or a dictionary by input name; (N, …) each."""


class PendingCall(Protocol):
    """A call that is about to be made, with the values that go in."""

    @property
    def number(self) -> int:
        """Index into ``graph.calls``."""

    @property
    def call(self) -> Call:
        """The call."""

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The inputs."""

    @property
    def masks(self) -> tuple[np.ndarray | None, ...]:
        """The mask of each input, (N, time), True where there is data; None where it has none."""


class PausedRun(Protocol):
    """A run that stands before a call, so that what comes from there on can be computed several times."""

    def advance(self, number: int) -> None:
        """Goes on up to the call of that number, which is not made."""

    def outputs(self) -> list[np.ndarray]:
        """The model's outputs, with its weights as they are now from here on; the run stays where it is."""


class Network(abc.ABC):
    """A model and its weights; two networks of the same graph make the same calls in the same order."""

    @property
    @abc.abstractmethod
    def model(self) -> KerasModel:
        """The framework's own object."""

    @property
    @abc.abstractmethod
    def graph(self) -> ModelGraph:
        """The model as values."""

    def check_weights(self) -> None:
        """Raises an `InputError` for a model that computes nothing: a weight is NaN or infinite."""
        for path, layer in self.graph.layers.items():
            if not layer.weight_shapes:
                continue
            for name, weight in zip(layer.weight_names, layer.read_weights(), strict=True):
                if weight.dtype.kind == "f" and not np.isfinite(weight).all():
                    raise InputError(
                        f"Layer '{path}' has NaN or infinity in its weight '{name}'.",
                        "Finite weights are expected.",
                        "Go back to an earlier state of the model; its training diverged.",
                    )

    @abc.abstractmethod
    def steps(self, data: Data) -> Iterator[PendingCall]:
        """Runs the model in inference mode, stopping before every call."""

    @abc.abstractmethod
    def outputs(self, data: Data) -> list[np.ndarray]:
        """The model's outputs in inference mode, (N, …) each."""

    @abc.abstractmethod
    def paused(self, data: Data) -> PausedRun:
        """A run that stands before the first call. It holds the values between two calls for all samples."""

    @abc.abstractmethod
    def gradients(self, data: Data, labels: np.ndarray | None) -> Iterator[Mapping[str, list[np.ndarray]]]:
        """For each batch, the gradient of the loss with respect to each weight, by layer."""

    @abc.abstractmethod
    def weights(self, layer: str) -> list[np.ndarray]:
        """All weights of a layer, in the order of its ``weight_shapes``."""

    @abc.abstractmethod
    def replace(self, layer: str, arrays: Mapping[int, np.ndarray]) -> None:
        """Sets some of a layer's weights, by index."""

    @abc.abstractmethod
    def compacted(self, plan: PrunePlan) -> Network:
        """A smaller copy without the channels that the plan removes; the kept weights stay as they are."""

    @abc.abstractmethod
    def verified(self, plan: PrunePlan, samples: Data) -> tuple[Network, Equivalence]:
        """A compacted copy, and how its outputs compare with this model's when masked."""

    @abc.abstractmethod
    def synthetic_inputs(self, samples: int, seed: int) -> list[np.ndarray]:
        """Random inputs that the model runs on."""

    @abc.abstractmethod
    def caveats(self) -> list[str]:
        """What a copy does not have as the original has it: weights that layers share, added losses."""
