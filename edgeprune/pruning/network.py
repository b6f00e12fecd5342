"""What choosing and repairing need of a framework: a model that can be run, watched and changed.

`edgeprune.keras_bridge.network` implements it; nothing in here imports a framework.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np

    from edgeprune.graph.model_graph import Call, ModelGraph

Data = Any
"""One array, a list of arrays in the order of the inputs, or a dictionary by input name; (N, …) each."""


class Step(Protocol):
    """A call about to be made, with the values that go in."""

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


class Network(Protocol):
    """A model and its weights; two networks of the same graph make the same calls in the same order."""

    @property
    def graph(self) -> ModelGraph:
        """The model as values."""

    def steps(self, data: Data) -> Iterator[Step]:
        """Runs the model in inference mode, stopping before every call."""

    def outputs(self, data: Data) -> list[np.ndarray]:
        """The model's outputs, (N, …) each."""

    def weights(self, layer: str) -> list[np.ndarray]:
        """All weights of a layer, in the order of its ``weight_shapes``."""

    def replace(self, layer: str, arrays: Mapping[int, np.ndarray]) -> None:
        """Sets some of a layer's weights, by index."""


class Gradients(Protocol):
    """Differentiates a network, for the criteria that need it."""

    def __call__(self, data: Data, labels: np.ndarray | None) -> Iterator[Mapping[str, Sequence[np.ndarray]]]:
        """For each batch, the gradient of the loss with respect to each weight, by layer."""
