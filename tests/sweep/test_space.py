"""What is varied: values of the recipe, evenly drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.recipe import recipe
from edgeprune.sweep.settings import DEFAULT_SPACE, Space, Sweep, parse_space
from edgeprune.sweep.sweep import in_a_file


def test_values_are_those_of_the_recipe() -> None:
    assert parse_space(["prune=0.3,0.5,0.3", "epochs=1,2", "qat=true,false"], {}).values == {
        "prune": (0.3, 0.5), "epochs": (1, 2), "qat": (True, False)
    }  # fmt: skip
    assert parse_space([], {}) == DEFAULT_SPACE


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("prnue=0.5", "There is no setting 'prnue'. Did you mean 'prune'"),
        ("prune=half", "A number is expected"),
        ("prune=0.3,,0.5", "A number is expected"),
        ("qat=perhaps", "true or false is expected"),
        ("prune=1.5", "below 1"),
        ("quantize=int7", "Did you mean 'int8'"),
        ("prune", "FIELD=VALUE"),
        ("epochs=1", "both varied and fixed"),
    ],
)
def test_what_is_no_value_is_refused(given: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_space([given], {"epochs": 2})


def test_what_is_given_is_not_varied() -> None:
    names = set(parse_space([], {"quantize": "int8", "max_drop": 1.0}).values)
    assert names == set(DEFAULT_SPACE.values) - {"quantize", "prune"}


@pytest.mark.parametrize("number", [6, 13, 24])
def test_every_value_is_drawn_about_equally_often(number: int) -> None:
    drawn = DEFAULT_SPACE.drawn(number, 0, {})
    assert len(drawn) == number
    for name, values in DEFAULT_SPACE.values.items():
        counts = [sum(row[name] == value for row in drawn) for value in values]
        assert max(counts) - min(counts) <= 1


def test_a_longer_sweep_begins_like_a_shorter_one() -> None:
    assert DEFAULT_SPACE.drawn(50, 3, {})[:7] == DEFAULT_SPACE.drawn(7, 3, {})
    assert DEFAULT_SPACE.drawn(7, 3, {}) != DEFAULT_SPACE.drawn(7, 4, {})


def test_each_setting_comes_once_and_can_be_built() -> None:
    space = Space({"qat": (True, False), "quantize": ("int8", "dynamic"), "epochs": (1, 2, 3)})
    drawn = space.drawn(100, 0, {"prune": 0.4})
    assert len(drawn) == 9  # qat with dynamic is refused
    assert len({tuple(row.items()) for row in drawn}) == 9
    for row in drawn:
        recipe(prune=0.4, **row)


def test_data_in_memory_is_written_for_the_workers(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).random((30, 4), np.float32), np.arange(30) % 3
    what = Sweep(None, ((x[:20], y[:20]), (x[20:], y[20:])))
    with np.load(str(in_a_file(what, tmp_path))) as found:
        assert set(found) == {"x_train_0", "y_train_0", "x_test_0", "y_test_0"}
        np.testing.assert_array_equal(found["x_test_0"], x[20:])
        np.testing.assert_array_equal(found["y_train_0"], y[:20])
    assert in_a_file(Sweep(None, "keras:mnist"), tmp_path) == "keras:mnist"
