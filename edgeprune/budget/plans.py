"""Plans inside a budget, made in several ways; the pruned networks themselves say which is best.

Divergences of single groups add up only roughly: a plan that the curves call best can be beaten by one
that they call worse. So several are made of the same cost, each is compacted and reconstructed, and its
effect on the outputs of held-out samples is measured:

    latency   the criterion's sensitivity curves, least divergence for the time saved
    flatter   their square roots: a group's first channels count more, its last ones less
    macs      what saves multiply-accumulates alone: `edgeprune.pruning.allocation`, on the same curves
    uniform   every group loses the same fraction

The measurements correct the curves: each group's gets a weight, so that the plans evaluated so far are
predicted exactly (least squares with a prior), and the plan that is then best is evaluated too. In the end
the best of all is improved: one group some levels wider at the expense of another, and what helps is kept.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from edgeprune.budget.allocation import Cost, Descent, Sensitivity, descend, thinned, widest
from edgeprune.budget.least_squares import solve_bounded
from edgeprune.errors import InputError
from edgeprune.graph.cost_model import CostModel
from edgeprune.pruning.allocation import allocate
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
    """Makes plans for one model; `choices` are for each group the counts it may keep, the full one first."""

    choices: Sequence[np.ndarray]
    sensitivity: Sensitivity
    macs: CostModel

    def plan(self, cost: Cost, sensitivity: Sensitivity) -> np.ndarray | None:
        """(G,) kept counts of least divergence inside the limits; None where there are none."""
        found = descend(self.choices, cost, sensitivity, enough=1.0)
        return widest(found, self.choices, cost, sensitivity, swaps=True)

    def allocated(self, cost: Cost, sensitivity: Sensitivity | None) -> np.ndarray | None:
        """(G,) what `allocate` keeps when just enough of the MACs is removed; None likewise."""
        full = np.array([choice[0] for choice in self.choices])
        low, high, best = 0.0, 1.0, None
        for _ in range(_HALVINGS):
            ratio = (low + high) / 2
            try:
                counts = allocate(self.choices, self.macs, full, ratio, sensitivity)
            except InputError:
                high = ratio
                continue
            if cost(counts[None].astype(float))[0] <= 1:
                best, high = counts, ratio
            else:
                low = ratio
        return best

    def nearest(self, counts: np.ndarray, cost: Cost) -> np.ndarray | None:
        """(G,) the plan inside the limits nearest to another: narrower at the least divergence, or wider."""
        start = Descent(counts[None], cost(counts[None].astype(float)))
        if start.costs[0] > 1:
            # The original stays the reference; only the way down begins elsewhere.
            start = descend(self.choices, cost, self.sensitivity, 1.0, counts)
        return widest(start, self.choices, cost, self.sensitivity)

    def neighbours(self, counts: np.ndarray, cost: Cost, sensitivity: Sensitivity) -> list[np.ndarray]:
        """Plans inside, one group wider and another narrower; least divergence by the curves first."""
        levels = [self._plateaus(group, counts, cost) for group in range(len(self.choices))]
        found: dict[tuple[int, ...], float] = {}
        for up, wide in enumerate(levels):
            for wider in wide[wide > counts[up]][-_BESIDE:]:
                for down, narrow in enumerate(levels):
                    for narrower in narrow[narrow < counts[down]][:_BESIDE] if down != up else ():
                        there = np.array(counts)
                        there[up], there[down] = wider, narrower
                        if cost(there[None].astype(float))[0] <= 1:
                            found[plan_key(there)] = float(self.expected(there, sensitivity).sum())
        return [np.array(key) for key in sorted(found, key=lambda key: found[key])]

    def expected(self, counts: np.ndarray, sensitivity: Sensitivity) -> np.ndarray:
        """(G,) the divergence that the curves expect of each group."""
        removed = [int(choice[0] - count) for choice, count in zip(self.choices, counts, strict=True)]
        return np.array([curve[k] for curve, k in zip(sensitivity, removed, strict=True)])

    def _plateaus(self, group: int, counts: np.ndarray, cost: Cost) -> np.ndarray:
        """The widest counts of a group among those that cost the same, the widest first."""
        level = thinned(self.choices[group])
        there = np.repeat(np.asarray(counts, float)[None], len(level), axis=0)
        there[:, group] = level
        costs = cost(there)
        kept = [0]
        for place in range(1, len(level)):
            if costs[place] < costs[kept[-1]] - _SAVES:
                kept.append(place)
        return np.asarray(level[kept])


@dataclasses.dataclass(frozen=True, eq=False)
class ChosenPlan:
    """The plan (G,) that changes the outputs least.

    Attributes:
        family: how it was made: see the module, "corrected" or "improved".
        divergences: measured, of the plan of each family.
        divergence: measured; NaN where the plan was not evaluated.
    """

    family: str
    counts: np.ndarray
    divergences: Mapping[str, float] = dataclasses.field(default_factory=dict)
    divergence: float = math.nan


class PlanEvaluator:
    """Remembers the effect of every evaluated plan, and counts how many more may be evaluated."""

    def __init__(self, evaluate: Callable[[np.ndarray], OutputChange]) -> None:
        self._evaluate = evaluate
        self.evaluated: dict[tuple[int, ...], OutputChange] = {}
        self.allow(0, 0.0)

    def allow(self, plans: int, seconds: float, progress: Callable[[float], None] = lambda _: None) -> None:
        """Sets how many new plans may be evaluated from now on, and for how long one may still begin."""
        self._first, self._plans = len(self.evaluated), plans
        self._start, self._seconds = time.monotonic(), seconds
        self._progress = progress

    @property
    def spent(self) -> float:
        """Fraction of what `allow` set that is used up; from 1 on no new plan may be evaluated."""
        plans = (len(self.evaluated) - self._first) / max(self._plans, 1e-9)
        return max(plans, (time.monotonic() - self._start) / max(self._seconds, 1e-9))

    def knows(self, counts: np.ndarray) -> bool:
        """Whether a plan was evaluated before."""
        return plan_key(counts) in self.evaluated

    def __call__(self, counts: np.ndarray) -> float:
        """The divergence of a plan."""
        if not self.knows(counts):
            self._progress(min(self.spent, 1.0))
            self.evaluated[plan_key(counts)] = self._evaluate(np.asarray(counts))
        return self.evaluated[plan_key(counts)].divergence


def plan_key(counts: np.ndarray) -> tuple[int, ...]:
    """A plan's kept counts as what dictionaries and files hold."""
    return tuple(int(count) for count in counts)


