"""How many channels each group keeps, so that the model as a whole loses what was asked for.

global     the step that changes the outputs least for what it saves comes first, by the groups' sensitivity
           curves D_g(k); along the lower convex hull, so that a bump does not hide a valley
uniform    every group loses the same share

Where neurons are counted and too few multiply-accumulates would go with them, global first narrows where
those cost the outputs least: a wide dense layer is often the cheapest to narrow, and saves little time.
Where too few parameters would go, the price of a neuron is divided by a power of what it holds: the residual
stream and the heads of a transformer hold most of the parameters, neurons between two dense layers hold few.

Both move along the widths that the constraints allow. Steps that the last, larger one has made unnecessary
are given back. `edgeprune.budget.allocation` does the same for costs that are not smooth.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from edgeprune.errors import InputError
from edgeprune.graph.cost_model import CostModel

ALLOCATIONS = ("global", "uniform")
WORK = (0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
"""40 % of the multiply-accumulates go with half of the neurons: the model gets faster, too.

Less where that would take more neurons than were asked for."""
BULK = 1.2
"""60 % of the parameters go with half of the neurons: the model gets small, too."""
_OF_EVEN = 0.95
"""Less where the same share of every group would hardly take as many."""
HARMLESS = 0.01
"""What the outputs may change more for it, in nats."""
_FREE = 0.001
"""What single exchanges may change it: less than a difference in the thousandth of a nat is none."""
_PARTS = (1, 0.9, 0.8, 0.7)
_MOST_EXCHANGED = 12  # groups: every pair of them is tried, and with many the prices alone find a plan
_HIGHEST_POWER, _HALVINGS = 4.0, 8
_MORE = 0.04  # of the neurons that stay: what rounding widths may take, too


@dataclasses.dataclass(frozen=True)
class Ceiling:
    """What a plan may cost at most.

    `saving` tells what one channel of each group (G,) saves on the way there; None: what it costs.
    """

    model: CostModel
    most: float
    saving: Callable[[np.ndarray], np.ndarray] | None = None

    def savings(self, counts: np.ndarray) -> np.ndarray:
        """(G,) what removing one channel of each group saves, at these counts."""
        return (self.saving or self.model.per_channel)(counts)

    def holds(self, counts: np.ndarray) -> bool:
        """Whether these (G,) counts cost no more."""
        return self.model(counts) <= self.most


@dataclasses.dataclass(frozen=True)
class _Power:
    """What a channel of each group (G,) holds, to a power."""

    model: CostModel
    power: float

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        return np.asarray(self.model.per_channel(counts) ** self.power)


def allocate(
    widths: Sequence[np.ndarray], model: CostModel, full: np.ndarray, ratio: float,
    sensitivity: Sequence[np.ndarray] | None, work: CostModel | None = None, bulk: CostModel | None = None,
    harmless: float = HARMLESS,
) -> np.ndarray:
    """(G,) channels to keep, so that at least `ratio` of the model's cost is gone and little more.

    Args:
        widths: for each group the counts it may keep, the full one first.
        full: (G,) channels of each group.
        sensitivity: for each group the curve D(k) of k removals; None for the same share everywhere.
        work: multiply-accumulates; `WORK` times `ratio` of them go too, where no more neurons go for it.
        bulk: parameters; `BULK` times `ratio` of them go too, where no more neurons go for it and the
            outputs hardly change more.
        harmless: how much more that is, in nats.

    Raises:
        InputError: not that much can be removed.
    """
    allowed = 1e-9 + (1 - ratio) * model(full.astype(float))
    lowest = np.array([one[-1] for one in widths], float)
    if model(lowest) > allowed + 1e-6:
        most = 1 - model(lowest) / max(model(full.astype(float)), 1e-12)
        raise InputError(
            f"{ratio:.1%} of the model was to be removed, but at most {most:.1%} can be.",
            "What is protected, the minimum width and layers that cannot shrink stay.",
            "Ask for less, or allow narrower layers; `edgeprune inspect` shows what must stay and why.",
        )
    ceiling = Ceiling(model, allowed)
    even = [1 - one / size for one, size in zip(widths, full, strict=True)]
    if sensitivity is None:
        return _descended(widths, even, [ceiling], _even_steps).astype(int)
    losses = [curve[size - one] for curve, size, one in zip(sensitivity, full, widths, strict=True)]
    here = _descended(widths, losses, [ceiling], _hull_steps)
    ceilings = [ceiling]
    if work is not None:
        here, ceilings = _less_work(here, widths, losses, ceiling, work, ratio)
    if bulk is not None:
        uniform = _descended(widths, even, [ceiling], _even_steps)
        here = _lighter(here, uniform, widths, losses, ceilings, bulk, ratio, harmless)
    return here.astype(int)


def _less_work(
    here: np.ndarray, widths: Sequence[np.ndarray], losses: Sequence[np.ndarray], ceiling: Ceiling,
    work: CostModel, ratio: float,
) -> tuple[np.ndarray, list[Ceiling]]:
    """(G,) counts of as many neurons with fewer multiply-accumulates, and the ceilings that they meet."""
    whole, lowest = (work(np.array([one[at] for one in widths], float)) for at in (0, -1))
    for part in WORK:
        less = Ceiling(work, max((1 - part * ratio) * whole, lowest))
        if less.holds(here):
            break
        plan = _descended(widths, losses, [less, ceiling], _hull_steps)
        if ceiling.model(plan) >= (1 - _MORE) * ceiling.model(here):
            return plan, [less, ceiling]
    return here, [ceiling]


def _lighter(
    here: np.ndarray, even: np.ndarray, widths: Sequence[np.ndarray], losses: Sequence[np.ndarray],
    ceilings: Sequence[Ceiling], bulk: CostModel, ratio: float, harmless: float,
) -> np.ndarray:
    """(G,) counts of as many neurons with fewer parameters, where `here` (G,) has too many of them."""
    whole = bulk(np.array([one[0] for one in widths], float))
    gone = min(BULK * ratio, _OF_EVEN * (1 - bulk(even) / max(whole, 1e-12)))
    if Ceiling(bulk, (1 - gone) * whole).holds(here):
        return here

    def change(plan: np.ndarray) -> float:
        at = zip(losses, widths, plan, strict=True)
        return float(sum(loss[int(np.argmax(one == count))] for loss, one, count in at))

    *before, last = ceilings
    whole_light = Ceiling(bulk, (1 - gone) * whole)
    plans = _by_power(widths, losses, before, last, whole_light)
    if before and harmless > HARMLESS:  # less work may come by itself with heads and residual width
        alone = _by_power(widths, losses, [], last, whole_light)
        plans += [plan for plan in alone if all(one.holds(plan) for one in before)]
    fewest = (1 - _MORE) * last.model(here)
    fit = [plan for plan in plans if last.model(plan) >= fewest]
    fit = [plan for plan in fit if change(plan) <= change(here) + harmless]
    if len(widths) <= _MOST_EXCHANGED:
        exchanged = _exchanged(here, widths, ceilings, whole_light, change)
        fit += [plan for plan in exchanged if change(plan) <= change(here) + _FREE]
    for part in _PARTS:
        light = Ceiling(bulk, (1 - part * gone) * whole)
        if light.holds(here):
            break
        for plan in filter(light.holds, fit):
            return _given_back(plan, widths, losses, [*ceilings, light])
    return here


def _exchanged(
    here: np.ndarray, widths: Sequence[np.ndarray], ceilings: Sequence[Ceiling], light: Ceiling,
    change: Callable[[np.ndarray], float],
) -> list[np.ndarray]:
    """(G,) counts on the way from `here` to a lighter plan of as many neurons.

    Each step makes one group narrower and another one wider, the pair that changes the outputs least for
    what it saves. Where few groups have few widths, prices alone may miss the plan between two of theirs.
    """
    fewest, plans = (1 - _MORE) * ceilings[-1].model(here), [here]
    while not light.holds(plans[-1]):
        now, best = plans[-1], (np.inf, plans[-1])
        mass, loss = light.model(now), change(now)
        for narrow, wide in itertools.permutations(range(len(widths)), 2):
            below, above = widths[narrow] < now[narrow], widths[wide] > now[wide]
            if not below.any() or not above.any():
                continue
            plan = now.copy()
            plan[narrow], plan[wide] = widths[narrow][below][0], widths[wide][above][-1]
            saved = mass - light.model(plan)
            allowed = all(one.holds(plan) for one in ceilings) and ceilings[-1].model(plan) >= fewest
            if saved > 0 and allowed:
                best = min(best, ((change(plan) - loss) / saved, plan), key=lambda one: one[0])
        if best[1] is now:
            break
        plans.append(best[1])
    return plans[1:]


def _by_power(
    widths: Sequence[np.ndarray], losses: Sequence[np.ndarray], before: Sequence[Ceiling], last: Ceiling,
    light: Ceiling,
) -> list[np.ndarray]:
    """(G,) counts below the ceilings, the last one met at prices divided by rising powers of what is held."""
    low, high, plans = 0.0, _HIGHEST_POWER, {}
    for _ in range(_HALVINGS):
        power = (low + high) / 2
        heavy = Ceiling(last.model, last.most, _Power(light.model, power))
        plan = plans[power] = _lowered(widths, losses, [*before, heavy], _hull_steps)
        low, high = (low, power) if light.holds(plan) else (power, high)
    return [plans[one] for one in sorted(plans)]


def _descended(
    widths: Sequence[np.ndarray], losses: Sequence[np.ndarray], ceilings: Sequence[Ceiling],
    steps: Callable[..., Iterator[tuple[int, int]]],
) -> np.ndarray:
    """(G,) counts below all ceilings: met one after the other, then widened where all of them allow it."""
    return _given_back(_lowered(widths, losses, ceilings, steps), widths, losses, ceilings)


def _lowered(
    widths: Sequence[np.ndarray], losses: Sequence[np.ndarray], ceilings: Sequence[Ceiling],
    steps: Callable[..., Iterator[tuple[int, int]]],
) -> np.ndarray:
    """(G,) counts below all ceilings, met one after the other."""
    place = np.zeros(len(widths), int)
    for ceiling in ceilings:
        coming = steps(widths, losses, ceiling.savings, place)
        while not ceiling.holds(_counts(widths, place)) and (step := next(coming, None)) is not None:
            group, target = step
            while place[group] < target and not ceiling.holds(_counts(widths, place)):
                place[group] += 1
    return _counts(widths, place)


def _given_back(
    here: np.ndarray, widths: Sequence[np.ndarray], losses: Sequence[np.ndarray], ceilings: Sequence[Ceiling]
) -> np.ndarray:
    """(G,) counts widened from `here` where all ceilings allow it."""

    def change(groups: np.ndarray, plans: np.ndarray) -> np.ndarray:
        at = [int(np.argmax(widths[g] == plan[g])) for g, plan in zip(groups, plans, strict=True)]
        return np.array([losses[g][to] - losses[g][to + 1] for g, to in zip(groups, at, strict=True)])

    def inside(plans: np.ndarray) -> np.ndarray:
        return np.array([all(ceiling.holds(plan) for ceiling in ceilings) for plan in plans])

    return widened(here, widths, inside, change)


def widened(
    here: np.ndarray, widths: Sequence[np.ndarray], inside: Callable[[np.ndarray], np.ndarray],
    change: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Gives widths back, from (G,) counts, while the plan stays inside its limit.

    `inside` tells which of several plans (N, G) do. First come the widths that change the outputs most:
    `change` is smallest for them, of plans (N, G) that are wider than the last one in one group (N,) each.
    """
    while True:
        wider = {g: one[one > here[g]][-1] for g, one in enumerate(widths) if one[0] > here[g]}
        groups, plans = np.array([*wider], int), np.repeat(here[None], len(wider), axis=0)
        plans[np.arange(len(wider)), groups] = [*wider.values()]
        rows = np.flatnonzero(inside(plans)) if wider else np.zeros(0, int)
        if not len(rows):
            return here
        here = plans[rows[int(np.argmin(change(groups[rows], plans[rows])))]]


