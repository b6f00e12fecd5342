"""Plans inside a budget, made in several ways; the pruned networks themselves say which is best.

Harms of single groups add up only roughly: a plan that the curves call best can be beaten by one that
they call worse. So several are made of the same cost, each is stripped and repaired, and what it does
to the outputs of samples that took no part is measured:

    latency   the criterion's curves, least harm for the time saved
    flatter   their square roots: a group's first units count more, its last ones less
    macs      what saves multiply-accumulates alone: `edgeprune.pruning.allocation`, on the same curves
    uniform   every group loses the same share

What these did corrects the curves: each group's gets a weight, so that the plans tried so far are
predicted right (least squares with a prior), and the plan that is then best is tried too. In the end the
best of all is improved: one group some levels wider at the expense of another, and what helps is kept.
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.budget.allocate import Path, cut, path, thinned
from edgeprune.budget.least_squares import bounded
from edgeprune.budget.limits import cost_of
from edgeprune.errors import InputError
from edgeprune.pruning.allocation import allocate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from edgeprune.budget.allocate import Cost, Harm
    from edgeprune.budget.limits import Resource
    from edgeprune.graph.cost_model import CostModel
    from edgeprune.pruning.divergence import OutputChange

_HALVINGS = 12
_CORRECTIONS = 6
_PRECISION = 0.2
"""Standard deviation, as a fraction, of what weighted curves say of a plan."""
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
    macs: CostModel

    def plan(self, resources: Sequence[Resource], harm: Harm) -> np.ndarray | None:
        """(G,) kept counts of least harm inside the limits; None where there are none."""
        cost = cost_of(resources)
        return cut(path(self.choices, cost, harm, enough=1.0), self.choices, cost, harm, swaps=True)

    def allocated(self, resources: Sequence[Resource], harm: Harm | None) -> np.ndarray | None:
        """(G,) what `allocate` keeps when the share of MACs is removed that is just enough; None likewise.

        Args:
            resources: the limits.
            harm: see `allocate`; None for the same share of every group.
        """
        cost = cost_of(resources)
        full = np.array([choice[0] for choice in self.choices])
        low, high, best = 0.0, 1.0, None
        for _ in range(_HALVINGS):
            amount = (low + high) / 2
            try:
                counts = allocate(self.choices, self.macs, full, amount, harm)
            except InputError:
                high = amount
                continue
            if cost(counts[None].astype(float))[0] <= 1:
                best, high = counts, amount
            else:
                low = amount
        return best

    def near(self, counts: np.ndarray, resources: Sequence[Resource]) -> np.ndarray | None:
        """(G,) the plan inside the limits nearest to another: narrower at the least harm, or wider."""
        cost, harm = cost_of(resources), self.curves
        if cost(np.asarray(counts, float)[None])[0] <= 1:
            start = Path(np.asarray(counts)[None], cost(np.asarray(counts, float)[None]))
        else:
            # The whole model stays the measure of harm; only the way down begins elsewhere.
            start = path(self.choices, cost, harm, enough=1.0, start=counts)
        return cut(start, self.choices, cost, harm)

    def neighbours(self, counts: np.ndarray, resources: Sequence[Resource], harm: Harm) -> list[np.ndarray]:
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
                            found[tuple(int(count) for count in there)] = float(self.harms(there, harm).sum())
        return [np.array(key) for key in sorted(found, key=lambda key: found[key])]

    def harms(self, counts: np.ndarray, harm: Harm) -> np.ndarray:
        """(G,) what the curves say of each group."""
        gone = [int(choice[0] - count) for choice, count in zip(self.choices, counts, strict=True)]
        return np.array([curve[k] for curve, k in zip(harm, gone, strict=True)])

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


@dataclasses.dataclass(frozen=True, eq=False)
class Chosen:
    """The plan that harms least.

    Attributes:
        family: how it was made: see the module, "corrected" or "improved".
        counts: (G,) kept units.
        harm: measured divergence.
        harms: of the plan of each family.
    """

    family: str
    counts: np.ndarray
    harm: float
    harms: Mapping[str, float]


class Judge:
    """Remembers what every plan that was tried did, and counts how many more may be."""

    def __init__(self, judge: Callable[[np.ndarray], OutputChange]) -> None:
        self._judge = judge
        self.known: dict[tuple[int, ...], OutputChange] = {}
        self.begin(0, 0.0)

    def begin(self, trials: int, seconds: float, progress: Callable[[float], None] = lambda _: None) -> None:
        """From now on so many new plans at most, none begun after so many seconds."""
        self._first, self._trials = len(self.known), trials
        self._start, self._seconds = time.monotonic(), seconds
        self._progress = progress

    @property
    def spent(self) -> float:
        """Share of what `begin` allowed that is used up; 1 and more: no new plan may be tried."""
        plans = (len(self.known) - self._first) / max(self._trials, 1e-9)
        return max(plans, (time.monotonic() - self._start) / max(self._seconds, 1e-9))

    def knows(self, counts: np.ndarray) -> bool:
        """Whether a plan was tried before."""
        return _key(counts) in self.known

    def __call__(self, counts: np.ndarray) -> float:
        """The divergence of a plan."""
        if not self.knows(counts):
            self._progress(min(self.spent, 1.0))
            self.known[_key(counts)] = self._judge(np.asarray(counts))
        return self.known[_key(counts)].divergence


def _key(counts: np.ndarray) -> tuple[int, ...]:
    return tuple(int(count) for count in counts)


def starts(planner: Planner, resources: Sequence[Resource]) -> dict[str, np.ndarray]:
    """The plan of each family that has one inside; see the module."""
    made = {
        "latency": planner.plan(resources, planner.curves),
        "flatter": planner.plan(resources, [curve**0.5 for curve in planner.curves]),
        "macs": planner.allocated(resources, planner.curves),
        "uniform": planner.allocated(resources, None),
    }
    cost = cost_of(resources)
    whole = {family: counts for family, counts in made.items() if counts is not None}
    # What costs nothing to keep is kept, whoever made the plan.
    for family in {"macs", "uniform"} & set(whole):
        there = whole[family][None]
        wider = cut(Path(there, cost(there.astype(float))), planner.choices, cost, planner.curves)
        whole[f"{family}, widened"] = whole[family] if wider is None else wider
    return whole


def choose(planner: Planner, resources: Sequence[Resource], judge: Judge) -> Chosen | None:
    """The best of all families' plans, improved; None where no plan is inside.

    Args:
        planner: makes plans.
        resources: the limits.
        judge: of plans, told before how many it may try.
    """
    found = starts(planner, resources)
    if not found:
        return None
    harms = {family: judge(counts) for family, counts in found.items()}
    # Plans that were tried for other limits may be inside these too.
    cost = cost_of(resources)
    known = [np.array(counts) for counts in judge.known if cost(np.array([counts], float))[0] <= 1]
    every = [*found.items(), *(("tried before", counts) for counts in known)]
    family, counts = min(every, key=lambda one: judge(one[1]))
    better = [Chosen(family, counts, judge(counts), harms)]
    for name, counts in _more(planner, resources, judge, better):
        if judge.spent >= 1 and not judge.knows(counts):
            break
        if (harm := judge(counts)) < better[-1].harm * _HELPS:
            better.append(Chosen(name, counts, harm, harms))
    return better[-1]


def _more(
    planner: Planner, resources: Sequence[Resource], judge: Judge, better: Sequence[Chosen]
) -> Iterator[tuple[str, np.ndarray]]:
    """Plans to try next, seeing what those before did; `better` grows meanwhile, its last is the best."""
    seen: list[list[int]] = []
    for _ in range(_CORRECTIONS):
        counts = planner.plan(resources, corrected(planner, judge.known))
        if counts is None or counts.tolist() in seen:
            break
        seen.append(counts.tolist())
        yield "corrected", counts
    start = None
    while start is not better[-1]:
        start = better[-1]
        for counts in planner.neighbours(start.counts, resources, corrected(planner, judge.known)):
            yield "improved", counts
            if better[-1] is not start:
                break


def corrected(planner: Planner, known: Mapping[tuple[int, ...], OutputChange]) -> Harm:
    """The curves, each with the weight that explains best what plans did."""
    rows = np.array([planner.harms(np.array(counts), planner.curves) for counts in known])
    wanted = np.array([damage.divergence for damage in known.values()])
    usable = (wanted > 0) & (rows.sum(axis=1) > 0)
    if not usable.any():
        return planner.curves
    rows, wanted = rows[usable], wanted[usable]
    scale = np.full(len(planner.curves), float(np.median(wanted / rows.sum(axis=1))))
    found = bounded(rows, wanted, 1 / (_PRECISION * wanted) ** 2, scale, scale)
    return [curve * max(weight, 0.05 * scale[0]) for curve, weight in zip(planner.curves, found, strict=True)]
