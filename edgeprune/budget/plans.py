"""Plans inside a budget, made in several ways; the pruned networks themselves say which is best.

Harms of single groups add up only roughly: a plan that the curves call best can be beaten by one that
they call worse. So several are made of the same cost, each is stripped and repaired, and what it does
to the outputs of samples that took no part is measured:

    latency   the criterion's curves, least harm for the time saved
    flatter   their square roots: a group's first units count more, its last ones less
    macs      least harm for the multiply-accumulates saved
    even      every group loses the same share

Then the best one is improved: one group a few levels wider at the expense of another, what the curves
expect most of first, and what helps is kept.
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.budget.allocate import Path, cut, evenly, path, thinned
from edgeprune.budget.limits import cost_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edgeprune.budget.allocate import Cost, Harm
    from edgeprune.budget.limits import Resource

FAMILIES = ("latency", "flatter", "macs", "even")
TRIALS = 40
TRIAL_S = 60.0
_HELPS = 0.995
_BESIDE = 2
_SAVES = 0.005


@dataclasses.dataclass(frozen=True, eq=False)
class Planner:
    """Makes plans for one model.

    Attributes:
        choices: for each group the counts it may keep, the full one first.
        curves: harm of each group.
        macs: of plans.
    """

    choices: Sequence[np.ndarray]
    curves: Harm
    macs: Cost

    def plan(self, resources: Sequence[Resource], family: str) -> np.ndarray | None:
        """(G,) kept counts inside the limits by one of `FAMILIES`; None where there are none."""
        cost = cost_of(resources)
        full = np.array([choice[0] for choice in self.choices], float)
        harm = self._harm(family)
        if family == "macs":
            whole = float(self.macs(full[None])[0])
            found = path(self.choices, lambda counts: self.macs(counts) / whole, harm)
        elif family == "even":
            found = path(self.choices, lambda counts: (counts / full).mean(axis=1), harm)
        else:
            found = path(self.choices, cost, harm, enough=1.0)
        return cut(found, self.choices, cost, harm, swaps=family not in ("macs", "even"))

    def near(self, counts: np.ndarray, resources: Sequence[Resource]) -> np.ndarray | None:
        """(G,) the plan inside the limits nearest to another: narrower at the least harm, or wider."""
        cost, harm = cost_of(resources), self.curves
        if cost(np.asarray(counts, float)[None])[0] <= 1:
            start = Path(np.asarray(counts)[None], cost(np.asarray(counts, float)[None]))
        else:
            # The whole model stays the measure of harm; only the way down begins elsewhere.
            start = path(self.choices, cost, harm, enough=1.0, start=counts)
        return cut(start, self.choices, cost, harm)

    def neighbours(self, counts: np.ndarray, resources: Sequence[Resource]) -> list[np.ndarray]:
        """Plans inside, one group wider and another narrower; least harm by the curves first."""
        cost = cost_of(resources)
        levels = [self._plateaus(group, counts, cost) for group in range(len(self.choices))]
        found: dict[tuple[int, ...], float] = {}
        for up, wide in enumerate(levels):
            for wider in wide[wide > counts[up]][-_BESIDE:]:
                for down, narrow in enumerate(levels):
                    for narrower in narrow[narrow < counts[down]][:_BESIDE] if down != up else ():
                        there = np.array(counts)
                        there[up], there[down] = wider, narrower
                        if cost(there[None].astype(float))[0] <= 1:
                            found[tuple(int(count) for count in there)] = self._expected(there)
        return [np.array(key) for key in sorted(found, key=lambda key: found[key])]

    def _plateaus(self, group: int, counts: np.ndarray, cost: Cost) -> np.ndarray:
        """The widest counts of a group among those that cost the same, the widest first."""
        level = thinned(self.choices[group])
        there = np.repeat(np.asarray(counts, float)[None], len(level), axis=0)
        there[:, group] = level
        costs = cost(there)
        kept, last = [0], costs[0]
        for place in range(1, len(level)):
            if costs[place] < last - _SAVES:
                kept.append(place)
                last = costs[place]
        return np.asarray(level[kept])

    def _expected(self, counts: np.ndarray) -> float:
        gone = [int(choice[0] - count) for choice, count in zip(self.choices, counts, strict=True)]
        return float(sum(curve[k] for curve, k in zip(self.curves, gone, strict=True)))

    def _harm(self, family: str) -> Harm:
        if family == "even":
            return evenly(np.array([choice[0] for choice in self.choices]))
        return [curve**0.5 for curve in self.curves] if family == "flatter" else self.curves


@dataclasses.dataclass(frozen=True, eq=False)
class Chosen:
    """The plan that harms least.

    Attributes:
        family: how it was made, "improved" where trials changed it.
        counts: (G,) kept units.
        harm: measured.
        harms: of the best plan of each family.
    """

    family: str
    counts: np.ndarray
    harm: float
    harms: Mapping[str, float]


def choose(
    planner: Planner,
    resources: Sequence[Resource],
    trial: Callable[[np.ndarray], float],
    *,
    trials: int = TRIALS,
    seconds: float = TRIAL_S,
) -> Chosen | None:
    """The best of all families' plans, improved; None where no plan is inside.

    Args:
        planner: makes plans.
        resources: the limits.
        trial: the harm of a plan, by the pruned and repaired network.
        trials: plans that are tried at most, beside the families' own.
        seconds: no trial begins later than that.
    """
    start = time.monotonic()
    known: dict[tuple[int, ...], float] = {}

    def harm(counts: np.ndarray) -> float:
        key = tuple(int(count) for count in counts)
        if key not in known:
            known[key] = trial(counts)
        return known[key]

    plans = {family: planner.plan(resources, family) for family in FAMILIES}
    found = {family: counts for family, counts in plans.items() if counts is not None}
    if not found:
        return None
    harms = {family: harm(counts) for family, counts in found.items()}
    family = min(harms, key=lambda name: harms[name])
    best = Chosen(family, found[family], harms[family], harms)
    first = len(known)
    while True:
        for counts in planner.neighbours(best.counts, resources):
            if len(known) - first >= trials or time.monotonic() - start > seconds:
                return best
            if harm(counts) < best.harm * _HELPS:
                best = Chosen("improved", counts, harm(counts), harms)
                break
        else:
            return best
