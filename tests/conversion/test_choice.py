"""What ships, of candidates whose outputs, bytes and latencies are given."""

import itertools

import numpy as np
import pytest

from edgeprune.conversion.candidates import Candidate, CandidateSet
from edgeprune.conversion.choice import choose
from edgeprune.conversion.options import Validation
from edgeprune.conversion.parity import compared
from edgeprune.conversion.scores import Scorer
from edgeprune.conversion.values import Converted

SAMPLES = 600
RNG = np.random.default_rng(0)
Y = RNG.integers(0, 4, SAMPLES)
REFERENCE = np.eye(4)[Y]


def with_errors(wrong):
    """The reference's outputs, `wrong` of them turned to another class."""
    outputs = REFERENCE.copy()
    rows = RNG.choice(SAMPLES, wrong, replace=False)
    outputs[rows] = np.roll(outputs[rows], 1, axis=1)
    return outputs


def chosen(rows, prefer="both", limit=0.5, labels=True, float_us=None):
    """Names and verdicts; rows are (name, wrong answers, kB, µs), and the float file's latency."""
    found = CandidateSet(REFERENCE, Validation((REFERENCE,), Y if labels else None), limit)
    scorer = Scorer((REFERENCE,), ("classes",), found.scorer.scores)
    times = {b"float": float_us}
    for name, wrong, kilobytes, time in rows:
        outputs = with_errors(wrong)
        scores = scorer.score((outputs,))
        parity = compared((REFERENCE,), (outputs,), ("classes",), scorer.reference, scores)
        file = bytes(round(1000 * kilobytes)) + name.encode()
        times[file] = time
        converted = Converted(file, "int8", "tensorflow", (), (), {})
        lost = 100 * wrong / SAMPLES
        found.candidates.append(Candidate(name, converted, parity, scores, lost, "", None, time))
    floating = None if float_us is None else b"float"
    choice = choose(found, prefer, lambda files: [times[file] for file in files], floating)
    if float_us is not None and prefer != "size":
        slow = [name for name, _, _, time in rows if time > 1.2 * float_us + 2]
        assert choice.is_slower == (choice.chosen.name in slow)
    return choice.chosen.name, {one.name: choice.verdicts[one] for one in found.candidates}


def test_one_sample_more_does_not_outweigh_a_third_of_the_size():
    name, verdicts = chosen([("plain", 1, 38, 33), ("other", 1, 45, 33), ("aware", 0, 113, 50)])
    assert name == "plain"
    assert verdicts == {"plain": "shipped", "other": "larger", "aware": "larger and slower"}


def test_what_is_significantly_less_accurate_does_not_ship():
    name, verdicts = chosen([("small", 25, 10, 10), ("large", 0, 40, 40)], limit=5)
    assert name == "large"
    assert verdicts["small"] == "less accurate"


@pytest.mark.parametrize(
    ("prefer", "float_us", "expected", "word"),
    [
        ("both", 60, "slow", "larger"), ("both", 35, "fast", "slower than float"),
        ("size", 35, "slow", "larger"), ("both", 10, "slow", "larger"),
    ],
)
def test_nothing_slower_than_float_ships_unless_all_are(prefer, float_us, expected, word):
    rows = [("slow", 0, 10, 60), ("fast", 0, 40, 30)]
    name, verdicts = chosen(rows, prefer, float_us=float_us)
    assert name == expected
    assert word in verdicts["fast" if expected == "slow" else "slow"]


def test_what_loses_more_than_the_limit_does_not_ship():
    assert chosen([("small", 60, 10, 10), ("large", 1, 40, 40)])[1]["small"] == "loses too much"
    assert chosen([("small", 90, 10, 10), ("large", 60, 40, 40)]) == (
        "large", {"small": "loses too much", "large": "lost least"}
    )


@pytest.mark.parametrize(("prefer", "expected"), [("both", "fast"), ("speed", "fast"), ("size", "small")])
def test_size_and_speed_count_together_unless_one_is_preferred(prefer, expected):
    assert chosen([("small", 0, 441, 1500), ("fast", 0, 1573, 270)], prefer)[0] == expected


def test_differences_within_noise_are_none():
    """10 % faster is noise: the smaller one ships; of one size, the more accurate."""
    assert chosen([("small", 0, 90, 110), ("fast", 0, 100, 100)])[0] == "small"
    assert chosen([("worse", 2, 100, 100), ("better", 0, 100.5, 109)], labels=False)[0] == "better"


@pytest.mark.parametrize(("time", "expected"), [(3.4, "small"), (3.9, "small"), (9, "fast")])
def test_a_difference_of_two_microseconds_is_of_no_use(time, expected):
    """A text model of 964 kB shipped in float because int8 with 250 kB took 3.4 µs instead of 2."""
    assert chosen([("small", 0, 25, time), ("fast", 0, 96, 2)], float_us=2)[0] == expected


def test_nothing_that_was_as_accurate_beats_the_choice():
    rng = np.random.default_rng(3)
    for prefer, _ in itertools.product(("both", "speed", "size"), range(20)):
        rows = [(f"{n}", int(rng.integers(0, 2)), rng.uniform(10, 99), rng.uniform(10, 99)) for n in range(5)]
        name = chosen(rows, prefer)[0]
        best = next(row for row in rows if row[0] == name)
        assert not any(row[2] < best[2] and row[3] < best[3] / 1.2 for row in rows)


@pytest.mark.parametrize(("samples", "wrong", "kept"), [
    (54, 1, False), (54, 2, False), (179, 1, True), (179, 2, False), (600, 3, True), (600, 5, False),
])
def test_one_sample_is_forgiven_where_it_is_worth_little(samples, wrong, kept):
    """Two wrong of 54 once ended the recovery, and the file lost 7 points on others."""
    y = np.arange(samples) % 4
    reference = np.eye(4)[y]
    outputs = reference.copy()
    outputs[:wrong] = np.roll(outputs[:wrong], 1, axis=1)
    validation = Validation((np.zeros((samples, 1)),), y)
    found = CandidateSet((reference,), validation, 0.5)
    parity = found.scorer.score((outputs,))
    made = compared((reference,), (outputs,), ("classes",), found.scorer.reference, parity)
    assert (found._lost_points(made, (outputs,)) <= 0.5) == kept
