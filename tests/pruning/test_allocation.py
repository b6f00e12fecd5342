"""Plans meet the amount exactly, keep the limits, and are as harmless as can be."""

import itertools
import types

import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.graph.cost_model import CostModel
from edgeprune.pruning.allocation import allocate
from edgeprune.pruning.constraints import Constraints, allowed_widths

SIZES = np.array([6, 9, 5])


def _groups(sizes=SIZES):
    return [
        types.SimpleNamespace(
            name=f"layer_{number}", channels=np.arange(size), producers=(f"layer_{number}",)
        )
        for number, size in enumerate(sizes)
    ]


def _neurons(groups=3):
    return CostModel(np.ones(1), np.zeros((1, 1)), np.ones((1, 1, groups)))


def _chain():
    """MACs of three layers in a row: 4·k0 + k0·k1 + k1·k2 + 3·k2."""
    fixed = np.array([[0, 1], [0, 0], [0, 0], [0, 1]], float)
    shares = np.zeros((4, 2, 3))
    shares[0, 0, 0] = shares[1, 0, 0] = shares[1, 1, 1] = shares[2, 0, 1] = shares[2, 1, 2] = shares[
        3, 0, 2
    ] = 1
    return CostModel(np.array([4.0, 1, 1, 3]), fixed, shares)


def _curves(seed=0):
    generator = np.random.default_rng(seed)
    return [np.concatenate([[0], np.cumsum(np.sort(generator.uniform(size=size)))]) for size in SIZES]


def test_cost_model_gradient():
    model, counts = _chain(), np.array([3.0, 4, 2])
    assert model(counts) == 4 * 3 + 3 * 4 + 4 * 2 + 3 * 2
    for group in range(3):
        step = np.eye(3)[group]
        difference = model(counts + step) - model(counts)
        assert model.per_channel(counts)[group] == pytest.approx(difference, abs=1e-9)


@pytest.mark.parametrize("ratio", [0, 0.05, 0.25, 0.5, 0.75, 0.85])
@pytest.mark.parametrize("curves", [None, _curves()], ids=["uniform", "global"])
def test_neurons_are_met_exactly(ratio, curves):
    kept = allocate(allowed_widths(_groups(), Constraints()), _neurons(), SIZES, ratio, curves)
    assert SIZES.sum() - kept.sum() == np.ceil(ratio * SIZES.sum() - 1e-9)
    assert kept.min() >= 1


@pytest.mark.parametrize("ratio", [0.2, 0.45, 0.7])
def test_global_is_the_least_harmful_plan(ratio):
    curves = _curves(2)
    kept = allocate(allowed_widths(_groups(), Constraints()), _neurons(), SIZES, ratio, curves)
    harm = sum(curve[size - count] for curve, size, count in zip(curves, SIZES, kept, strict=True))
    best = min(
        sum(curve[size - count] for curve, size, count in zip(curves, SIZES, counts, strict=True))
        for counts in itertools.product(*(range(1, size + 1) for size in SIZES))
        if sum(counts) == kept.sum()
    )
    assert harm == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("ratio", [0.3, 0.6])
@pytest.mark.parametrize("curves", [None, _curves()], ids=["uniform", "global"])
def test_products_are_met_and_no_step_can_be_undone(ratio, curves):
    model = _chain()
    kept = allocate(allowed_widths(_groups(), Constraints()), model, SIZES, ratio, curves)
    target = (1 - ratio) * model(SIZES.astype(float))
    assert model(kept.astype(float)) <= target + 1e-6
    for group in range(3):
        if kept[group] < SIZES[group]:
            assert model(kept + np.eye(3)[group]) > target


def test_a_bump_does_not_hide_a_valley():
    """The first removal of group 0 is dear and the next ones are free."""
    curves = [np.array([0, 1, 1, 1, 1, 1, 1.0]), np.linspace(0, 9, 10), np.linspace(0, 5, 6)]
    kept = allocate(allowed_widths(_groups(), Constraints()), _neurons(), SIZES, 0.25, curves)
    assert kept.tolist() == [1, 9, 5]


