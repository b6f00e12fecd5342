"""How many channels each group keeps, so that the model as a whole loses what was asked for.

global     the removal that harms the outputs least for what it saves comes first, by the groups'
           curves D_g(k); steps along the lower convex hull, so that a bump does not hide a valley
uniform    every group loses the same share
ratios     groups named by a pattern lose exactly their own share, whatever the others do

All three move along *levels*: the counts a group may keep, given rounding and the minimum width.
"""

from __future__ import annotations

import dataclasses
import fnmatch
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from edgeprune.graph.cost_model import CostModel
    from edgeprune.graph.dependency_graph import ChannelGroup

ALLOCATIONS = ("global", "uniform")


@dataclasses.dataclass(frozen=True)
class Constraints:
    """What the caller wants kept.

    Attributes:
        min_width: channels that stay in every group.
        round_to: kept counts are multiples of this, or all channels of the group; in a group of fewer
            than four times as many, of the largest half, quarter, … of it that leaves four levels.
        protect: name patterns of groups or layers that keep everything.
        ratios: name pattern to the fraction that exactly these groups lose.
    """

    min_width: int = 1
    round_to: int = 1
    protect: Sequence[str] = ()
    ratios: Mapping[str, float] = dataclasses.field(default_factory=dict)


def matches(group: ChannelGroup, pattern: str) -> bool:
    """Whether a pattern names a group, one of its layers, or a kind of channel of a layer."""
    names = {group.name, *group.producers, *(producer.split(":")[0] for producer in group.producers)}
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


def allowed_widths(groups: Sequence[ChannelGroup], constraints: Constraints) -> list[np.ndarray]:
    """For each group, the counts it may keep, the full one first.

    Raises:
        InputError: a pattern names no group, or a ratio is not a fraction.
    """
    for pattern in (*constraints.protect, *constraints.ratios):
        if not any(matches(group, pattern) for group in groups):
            raise InputError(
                f"The pattern '{pattern}' matches no group of neurons.",
                f"Groups are {', '.join(group.name for group in groups)}.",
                "`edgeprune inspect` lists them.",
            )
    return [_allowed(group, constraints) for group in groups]


def _allowed(group: ChannelGroup, constraints: Constraints) -> np.ndarray:
    size = len(group.channels)
    if any(matches(group, pattern) for pattern in constraints.protect):
        return np.array([size])
    lowest = min(max(constraints.min_width, 1), size)
    step = _step(size, constraints.round_to)
    allowed = np.unique([size, *(count for count in range(lowest, size) if count % step == 0)])[::-1]
    for pattern, ratio in constraints.ratios.items():
        if matches(group, pattern):
            if not 0 <= ratio < 1:
                raise InputError(
                    f"The ratio for '{pattern}' is {ratio}.", "A fraction from 0 to below 1 is expected."
                )
            wanted = size * (1 - ratio)
            return np.array([allowed[np.argmin(np.abs(allowed - wanted))]])
    return allowed


def _step(size: int, round_to: int) -> int:
    """Halves the rounding until a group of `size` has four levels; no rounding is the end of it."""
    while round_to > 1 and 4 * round_to > size:
        round_to //= 2
    return max(round_to, 1)


def allocate(
    choices: Sequence[np.ndarray],
    model: CostModel,
    full: np.ndarray,
    ratio: float,
    curves: Sequence[np.ndarray] | None,
) -> np.ndarray:
    """Counts to keep, so that at least `ratio` of the cost is gone and as little more as levels allow.

    Args:
        choices: from `allowed_widths`.
        model: of the cost that the ratio is a share of.
        full: (G,) channels of each group.
        ratio: share of the cost to remove, 0 to below 1.
        curves: for each group the harm D(k) of k removals; None for the same share everywhere.

    Raises:
        InputError: not that much can be removed.
    """
    allowed = 1e-9 + (1 - ratio) * model(full.astype(float))
    lowest = np.array([choice[-1] for choice in choices], float)
    if model(lowest) > allowed + 1e-6:
        most = 1 - model(lowest) / max(model(full.astype(float)), 1e-12)
        raise InputError(
            f"{ratio:.1%} of the model was to be removed, but at most {most:.1%} can be.",
            "What is protected, the minimum width and layers that cannot shrink stay.",
            "Ask for less, or allow narrower layers; `edgeprune inspect` shows what must stay and why.",
        )
    place = np.zeros(len(choices), int)
    if curves is None:
        _level_down(choices, model, full, allowed, place)
    else:
        _descend(choices, model, full, allowed, curves, place)
    harm = _share_gone if curves is None else _curve_harm(curves)
    _give_back(choices, model, full, allowed, place, harm)
    return _counts(choices, place).astype(int)


