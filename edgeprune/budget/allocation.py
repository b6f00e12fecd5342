"""Which widths keep the most inside a budget.

From the whole model downwards, always the step (of one group, to one of its next few widths) that changes
the outputs least for what it saves; the next widths and not just the next one, since between two steps
of the runtime's tiles narrowing saves nothing. What the last step has made unnecessary is given back,
and then every group gets all the channels that cost nothing to keep. The steps are those of a greedy
knapsack; with convex curves and costs that add up it is the Lagrangian's solution.

The costs are relative to their limits: a plan is inside the budget when none is above 1.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from edgeprune.pruning.allocation import widened

Cost = Callable[[np.ndarray], np.ndarray]
"""Kept counts (N, G) to the cost of each (N,)."""
Sensitivity = Sequence[np.ndarray]
"""For each group the curve D(k) of k = 0…n removals."""
_WIDTHS = 24
_AHEAD = 6
_SWAPS = 3
_STARTS = 6
_TOP_UP = 64


@dataclasses.dataclass(frozen=True, eq=False)
class Descent:
    """Plans (S, G) from the whole model to the narrowest, each one step from the one before."""

    counts: np.ndarray
    costs: np.ndarray


def thinned(choices: np.ndarray) -> np.ndarray:
    """At most about `_WIDTHS` of the counts that a group may keep: steps of 2, 4, 8, … channels."""
    step = 1
    while len(choices) > _WIDTHS and (choices[0] - choices[-1]) / step > _WIDTHS:
        step *= 2
    keep = (choices % step == 0) | (choices == choices[0]) | (choices == choices[-1])
    return np.asarray(choices[keep])


def descend(
    choices: Sequence[np.ndarray], cost: Cost, sensitivity: Sensitivity, enough: float = 0.0,
    start: np.ndarray | None = None,
) -> Descent:
    """Steps down from `start` (G,), or the whole model, until the cost is at most `enough` or none is left.

    `choices` are for each group the counts it may keep, the full one first.
    """
    widths = [thinned(one) for one in choices]
    sizes = [int(one[0]) for one in choices]
    curves = [curve[size - one] for curve, size, one in zip(sensitivity, sizes, widths, strict=True)]
    here = np.array(sizes if start is None else start, float)
    # A start between two widths counts as the wider one; the first step leaves it.
    place = np.array([np.flatnonzero(one >= count)[-1] for one, count in zip(widths, here, strict=True)])
    visited, costs = [here.copy()], [float(cost(here[None])[0])]
    while costs[-1] > enough:
        steps = [
            (group, ahead)
            for group, one in enumerate(widths)
            for ahead in range(place[group] + 1, min(place[group] + 1 + _AHEAD, len(one)))
        ]
        if not steps:
            break
        there = np.repeat(here[None], len(steps), axis=0)
        for row, (group, ahead) in enumerate(steps):
            there[row, group] = widths[group][ahead]
        after = cost(there)
        change = np.array([curves[group][ahead] - curves[group][place[group]] for group, ahead in steps])
        saved = costs[-1] - after
        # A step that saves nothing is the last resort, in the order of least change.
        price = np.where(saved > 1e-9, change / np.maximum(saved, 1e-9), 1e12 * (1 + change))
        best = int(np.argmin(price))
        group, ahead = steps[best]
        place[group], here = ahead, there[best]
        visited.append(here.copy())
        costs.append(float(after[best]))
    return Descent(np.array(visited).astype(int), np.array(costs))


def widest(
    found: Descent, choices: Sequence[np.ndarray], cost: Cost, sensitivity: Sensitivity, limit: float = 1.0,
    *, swaps: bool = False,
) -> np.ndarray | None:
    """(G,) the widths that keep the most at no more than this cost; None where no plan is inside.

    `cost` need not be what the descent was made for. `swaps` also tries to widen one group at the expense of
    another, which takes long.
    """
    inside = np.flatnonzero(cost(found.counts) <= limit)
    if not len(inside):
        return None
    improvement = _Improvement([thinned(one) for one in choices], cost, sensitivity, limit)
    # Widening again from further down leads to plans that swaps alone do not reach.
    starts = inside[:_STARTS] if swaps else inside[:1]
    ends = np.array([improvement.end(found.counts[start].astype(float), swaps=swaps) for start in starts])
    return _topped_up(ends[int(np.argmin(improvement.change(ends)))], choices, cost, limit).astype(int)


@dataclasses.dataclass(frozen=True, eq=False)
class _Improvement:
    widths: Sequence[np.ndarray]
    cost: Cost
    sensitivity: Sensitivity
    limit: float

    def change(self, plans: np.ndarray) -> np.ndarray:
        """(N,) of the outputs, by the curves."""
        gone = [widths[0] - plans[:, group] for group, widths in enumerate(self.widths)]
        return np.asarray(sum(curve[k.astype(int)] for curve, k in zip(self.sensitivity, gone, strict=True)))

    def inside(self, plans: np.ndarray) -> np.ndarray:
        """(N,) which plans cost no more than the limit."""
        return self.cost(plans) <= self.limit

    def end(self, here: np.ndarray, *, swaps: bool) -> np.ndarray:
        """Where widening, and swapping if that is asked for, leads to."""
        while True:
            here = widened(here, self.widths, self.inside, lambda _, plans: self.change(plans))
            better = self.swapped(here) if swaps else None
            if better is None:
                return here
            here = better

    def swapped(self, here: np.ndarray) -> np.ndarray | None:
        """One group up to three widths wider, another as many narrower, if that changes the outputs less."""
        up, down = [], []
        for group, widths in enumerate(self.widths):
            up += [(group, int(count)) for count in widths[widths > here[group]][-_SWAPS:]]
            down += [(group, int(count)) for count in widths[widths < here[group]][:_SWAPS]]
        moves = [(one, other) for one in up for other in down if one[0] != other[0]]
        plans = np.repeat(here[None], len(moves), axis=0)
        for plan, move in zip(plans, moves, strict=True):
            for group, count in move:
                plan[group] = count
        plans = plans[self.inside(plans)] if moves else plans
        if not len(plans):
            return None
        better = plans[int(np.argmin(self.change(plans)))]
        return better if self.change(better[None])[0] < self.change(here[None])[0] * (1 - 1e-6) else None


def _topped_up(here: np.ndarray, choices: Sequence[np.ndarray], cost: Cost, limit: float) -> np.ndarray:
    """Every group as wide as it can be within the limit, those that lost the largest share first."""
    for group in np.argsort([here[g] / one[0] for g, one in enumerate(choices)]):
        wider = choices[group][choices[group] > here[group]][-_TOP_UP:]
        if not len(wider):
            continue
        there = np.repeat(here[None], len(wider), axis=0)
        there[:, group] = wider
        allowed = np.flatnonzero(cost(there) <= limit)
        if len(allowed):
            here = there[allowed[np.argmax(wider[allowed])]]
    return here