def initial_plans(planner: Planner, cost: Cost) -> dict[str, np.ndarray]:
    """The plan of each family that has one inside; see the module."""
    made = {
        "latency": planner.plan(cost, planner.sensitivity),
        "flatter": planner.plan(cost, [curve**0.5 for curve in planner.sensitivity]),
        "macs": planner.allocated(cost, planner.sensitivity),
        "uniform": planner.allocated(cost, None),
    }
    found = {family: counts for family, counts in made.items() if counts is not None}
    # Channels that cost nothing are kept, whichever family made the plan.
    for family in ("macs", "uniform"):
        if family in found:
            wider = planner.nearest(found[family], cost)
            found[f"{family}, widened"] = found[family] if wider is None else wider
    return found


def choose_plan(planner: Planner, cost: Cost, evaluate: PlanEvaluator) -> ChosenPlan | None:
    """The best of all families' plans, improved; None where no plan is inside."""
    found = initial_plans(planner, cost)
    if not found:
        return None
    divergences = {family: evaluate(counts) for family, counts in found.items()}
    # Plans that were evaluated for other limits may be inside these too.
    before = [np.array(counts) for counts in evaluate.evaluated if cost(np.array([counts], float))[0] <= 1]
    every = [*found.items(), *(("tried before", counts) for counts in before)]
    family, counts = min(every, key=lambda one: evaluate(one[1]))
    better = [ChosenPlan(family, counts, divergences, evaluate(counts))]
    for name, counts in _more_plans(planner, cost, evaluate, better):
        if evaluate.spent >= 1 and not evaluate.knows(counts):
            break
        if (divergence := evaluate(counts)) < better[-1].divergence * _HELPS:
            better.append(ChosenPlan(name, counts, divergences, divergence))
    return better[-1]


def _more_plans(
    planner: Planner, cost: Cost, evaluate: PlanEvaluator, better: Sequence[ChosenPlan]
) -> Iterator[tuple[str, np.ndarray]]:
    """Plans to evaluate next, given the results so far; `better` grows meanwhile, its last is the best."""
    seen: list[list[int]] = []
    for _ in range(_CORRECTIONS):
        counts = planner.plan(cost, corrected_sensitivity(planner, evaluate.evaluated))
        if counts is None or counts.tolist() in seen:
            break
        seen.append(counts.tolist())
        yield "corrected", counts
    start = None
    while start is not better[-1]:
        start = better[-1]
        corrected = corrected_sensitivity(planner, evaluate.evaluated)
        for counts in planner.neighbours(start.counts, cost, corrected):
            yield "improved", counts
            if better[-1] is not start:
                break


def corrected_sensitivity(planner: Planner, evaluated: Mapping[tuple[int, ...], OutputChange]) -> Sensitivity:
    """The curves, each with the weight that explains best what plans did."""
    rows = np.array([planner.expected(np.array(counts), planner.sensitivity) for counts in evaluated])
    wanted = np.array([damage.divergence for damage in evaluated.values()])
    usable = (wanted > 0) & (rows.sum(axis=1) > 0)
    if not usable.any():
        return planner.sensitivity
    rows, wanted = rows[usable], wanted[usable]
    scale = np.full(len(planner.sensitivity), float(np.median(wanted / rows.sum(axis=1))))
    found = solve_bounded(rows, wanted, 1 / (_PRECISION * wanted) ** 2, scale, scale)
    weights = np.maximum(found, 0.05 * scale[0])
    return [curve * weight for curve, weight in zip(planner.sensitivity, weights, strict=True)]
