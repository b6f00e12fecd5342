"""Which channels of one group matter least: the order in which they go, and what each removal costs."""

import dataclasses

import numpy as np


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
