"""The order in which the channels of one group go, and what each removal costs."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Ranking:
    """A criterion's answer for one group.

    Attributes:
        order: positions within ``group.units``, the first to go first.
        costs: of each removal, in that order; not negative, comparable within the group only.
    """

    order: np.ndarray
    costs: np.ndarray

    @property
    def cumulative(self) -> np.ndarray:
        """Cost of removing the first k, for k = 0…n."""
        return np.concatenate([[0.0], np.cumsum(self.costs)])

    def kept(self, count: int) -> np.ndarray:
        """True for the positions that stay when `count` of them do."""
        mask = np.ones(len(self.order), bool)
        mask[self.order[: len(self.order) - count]] = False
        return mask

    def below(self, threshold: float) -> int:
        """How many go first that cost less than `threshold` times the mean cost each."""
        cheap = self.costs < threshold * self.costs.mean()
        return int(np.argmin(np.append(cheap, False)))
