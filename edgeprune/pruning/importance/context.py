"""What a criterion may look at."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from edgeprune.graph.dependency_graph import DependencyGraph
from edgeprune.pruning.activation_statistics import Moments
from edgeprune.pruning.network import Data, Network


@dataclasses.dataclass(frozen=True, eq=False)
class CriterionContext:
    """The original model, which a criterion leaves as it is, and calibration data where there is some.

    The moments are what every linear read sees on it.
    """

    network: Network
    dependencies: DependencyGraph
    data: Data | None = None
    labels: np.ndarray | None = None
    moments: Sequence[Moments] = ()
    seed: int = 0

    @property
    def samples(self) -> Data:
        """The data, for a criterion that needs some: without, `PruningAnalysis` chooses another criterion."""
        if self.data is None:
            raise ValueError("This criterion needs calibration data.")
        return self.data
