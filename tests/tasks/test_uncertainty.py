"""The standard error of a change agrees with the formula for paired differences, where there is one."""

import numpy as np
import pytest

from edgeprune.tasks.uncertainty import change_errors
from edgeprune.types import OutputTask

RANDOM = np.random.default_rng(3)
CLASSES = OutputTask("class_numbers", ("accuracy", "macro_f1"), "kind", ("a", "b", "c"))
VALUES = OutputTask("values", ("mean_absolute_error",), "size")


def outputs(y: np.ndarray, wrong: float) -> np.ndarray:
    """One-hot (N, 3), some of another class."""
    named = np.where(RANDOM.random(len(y)) < wrong, (y + 1) % 3, y)
    return np.eye(3, dtype=np.float32)[named]


def test_accuracy_and_absolute_error_agree_with_the_paired_formula():
    y = RANDOM.integers(0, 3, 800)
    size = RANDOM.normal(size=(800, 1))
    before, after = outputs(y, 0.1), outputs(y, 0.15)
    old, new = size + RANDOM.normal(size=(800, 1)), size + 1.3 * RANDOM.normal(size=(800, 1))
    found = change_errors((CLASSES, VALUES), (y, size), (before, old), (after, new))
    right = [(one.argmax(-1) == y).astype(float) for one in (before, after)]
    off = [np.abs(one - size)[:, 0] for one in (old, new)]
    expected = {"kind/accuracy": right[1] - right[0], "size/mean_absolute_error": off[1] - off[0]}
    assert set(found) == set(expected)
    for name, difference in expected.items():
        # 200 draws know a standard error to 5 %, and this is seeded.
        assert found[name] == pytest.approx(difference.std() / np.sqrt(len(y)), rel=0.15)


def test_equal_models_have_no_error_and_no_labels_give_none():
    y = RANDOM.integers(0, 3, 50)
    same = outputs(y, 0.2)
    assert change_errors((CLASSES,), y, (same,), (same,)) == {"accuracy": 0.0}
    assert change_errors((CLASSES,), None, (same,), (same,)) == {}
