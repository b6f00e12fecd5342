"""What a criterion may look at, and what it says: in which order channels of a group go, at which cost."""

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


@dataclasses.dataclass(frozen=True, eq=False)
class GroupImportance:
    """A criterion's judgement of one group.

    Attributes:
        order: positions within ``group.channels``, the least important first.
        costs: of each removal, in that order; not negative, comparable within the group only.
    """

    order: np.ndarray
    costs: np.ndarray

    @property
    def cumulative(self) -> np.ndarray:
        """Cost of removing the first k, for k = 0…n."""
        return np.concatenate([[0.0], np.cumsum(self.costs)])

    def keep_mask(self, count: int) -> np.ndarray:
        """True for the positions that stay when `count` of them do."""
        mask = np.ones(len(self.order), bool)
        mask[self.order[: len(self.order) - count]] = False
        return mask

    def count_below(self, threshold: float) -> int:
        """How many of the first removals each cost less than `threshold` times the mean."""
        cheap = self.costs < threshold * self.costs.mean()
        return int(np.argmin(np.append(cheap, False)))
