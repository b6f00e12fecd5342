"""Unit ids against plain numpy and a textbook union-find."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.graph import channel_ids
from edgeprune.graph.channel_ids import ChannelSpace


def _textbook_classes(size, pairs):
    parent = list(range(size))

    def root(one):
        while parent[one] != one:
            one = parent[one]
        return one

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return [root(one) for one in range(size)]


@given(seed=st.integers(0, 2**32 - 1))
def test_classes_are_those_of_union_find(seed):
    generator = np.random.default_rng(seed)
    space = ChannelSpace()
    first, second = space.fresh("one", 40), space.fresh("two", 40)
    pairs = []
    for _ in range(6):
        one = generator.choice(np.append(first, 0), 5)
        other = generator.choice(second, 5)
        space.unite(one, other)
        pairs += list(zip(one, other, strict=True))
    assert space.classes().tolist() == _textbook_classes(81, pairs)


def test_a_long_chain_is_one_class():
    space = ChannelSpace()
    made = space.fresh("chain", 3000)
    order = np.random.default_rng(0).permutation(made)
    space.unite(order[1:], order[:-1])
    assert set(space.classes()[made]) == {made[0]}


def test_a_shared_layer_gets_the_same_ids_again():
    space = ChannelSpace()
    one, other = space.fresh("a", 4), space.fresh("b", 3)
    assert space.fresh("a", 4).tolist() == one.tolist()
    assert not set(one) & set(other)
    assert 0 not in one


def test_uniting_broadcasts_like_an_addition():
    space = ChannelSpace()
    wide, one = space.fresh("wide", 6).reshape(1, 2, 3), space.fresh("one", 1)
    space.unite(wide, one)
    assert len(set(space.classes()[1:])) == 1


def test_vector_finds_the_axis_or_says_that_there_is_none():
    line = np.array([3, 4, 5])
    spread = channel_ids.along(line, 2, (None, 7, 3))
    assert channel_ids.vector(spread, -1).tolist() == [3, 4, 5]
    assert channel_ids.vector(np.arange(1, 7).reshape(2, 3), 1) is None
    assert channel_ids.varying_axes(spread) == (2,)
    assert channel_ids.collapse(spread).shape == (1, 1, 3)


def test_fix_unless_vector_keeps_what_is_spread_over_two_axes():
    space = ChannelSpace()
    made = space.fresh("a", 6).reshape(2, 3)
    assert space.fix_unless_vector(made, 1, "reader").tolist() == [0, 0, 0]
    assert space.fixings[0].ids.tolist() == [1, 2, 3, 4, 5, 6]
    assert space.fixings[0].layer == "reader"


def test_concatenation_is_numpys_and_stays_a_view():
    parts = [channel_ids.along(np.arange(n), 2, (None, 50, n)) for n in (3, 4)]
    joined = channel_ids.concatenate(parts, -1)
    np.testing.assert_array_equal(joined, np.concatenate(parts, axis=2))
    assert channel_ids.collapse(joined).size == 7


def test_fit_takes_unknown_sizes_but_no_other_ids():
    ids = channel_ids.along(np.arange(1, 4), 2, (None, 5, 3))
    assert channel_ids.fit(ids, (None, None, 3)).shape == (1, 1, 3)
    assert channel_ids.fit(ids, (None, 5, 4)) is None
    assert channel_ids.fit(ids, (None, 3)) is None
