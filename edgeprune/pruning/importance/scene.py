"""What a criterion may look at."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from edgeprune.graph.dependency_graph import DependencyGraph
    from edgeprune.pruning.network import Data, Network
    from edgeprune.pruning.observe import Moments


@dataclasses.dataclass(frozen=True)
class Scene:
    """The model, and data where there is some.

    Attributes:
        network: the original; a criterion leaves it as it is.
        units: its channels.
        data: calibration samples, None where pruning is data-free.
        labels: of the samples, None where there are none.
        moments: what every linear read sees on the samples; empty without data.
        seed: decides every random choice.
    """

    network: Network
    dependencies: DependencyGraph
    data: Data | None = None
    labels: np.ndarray | None = None
    moments: Sequence[Moments] = ()
    seed: int = 0

    @property
    def samples(self) -> Data:
        """The data of a criterion that needs some.

        Raises:
            ValueError: there is none; `PruningAnalysis` then chooses another criterion.
        """
        if self.data is None:
            raise ValueError("This criterion needs calibration data.")
        return self.data


class Scorer(Protocol):
    """Scores every channel by itself; the lowest goes first."""

    def __call__(self, scene: Scene) -> np.ndarray:
        """(channels.count,) not negative, with a mean near 1 in each group."""
