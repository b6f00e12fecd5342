"""The latency table against a device that is a formula, and the fit against its optimality conditions."""

from __future__ import annotations

import numpy as np
import pytest

from edgeprune.budget.candidates import NARROWEST, design, design_size
from edgeprune.budget.latency import MeasuredCandidate, fit_table
from edgeprune.budget.least_squares import left_out_error, solve_bounded
from edgeprune.budget.work import Tiles, work_of
from edgeprune.graph.dependency_graph import DependencyGraph
from edgeprune.keras_bridge.read import read
from edgeprune.pruning.dependencies import find_dependencies
from tests.budget.networks import network


@pytest.fixture(scope="module")
def dependencies() -> DependencyGraph:
    return find_dependencies(read(network()).graph)


def device(counts: np.ndarray) -> float:
    """Time of `network` on a machine with tiles of 8 inputs and 16 outputs; stem, wide, hidden."""

    def up(value: float, tile: int) -> float:
        return float(np.ceil(value / tile) * tile)

    stem, wide, hidden = counts
    time = 2000 + 64 * 27 * up(stem, 16) * 1.3 + 64 * up(stem, 8) * up(wide, 16)
    time += 64 * 9 * wide * 3 + 64 * up(wide, 8) * up(stem, 16) * 1.2
    return float(time + up(16 * stem, 8) * up(hidden, 16) * 0.9 + up(hidden, 8) * 16)


def test_it_predicts_candidates_it_has_not_seen_through_the_steps_of_the_tiles(
    dependencies: DependencyGraph,
) -> None:
    full = np.array([len(group.channels) for group in dependencies.groups])
    assert full.tolist() == [24, 40, 32]
    noise = np.random.default_rng(1)
    plans = design(full, np.ones(3, int), design_size(3), 0)
    measured = [
        MeasuredCandidate(
            tuple(map(int, plan)), device(plan) / device(full) * float(np.exp(noise.normal(0, 0.01))), 0.01
        )
        for plan in plans
    ]
    table = fit_table(work_of(dependencies), full, measured)
    assert table.tiles == Tiles(8, 16)
    fresh = design(full, np.ones(3, int), 40, 7)
    errors = np.abs(table(fresh) / [device(plan) / device(full) for plan in fresh] - 1)
    assert np.median(errors) < 0.03
    assert np.median(np.abs(table.left_out)) < 0.05
    # Between two steps narrowing is nearly free; across one it is not.
    same, next_one = table([[24, 40, 32], [24, 34, 32], [24, 32, 32]])[1:]
    assert same / next_one > 1.03


def test_layers_add_up_to_the_whole(dependencies: DependencyGraph) -> None:
    full = np.array([24, 40, 32])
    plans = design(full, np.ones(3, int), 8, 0)
    table = fit_table(
        work_of(dependencies),
        full,
        [MeasuredCandidate(tuple(map(int, p)), device(p) / device(full), 0.01) for p in plans],
    )
    assert sum(table.layers(full).values()) + table.rates[0] == pytest.approx(float(table(full)[0]), rel=1e-9)
    assert float(table(full)[0]) == pytest.approx(1, abs=0.02)


def test_every_group_is_measured_at_widths_that_spread_evenly() -> None:
    full = np.array([64, 16, 320])
    plans = design(full, np.ones(3, int), 12, 0)[-12:]
    for group, size in enumerate(full):
        shares = np.sort(plans[:, group] / size)
        edges = NARROWEST + (1 - NARROWEST) * np.arange(13) / 12
        slack = 0.51 / size
        assert all(
            low - slack <= share <= high + slack
            for low, share, high in zip(edges, shares, edges[1:], strict=False)
        )


def test_the_fit_meets_its_optimality_conditions() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        rows, wanted = random.normal(size=(15, 8)), random.normal(size=15)
        weights, prior = random.random(15) + 0.1, np.maximum(random.normal(size=8), 0)
        spread = random.random(8) + 0.05
        found = solve_bounded(rows, wanted, weights, prior, spread)
        gradient = rows.T @ (weights * (rows @ found - wanted)) + (found - prior) / spread**2
        assert (found >= 0).all()
        assert np.allclose(gradient[found > 0], 0, atol=1e-6)
        assert (gradient[found == 0] >= -1e-6).all()


def test_left_out_errors_are_those_of_leaving_out() -> None:
    random = np.random.default_rng(0)
    rows, wanted, weights = random.normal(size=(9, 3)), random.normal(size=9), random.random(9) + 0.5
    prior, spread = random.random(3), random.random(3) + 0.5
    found = left_out_error(rows, wanted, weights, prior, spread)
    for out in range(9):
        kept = np.arange(9) != out
        gram = (rows[kept] * weights[kept, None]).T @ rows[kept] + np.diag(spread**-2)
        theta = np.linalg.solve(gram, rows[kept].T @ (weights[kept] * wanted[kept]) + prior / spread**2)
        assert found[out] == pytest.approx(wanted[out] - rows[out] @ theta, abs=1e-9)
