"""Plans against all plans there are."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from edgeprune.budget.allocation import descend, thinned, widest
from edgeprune.budget.resources import Resource, ResourceBudget, relative_cost
from edgeprune.errors import InputError

CHOICES = [np.arange(8, 0, -1), np.arange(6, 0, -1), np.arange(7, 0, -1)]
FULL = np.array([8.0, 6.0, 7.0])


def product_cost(counts: np.ndarray) -> np.ndarray:
    """Two layers, each as dear as the product of what it reads and writes."""
    a, b, c = counts.T
    return np.asarray((a * b * 3 + b * c * 2 + a) / (8 * 6 * 3 + 6 * 7 * 2 + 8))


def random_harms(seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [np.concatenate([[0], np.cumsum(np.sort(random.random(int(size))))]) for size in FULL]


@pytest.mark.parametrize("limit", [0.75, 0.5, 0.35, 0.2])
def test_it_is_nearly_as_good_as_the_best_of_all(limit: float) -> None:
    lost = []
    for seed in range(12):
        harm = random_harms(seed)
        every = np.array(list(itertools.product(*CHOICES)), float)
        inside = every[product_cost(every) <= limit]
        harms = [sum(h[int(s - k)] for h, s, k in zip(harm, FULL, plan, strict=True)) for plan in inside]
        found = widest(descend(CHOICES, product_cost, harm), CHOICES, product_cost, harm, limit, swaps=True)
        assert found is not None
        assert product_cost(found[None].astype(float))[0] <= limit
        lost.append(sum(h[int(s - k)] for h, s, k in zip(harm, FULL, found, strict=True)) / min(harms) - 1)
    assert np.median(lost) <= 0.01
    assert max(lost) <= 0.15


def test_widths_that_cost_nothing_are_kept() -> None:
    choices = [np.arange(64, 0, -1), np.arange(32, 0, -1)]
    harm = [np.linspace(0, 1, 65) ** 2, np.linspace(0, 1, 33) ** 2]

    def tiled(counts: np.ndarray) -> np.ndarray:
        return np.asarray(np.ceil(counts / 16).sum(axis=1) / 6)

    found = widest(descend(choices, tiled, harm), choices, tiled, harm, 0.7)
    assert found is not None
    assert all(count % 16 == 0 for count in found)
    assert tiled(found[None])[0] == pytest.approx(4 / 6)


def test_out_of_reach_is_none() -> None:
    harm = random_harms(0)
    assert widest(descend(CHOICES, product_cost, harm), CHOICES, product_cost, harm, 0.001) is None


def test_several_limits_hold_together() -> None:
    harm = random_harms(3)
    limits = [
        Resource("latency_ms", 0.5, product_cost),
        Resource("size_bytes", 9.0, lambda counts: np.asarray(counts.sum(axis=1))),
    ]
    cost = relative_cost(limits)
    found = widest(descend(CHOICES, cost, harm, enough=1.0), CHOICES, cost, harm)
    assert found is not None
    assert limits[0].value(found) <= 0.5
    assert limits[1].value(found) <= 9
    wrong_by = limits[0].corrected(found, 0.25)
    assert wrong_by.value(found) == pytest.approx(0.25)


def test_an_empty_budget_is_refused() -> None:
    with pytest.raises(InputError, match="no limit"):
        ResourceBudget()
    with pytest.raises(InputError, match="size_bytes is -3"):
        ResourceBudget(size_bytes=-3)


def test_thinned_counts_keep_both_ends() -> None:
    found = thinned(np.arange(2048, 2, -1))
    assert found[0] == 2048
    assert found[-1] == 3
    assert len(found) <= 26


@pytest.mark.heavy
@pytest.mark.alone
def test_a_thousand_plans_for_resnet_50_take_seconds() -> None:
    import keras

    from edgeprune.budget.candidates import design
    from edgeprune.budget.latency import MeasuredCandidate, fit_table
    from edgeprune.budget.work import work_of
    from edgeprune.graph.cost_model import cost_model
    from edgeprune.keras_bridge.read import read
    from edgeprune.pruning.constraints import Constraints, allowed_widths
    from edgeprune.pruning.dependencies import find_dependencies

    units = find_dependencies(read(keras.applications.ResNet50(weights=None)).graph)
    full = np.array([len(group.channels) for group in units.groups])
    macs = cost_model(units, "macs")
    plans = design(full, np.ones(len(full), int), 24, 0)
    measured = [
        MeasuredCandidate(tuple(map(int, p)), macs(p.astype(float)) / macs(full.astype(float)), 0.01)
        for p in plans
    ]
    table = fit_table(work_of(units), full, measured)
    choices = allowed_widths(units.groups, Constraints())
    harm = [np.linspace(0, 1, int(size) + 1) ** 2 for size in full]
    start = time.process_time()
    found = descend(choices, table, harm)
    plans = [widest(found, choices, table, harm, limit) for limit in np.linspace(0.1, 1, 1000)]
    assert time.process_time() - start < 10
    assert all(plan is not None for plan in plans)