def _work():
    """MACs of a convolution on 64 positions, one that reads it on 16, and a dense layer that reads those."""
    fixed, lengths = np.zeros((3, 2)), np.zeros((3, 2, 3))
    fixed[0, 1] = 1
    lengths[0, 0, 0] = lengths[1, 0, 0] = lengths[1, 1, 1] = lengths[2, 0, 1] = lengths[2, 1, 2] = 1
    return CostModel(np.array([64.0 * 9, 16.0 * 9, 1.0]), fixed, lengths)


def test_half_of_the_neurons_take_two_fifths_of_the_work_along():
    """The dense layer is the cheapest to narrow, and saves hardly any work."""
    sizes, work = np.array([16, 32, 64]), _work()
    full = sizes.astype(float)
    curves = [np.linspace(0, cost, size + 1) ** 2 for cost, size in zip((3, 3, 0.5), sizes, strict=True)]
    widths = allowed_widths(_groups(sizes), Constraints())
    bare = allocate(widths, _neurons(), sizes, 0.5, curves)
    assert bare[2] < 12
    assert work(bare.astype(float)) > 0.8 * work(full)
    kept = allocate(widths, _neurons(), sizes, 0.5, curves, work)
    assert kept.sum() == sizes.sum() / 2
    assert work(kept.astype(float)) <= 0.6 * work(full)
    # The best of all plans that do as much: the weight is the smallest of a ladder, not the very smallest.
    harm = {
        counts: sum(curve[size - count] for curve, size, count in zip(curves, sizes, counts, strict=True))
        for counts in itertools.product(*(range(1, size + 1) for size in sizes))
        if sum(counts) == kept.sum() and work(np.array(counts, float)) <= 0.6 * work(full)
    }
    assert harm[tuple(kept)] <= 1.25 * min(harm.values())


def test_work_that_is_saved_anyway_changes_nothing():
    curves, widths = _curves(2), allowed_widths(_groups(), Constraints())
    bare = allocate(widths, _neurons(), SIZES, 0.5, curves)
    assert _chain()(bare.astype(float)) <= 0.6 * _chain()(SIZES.astype(float))
    assert allocate(widths, _neurons(), SIZES, 0.5, curves, _chain()).tolist() == bare.tolist()


def _transformer():
    """Parameters of a stream of k0 channels, 8 matrices of k0 · k0, and two layers in between: 2 · k0 · k."""
    lengths = np.zeros((3, 2, 3))
    lengths[:, 0, 0] = lengths[0, 1, 0] = lengths[1, 1, 1] = lengths[2, 1, 2] = 1
    return CostModel(np.array([8.0, 2, 2]), np.zeros((3, 2)), lengths)


@pytest.mark.parametrize("ratio", [0.3, 0.5, 0.7])
def test_half_of_the_neurons_take_three_fifths_of_the_parameters_along(ratio):
    """The neurons between two dense layers are the cheapest to remove, and hold few parameters."""
    sizes, bulk = np.array([16, 32, 32]), _transformer()
    full = sizes.astype(float)
    costs = zip((0.06, 0.02, 0.018), sizes, strict=True)
    curves = [np.linspace(0, cost, size + 1) ** 2 for cost, size in costs]
    widths = allowed_widths(_groups(sizes), Constraints())
    bare = allocate(widths, _neurons(), sizes, ratio, curves)
    left = (1 - 1.2 * ratio) * bulk(full)
    assert bulk(bare.astype(float)) > left
    kept = allocate(widths, _neurons(), sizes, ratio, curves, bulk=bulk)
    assert kept.sum() == bare.sum()
    assert bulk(kept.astype(float)) <= left
    harm = {
        counts: sum(curve[size - count] for curve, size, count in zip(curves, sizes, counts, strict=True))
        for counts in itertools.product(*(range(1, size + 1) for size in sizes))
        if sum(counts) == kept.sum() and bulk(np.array(counts, float)) <= left
    }
    assert harm[tuple(kept)] <= 1.25 * min(harm.values())


