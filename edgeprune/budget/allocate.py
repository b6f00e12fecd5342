"""Which widths keep the most inside a budget.

From the whole model downwards, always the step (of one group, to one of its next few levels) that harms
the outputs least for what it saves; the next levels and not just the next one, since between two steps
of the runtime's tiles narrowing saves nothing. What the last step has made unnecessary is given back,
and then every group gets all the units that cost nothing to keep. The steps are those of a greedy
knapsack; with convex harms and costs that add up it is the Lagrangian's solution.

The costs are relative to their limits: a plan is inside the budget when none is above 1.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

Cost = Callable[[np.ndarray], np.ndarray]
"""Kept counts (N, G) to the cost of each (N,)."""
Harm = Sequence[np.ndarray]
"""For each group the harm D(k) of k = 0…n removals."""
_LEVELS = 24
_AHEAD = 6
_SWAPS = 3
_STARTS = 6
_TOP_UP = 64


@dataclasses.dataclass(frozen=True, eq=False)
class Path:
    """Plans from the whole model to the narrowest, each one step from the one before.

    Attributes:
        counts: (S, G) kept units.
        costs: (S,) of each plan.
    """

    counts: np.ndarray
    costs: np.ndarray


def thinned(choices: np.ndarray) -> np.ndarray:
    """At most about `_LEVELS` of the counts that a group may keep: steps of 2, 4, 8, … units."""
    step = 1
    while len(choices) > _LEVELS and (choices[0] - choices[-1]) / step > _LEVELS:
        step *= 2
    keep = (choices % step == 0) | (choices == choices[0]) | (choices == choices[-1])
    return np.asarray(choices[keep])


def path(
    choices: Sequence[np.ndarray],
    cost: Cost,
    harm: Harm,
    enough: float = 0.0,
    start: np.ndarray | None = None,
) -> Path:
    """Steps down until the cost is at most `enough` or nothing is left to take.

    Args:
        choices: for each group the counts it may keep, the full one first.
        cost: what a plan costs.
        harm: see `Harm`.
        enough: where to stop.
        start: (G,) where to begin; None for the whole model.
    """
    levels = [thinned(one) for one in choices]
    sizes = [int(one[0]) for one in choices]
    harms = [curve[size - level] for curve, size, level in zip(harm, sizes, levels, strict=True)]
    here = np.array(sizes if start is None else start, float)
    # A start between two levels counts as the wider one; the first step leaves it.
    place = np.array([np.flatnonzero(level >= count)[-1] for level, count in zip(levels, here, strict=True)])
    visited, costs = [here.copy()], [float(cost(here[None])[0])]
    while costs[-1] > enough:
        steps = [
            (group, ahead)
            for group, level in enumerate(levels)
            for ahead in range(place[group] + 1, min(place[group] + 1 + _AHEAD, len(level)))
        ]
        if not steps:
            break
        there = np.repeat(here[None], len(steps), axis=0)
        for row, (group, ahead) in enumerate(steps):
            there[row, group] = levels[group][ahead]
        after = cost(there)
        harmed = np.array([harms[group][ahead] - harms[group][place[group]] for group, ahead in steps])
        saved = costs[-1] - after
        # Nothing saved: a last resort, in the order of least harm.
        price = np.where(saved > 1e-9, harmed / np.maximum(saved, 1e-9), 1e12 * (1 + harmed))
        best = int(np.argmin(price))
        group, ahead = steps[best]
        place[group], here = ahead, there[best]
        visited.append(here.copy())
        costs.append(float(after[best]))
    return Path(np.array(visited).astype(int), np.array(costs))


def cut(
    found: Path,
    choices: Sequence[np.ndarray],
    cost: Cost,
    harm: Harm,
    limit: float = 1.0,
    *,
    swaps: bool = False,
) -> np.ndarray | None:
    """(G,) the widths that keep the most at no more than this cost; None where no plan is inside.

    Args:
        found: from `path`.
        choices: for each group the counts it may keep, the full one first.
        cost: what a plan costs; not necessarily what the path was made for.
        harm: see `Harm`.
        limit: the most that the plan may cost.
        swaps: whether to try widening one group at the expense of another; for a single plan.
    """
    inside = np.flatnonzero(cost(found.counts) <= limit)
    if not len(inside):
        return None
    search = _Search([thinned(one) for one in choices], cost, harm, limit)
    # Widening again from further down the path leads elsewhere, out of what swaps alone cannot leave.
    starts = inside[:_STARTS] if swaps else inside[:1]
    ends = [search.ended(found.counts[start].astype(float), swaps=swaps) for start in starts]
    return _topped_up(search.best(ends), choices, cost, limit).astype(int)


@dataclasses.dataclass(frozen=True, eq=False)
class _Search:
    levels: Sequence[np.ndarray]
    cost: Cost
    harm: Harm
    limit: float

    def _harm(self, plans: np.ndarray) -> np.ndarray:
        gone = [level[0] - plans[:, group] for group, level in enumerate(self.levels)]
        return np.asarray(sum(curve[k.astype(int)] for curve, k in zip(self.harm, gone, strict=True)))

    def ended(self, here: np.ndarray, *, swaps: bool) -> np.ndarray:
        """Where widening, and swapping if that is asked for, leads to."""
        here = self.widened(here)
        while swaps and (better := self.swapped(here)) is not None:
            here = self.widened(better)
        return here

    def best(self, plans: Sequence[np.ndarray]) -> np.ndarray:
        """The one that harms least."""
        return plans[int(np.argmin(self._harm(np.array(plans))))]

    def widened(self, here: np.ndarray) -> np.ndarray:
        """Gives back levels while there is room, those that harm most first."""
        while True:
            wider = [(g, count) for g, level in enumerate(self.levels) if (count := _next(level, here[g]))]
            better = self._best(here, [(move,) for move in wider])
            if better is None:
                return here
            here = better

    def swapped(self, here: np.ndarray) -> np.ndarray | None:
        """One group up to three levels wider, another as many narrower, if that harms less."""
        up, down = [], []
        for group, level in enumerate(self.levels):
            up += [(group, int(count)) for count in level[level > here[group]][-_SWAPS:]]
            down += [(group, int(count)) for count in level[level < here[group]][:_SWAPS]]
        better = self._best(here, [(one, other) for one in up for other in down if one[0] != other[0]])
        if better is None or self._harm(better[None])[0] >= self._harm(here[None])[0] * (1 - 1e-6):
            return None
        return better

    def _best(self, here: np.ndarray, moves: Sequence[tuple[tuple[int, int], ...]]) -> np.ndarray | None:
        if not moves:
            return None
        there = np.repeat(here[None], len(moves), axis=0)
        for row, move in enumerate(moves):
            for group, count in move:
                there[row, group] = count
        there = there[self.cost(there) <= self.limit]
        return there[int(np.argmin(self._harm(there)))] if len(there) else None


def _next(level: np.ndarray, count: float) -> int:
    """The next larger level, or 0."""
    larger = level[level > count]
    return int(larger[-1]) if len(larger) else 0


def _topped_up(here: np.ndarray, choices: Sequence[np.ndarray], cost: Cost, limit: float) -> np.ndarray:
    """Every group as wide as it can be within the limit, those that lost the largest share first."""
    for group in np.argsort([here[g] / one[0] for g, one in enumerate(choices)]):
        wider = choices[group][choices[group] > here[group]]
        wider = wider[-_TOP_UP:]
        if not len(wider):
            continue
        there = np.repeat(here[None], len(wider), axis=0)
        there[:, group] = wider
        allowed = np.flatnonzero(cost(there) <= limit)
        if len(allowed):
            here = there[allowed[np.argmax(wider[allowed])]]
    return here