def _counts(widths: Sequence[np.ndarray], place: np.ndarray) -> np.ndarray:
    return np.array([one[at] for one, at in zip(widths, place, strict=True)], float)


def _even_steps(
    widths: Sequence[np.ndarray], losses: Sequence[np.ndarray], savings: Callable[[np.ndarray], np.ndarray],
    place: np.ndarray,
) -> Iterator[tuple[int, int]]:
    """Always the group that has lost the smallest share after its next step, and where that step ends."""
    del savings
    while any(at + 1 < len(one) for one, at in zip(widths, place, strict=True)):
        left = zip(losses, place, strict=True)
        group = int(np.argmin([lost[at + 1] if at + 1 < len(lost) else np.inf for lost, at in left]))
        yield group, int(place[group]) + 1


def _hull_steps(
    widths: Sequence[np.ndarray], losses: Sequence[np.ndarray], savings: Callable[[np.ndarray], np.ndarray],
    place: np.ndarray,
) -> Iterator[tuple[int, int]]:
    """Always the step of least change for its saving, along the lower convex hull."""
    steps = [_hull_step(one, curve, at) for one, curve, at in zip(widths, losses, place, strict=True)]
    while not all(np.isinf(slope) for slope, _ in steps):
        saving = savings(_counts(widths, place))
        slopes = np.array([slope for slope, _ in steps])
        price = np.where(saving > 0, slopes / np.maximum(saving, 1e-300), np.inf)
        price[np.isinf(slopes)] = np.inf
        if np.isinf(price).all():
            price = slopes
        best = int(np.argmin(price))
        yield best, steps[best][1]
        steps[best] = _hull_step(widths[best], losses[best], steps[best][1])


def _hull_step(widths: np.ndarray, curve: np.ndarray, at: int) -> tuple[float, int]:
    """The smallest mean change per channel over the next widths, and the place it ends at."""
    if at + 1 >= len(widths):
        return np.inf, at
    slopes = (curve[at + 1 :] - curve[at]) / (widths[at] - widths[at + 1 :])
    best = int(np.argmin(slopes))
    return float(slopes[best]), at + 1 + best