def test_an_undecided_model_may_change_more_for_fewer_parameters():
    """The curves of the test above, ten times as steep."""
    sizes, bulk = np.array([16, 32, 32]), _transformer()
    costs = zip((0.06, 0.02, 0.018), sizes, strict=True)
    curves = [10 * np.linspace(0, cost**0.5, size + 1) ** 2 for cost, size in costs]
    widths = allowed_widths(_groups(sizes), Constraints())
    bare, careful, bold = (
        allocate(widths, _neurons(), sizes, 0.5, curves, bulk=light, harmless=harmless)
        for light, harmless in ((None, 0.01), (bulk, 0.01), (bulk, 1.0))
    )
    left = 0.4 * bulk(sizes.astype(float))
    assert careful.tolist() == bare.tolist()
    assert bulk(careful.astype(float)) > left >= bulk(bold.astype(float))
    assert bold.sum() == bare.sum()


def test_a_plan_between_two_prices_is_found():
    """Two convolutions and a dense layer in coarse widths, whose sensitivity grows exponentially."""
    sizes, fixed, lengths = np.array([16, 32, 32]), np.ones((4, 2)), np.zeros((4, 2, 3))
    for term, axis, group in ((0, 0, 0), (1, 0, 0), (1, 1, 1), (2, 0, 1), (2, 1, 2), (3, 0, 2)):
        fixed[term, axis], lengths[term, axis, group] = 0, 1
    bulk = CostModel(np.array([27.0, 9, 1, 3]), fixed, lengths)
    work = CostModel(np.array([27.0 * 900, 9.0 * 784, 1, 3]), fixed, lengths)
    widths = [np.array([16, 12, 8, 4]), np.array([32, 24, 16, 8]), np.array([32, 24, 16, 8])]
    curves = [
        least * np.expm1(rate * np.arange(size + 1.0) / size)
        for least, rate, size in zip((1e-6, 1e-7, 1e-9), (12, 10, 14), sizes, strict=True)
    ]
    kept = allocate(widths, _neurons(), sizes, 0.5, curves, work=work, bulk=bulk)
    full, half = sizes.astype(float), np.array([16.0, 16.0, 8.0])
    assert list(allocate(widths, _neurons(), sizes, 0.5, curves, work=work)) == list(half)
    assert bulk(kept.astype(float)) <= 0.4 * bulk(full) < bulk(half)
    assert kept.sum() == half.sum()


def test_parameters_stay_where_their_neurons_cannot_be_spared():
    sizes = np.array([16, 32, 32])
    curves = [np.linspace(0, 1, size + 1) ** 2 for size in sizes]
    curves[0] = np.concatenate([[0], np.full(16, 100.0)])
    widths = allowed_widths(_groups(sizes), Constraints(protect=["layer_1"]))
    kept = allocate(widths, _neurons(), sizes, 0.25, curves, bulk=_transformer())
    assert kept.tolist() == allocate(widths, _neurons(), sizes, 0.25, curves).tolist()


def test_constraints():
    constraints = Constraints(min_width=2, round_to=4, protect=["layer_2"], ratios={"*_0": 0.3})
    choices = allowed_widths(_groups(), constraints)
    assert [choice.tolist() for choice in choices] == [[4], [9, 8, 6, 4, 2], [5]]


def test_rounding_leaves_narrow_groups_four_levels():
    found = [choice.tolist() for choice in allowed_widths(_groups([35, 16, 9, 3]), Constraints(round_to=8))]
    assert found == [[35, 32, 24, 16, 8], [16, 12, 8, 4], [9, 8, 6, 4, 2], [3, 2, 1]]


def test_minimum_width_of_a_narrow_group():
    assert allowed_widths(_groups([3]), Constraints(min_width=8))[0].tolist() == [3]


@pytest.mark.parametrize("limits", [Constraints(protect=["conv*"]), Constraints(ratios={"layer_9": 0.5})])
def test_patterns_that_match_nothing_are_refused(limits):
    with pytest.raises(InputError, match="matches no group"):
        allowed_widths(_groups(), limits)


def test_too_much_is_refused_with_what_is_possible():
    with pytest.raises(InputError, match=r"at most 70\.0% can be"):
        allocate(allowed_widths(_groups(), Constraints(min_width=2)), _neurons(), SIZES, 0.9, None)
