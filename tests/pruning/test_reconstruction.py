"""Greedy elimination against brute force: refit every candidate by least squares and compare."""

import types

import numpy as np
import pytest

from edgeprune.pruning.activation_statistics import Moments
from edgeprune.pruning.importance import reconstruction

UNITS = np.array([3, 4, 5, 6, 7])


def _moments(rows_of_unit, outputs=4, seed=0, samples=400):
    """A read whose rows belong to units 3…7, `rows_of_unit` each; correlated, all-different data."""
    generator = np.random.default_rng(seed)
    units = np.concatenate([np.full(count, unit) for unit, count in zip(UNITS, rows_of_unit, strict=True)])
    size = len(units)
    x = generator.normal(size=(samples, size)) @ generator.normal(size=(size, size)) + 1
    matrix = generator.normal(size=(size, outputs))
    centred = x - x.mean(axis=0)
    return Moments(None, x.mean(axis=0), centred.T @ centred / samples, matrix, units, None, samples), x


def _refit_error(x, matrix, rows):
    """Smallest squared error, relative, with an intercept and only these rows of X."""
    target = x @ matrix
    target -= target.mean(axis=0)
    kept = x[:, rows] - x[:, rows].mean(axis=0)
    left = target - kept @ np.linalg.lstsq(kept, target, rcond=None)[0]
    return float((left**2).sum() / (target**2).sum())


def _brute_force(cases):
    """Order and cumulative cost by trying every removal."""
    alive, order, cumulative = list(range(len(UNITS))), [], []
    while alive:
        totals = []
        for candidate in alive:
            left = [UNITS[unit] for unit in alive if unit != candidate]
            totals.append(sum(_refit_error(x, m.matrix, np.isin(m.channels, left)) for m, x in cases))
        best = int(np.argmin(totals))
        cumulative.append(totals[best])
        order.append(alive.pop(best))
    return order, cumulative


@pytest.mark.parametrize(
    "reads",
    [[(1, 1, 1, 1, 1)], [(3, 3, 3, 3, 3)], [(1, 1, 1, 1, 1), (2, 2, 2, 2, 2)], [(1, 2, 1, 3, 1)]],
    ids=["channels", "blocks", "two reads", "unequal blocks"],
)
def test_order_and_costs_are_those_of_brute_force(reads, monkeypatch):
    monkeypatch.setattr(reconstruction, "RIDGE", 1e-12)
    cases = [_moments(rows, seed=number) for number, rows in enumerate(reads)]
    found = reconstruction.rank(types.SimpleNamespace(channels=UNITS), [moments for moments, _ in cases])
    order, cumulative = _brute_force(cases)
    assert found.order.tolist() == order
    np.testing.assert_allclose(found.cumulative[1:], cumulative, rtol=1e-6, atol=1e-9)


def test_more_outputs_than_rows_change_nothing():
    """Costs depend on W·Wᵀ alone, which is how wide kernels are kept small."""
    moments, x = _moments((1, 1, 1, 1, 1), outputs=40)
    found = reconstruction.rank(types.SimpleNamespace(channels=UNITS), [moments])
    assert found.order.tolist() == _brute_force([(moments, x)])[0]


def test_several_at_a_time_cost_what_they_cost_together(monkeypatch):
    monkeypatch.setattr(reconstruction, "RIDGE", 1e-12)
    monkeypatch.setattr(reconstruction, "STEPS", 2)
    moments, x = _moments((1, 1, 1, 1, 1))
    found = reconstruction.rank(types.SimpleNamespace(channels=UNITS), [moments])
    first = found.order[:3]
    kept = ~np.isin(moments.channels, UNITS[first])
    error = _refit_error(x, moments.matrix, kept)
    np.testing.assert_allclose(found.cumulative[3], error, rtol=1e-6)


def test_what_nothing_reads_is_not_ranked():
    moments, _ = _moments((1, 1, 1, 1, 1))
    assert reconstruction.rank(types.SimpleNamespace(channels=np.array([90, 91])), [moments]) is None


def test_rows_cut_out_on_the_way_change_neither_order_nor_costs(monkeypatch):
    """Matrices shrink as channels go, whatever else the read holds and however long its blocks are."""
    generator = np.random.default_rng(5)
    channels = np.concatenate([np.repeat(np.arange(30), generator.integers(1, 4, 30)), np.full(7, 99)])
    x = generator.normal(size=(400, len(channels))) @ generator.normal(size=(len(channels),) * 2)
    moments = Moments(
        None, x.mean(0), np.cov(x.T), generator.normal(size=(len(channels), 20)), channels, None, 400
    )
    group = types.SimpleNamespace(channels=np.arange(30))
    often = reconstruction.rank(group, [moments])
    monkeypatch.setattr(reconstruction, "_COMPACT_AT", np.inf)
    never = reconstruction.rank(group, [moments])
    assert often.order.tolist() == never.order.tolist()
    np.testing.assert_allclose(often.costs, never.costs, rtol=1e-8)
