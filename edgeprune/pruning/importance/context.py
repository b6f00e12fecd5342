"""What a criterion may look at."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from edgeprune.graph.dependency_graph import DependencyGraph
from edgeprune.pruning.activation_statistics import Moments
from edgeprune.pruning.network import Data, Network


@dataclasses.dataclass(frozen=True, eq=False)
class CriterionContext:
    """The model, and data where there is some.

    Attributes:
        network: the original; a criterion leaves it as it is.
        data: calibration samples, None where pruning is data-free.
        moments: what every linear read sees on the samples; empty without data.
    """

    network: Network
    dependencies: DependencyGraph
    data: Data | None = None
    labels: np.ndarray | None = None
    moments: Sequence[Moments] = ()
    seed: int = 0

    @property
    def samples(self) -> Data:
        """The data, for a criterion that needs some.

        Raises:
            ValueError: there is none; `PruningAnalysis` then chooses another criterion.
        """
        if self.data is None:
            raise ValueError("This criterion needs calibration data.")
        return self.data
