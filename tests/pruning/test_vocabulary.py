"""Which tokens stay, against figures by hand."""

import numpy as np

from edgeprune.pruning.vocabulary import dearest_tokens, used_tokens, with_mean_unknown

RANDOM = np.random.default_rng(4)
TABLE = RANDOM.normal(size=(7, 3))
COUNTS = np.array([90, 5, 0, 2, 40, 3, 1])


def test_padding_and_unknown_stay_with_what_is_used():
    assert used_tokens(np.array([0, 0, 0, 7, 0, 1])).tolist() == [0, 1, 3, 5]


def test_the_dearest_tokens_stay():
    cost = [COUNTS[n] * sum((TABLE[n][d] - TABLE[1][d]) ** 2 for d in range(3)) for n in range(7)]
    for most in range(2, 8):
        others = sorted(range(2, 7), key=lambda n: -cost[n])[: most - 2]
        assert dearest_tokens(COUNTS, [TABLE], most).tolist() == sorted([0, 1, *others])


def test_counts_alone_decide_without_a_table_and_used_tokens_come_first():
    assert dearest_tokens(COUNTS, [], 4).tolist() == [0, 1, 4, 5]
    same = np.ones((7, 3))
    assert dearest_tokens(COUNTS, [same], 6).tolist() == [0, 1, 3, 4, 5, 6]


def test_the_unknown_row_becomes_the_mean_of_what_it_stands_for():
    kept = np.array([0, 1, 4])
    made = with_mean_unknown(TABLE, COUNTS, kept)
    mean = (5 * TABLE[1] + 2 * TABLE[3] + 3 * TABLE[5] + 1 * TABLE[6]) / 11
    np.testing.assert_allclose(made[1], mean, rtol=1e-12, atol=0)
    others = [0, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(made[others], TABLE[others])


def test_the_unknown_row_stays_where_no_used_token_goes():
    assert with_mean_unknown(TABLE, COUNTS, np.array([0, 1, 3, 4, 5, 6])) is TABLE
