"""A user's own metric: its figures are read with care, and its name says in which direction it is better."""

import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.tasks import OwnMetric, less_is_better

Y = np.array([0, 1, 2, 1])
OUT = np.eye(3, dtype=np.float32)[[0, 1, 1, 1]]


def own(function):
    return OwnMetric(function, "my:metric")


def test_figures_scores_and_scale():
    metric = own(lambda y, out: {"hits": (out.argmax(-1) == y).sum(), "my_error": np.float32(0.5)})
    tried = metric.tried(Y, [OUT])
    assert (tried.names, tried.primary, tried.scale) == (("hits", "my_error"), "hits", 3.0)
    assert tried.score(tried.figures(Y, [OUT])) == 1.0
    assert tried.score({"hits": 2.4, "my_error": 0.0}) == pytest.approx(0.8)
    assert tried.score({"hits": float("nan"), "my_error": 0.0}) == float("-inf")


def test_several_outputs_come_as_tuples():
    seen = []
    own(lambda y, out: seen.append((y, out)) or {"fit": 1}).figures((Y, None), [OUT, OUT * 2])
    ((labels, outputs),) = seen
    assert labels[1] is None
    np.testing.assert_array_equal(outputs[1], 2 * OUT)


@pytest.mark.parametrize(("name", "less"), [
    ("score", False), ("my_error", True), ("error_rate", True), ("val loss", True),
    ("hausdorff_distance", True),
    ("errorless", False), ("MAE", True), ("mae_px", True), ("gloss", False), ("kpi", False),
])
def test_the_name_says_the_direction(name, less):
    assert less_is_better(name) is less
    tried = own(lambda *_: {name: 0.25}).tried(Y, [OUT])
    assert tried.score({name: 0.25}) == (-0.25 if less else 0.25)


@pytest.mark.parametrize(("gives", "message"), [
    (3, "gives 3"), ({}, "dictionary of names"), ({"a": "x"}, "finite numbers"), ({1: 2.0}, "printable"),
    ({"a": [1, 2]}, "finite numbers"), ({"a": None}, "finite numbers"),
    ({"a": np.nan}, "a = nan for the original"),
    ({"\x1b[2J": 1.0}, "printable"), ({"accuracy": 0.5}, "my_accuracy"), ({"n" * 90: 1.0}, "printable"),
    ({"a": 1j}, "finite numbers"), ({str(number): 1.0 for number in range(101)}, "dictionary"),
])
def test_what_is_no_metric_is_refused(gives, message):
    with pytest.raises(InputError, match=message):
        own(lambda *_: gives).tried(Y, [OUT])


def test_its_own_error_is_told_and_its_names_stay():
    with pytest.raises(InputError, match=r"my:metric failed: ZeroDivisionError.*f\(y_true, outputs\)"):
        own(lambda *_: 1 / 0).tried(Y, [OUT])
    names = iter(["a", "b"])
    tried = own(lambda *_: {next(names): 1.0}).tried(Y, [OUT])
    with pytest.raises(InputError, match="gives b; before, a"):
        tried.figures(Y, [OUT])