Harm = "Callable[[int, int, int], float]"


def _counts(choices: Sequence[np.ndarray], place: Iterable[int]) -> np.ndarray:
    return np.array([choice[at] for choice, at in zip(choices, place, strict=True)], float)


def _level_down(
    choices: Sequence[np.ndarray], model: CostModel, full: np.ndarray, allowed: float, place: np.ndarray
) -> None:
    """Always the group that has lost the smallest share after its next step."""
    while model(_counts(choices, place)) > allowed:
        after = [
            1 - choice[at + 1] / size if at + 1 < len(choice) else np.inf
            for choice, at, size in zip(choices, place, full, strict=True)
        ]
        place[int(np.argmin(after))] += 1


def _descend(
    choices: Sequence[np.ndarray],
    model: CostModel,
    full: np.ndarray,
    allowed: float,
    curves: Sequence[np.ndarray],
    place: np.ndarray,
) -> None:
    """Always the step of least harm for its saving."""
    steps = [
        _hull_step(choice, curve, size, 0) for choice, curve, size in zip(choices, curves, full, strict=True)
    ]
    while True:
        counts = _counts(choices, place)
        if model(counts) <= allowed:
            return
        saving = model.per_channel(counts)
        slopes = np.array([slope for slope, _ in steps])
        price = np.where(saving > 0, slopes / np.maximum(saving, 1e-300), np.inf)
        price[np.isinf(slopes)] = np.inf
        if np.isinf(price).all():
            price = slopes
        best = int(np.argmin(price))
        target = steps[best][1]
        while place[best] < target:
            place[best] += 1
            if model(_counts(choices, place)) <= allowed:
                return
        steps[best] = _hull_step(choices[best], curves[best], int(full[best]), target)


def _hull_step(choice: np.ndarray, curve: np.ndarray, size: int, at: int) -> tuple[float, int]:
    """The smallest mean harm per channel over the next levels, and the level it ends at."""
    if at + 1 >= len(choice):
        return np.inf, at
    harm = curve[size - choice]
    slopes = (harm[at + 1 :] - harm[at]) / (choice[at] - choice[at + 1 :])
    best = int(np.argmin(slopes))
    return float(slopes[best]), at + 1 + best


def _share_gone(group: int, size: int, count: int) -> float:
    del group
    return 1 - count / size


def _curve_harm(curves: Sequence[np.ndarray]) -> Callable[[int, int, int], float]:
    return lambda group, size, count: float(curves[group][size - count])


def _give_back(
    choices: Sequence[np.ndarray],
    model: CostModel,
    full: np.ndarray,
    allowed: float,
    place: np.ndarray,
    harm: Callable[[int, int, int], float],
) -> None:
    """Undoes steps that the last, larger one has made unnecessary; the most harmful first."""
    while True:
        best, relief = -1, -1.0
        for group, (choice, at) in enumerate(zip(choices, place, strict=True)):
            if at == 0:
                continue
            trial = place.copy()
            trial[group] -= 1
            if model(_counts(choices, trial)) > allowed:
                continue
            size = int(full[group])
            found = harm(group, size, int(choice[at])) - harm(group, size, int(choice[at - 1]))
            if found > relief:
                best, relief = group, found
        if best < 0:
            return
        place[best] -= 1
