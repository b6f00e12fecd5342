import numpy as np
import pytest
from sklearn import metrics as reference

from edgeprune.metrics import evaluate


@pytest.mark.parametrize("shape", [(60, 3), (20, 3, 3)])
def test_figures_agree_with_scikit_learn_together_and_by_column(shape):
    rng = np.random.default_rng(2)
    truth = rng.normal(size=shape) * [1, 30, 0.01] + [5, 0, -2]
    found = truth + rng.normal(size=shape) * [0.3, 9, 0.001]
    rows, guesses = truth.reshape(-1, 3), found.reshape(-1, 3)
    expected = {
        "mean_absolute_error": reference.mean_absolute_error(rows, guesses),
        "root_mean_squared_error": reference.mean_squared_error(rows.ravel(), guesses.ravel()) ** 0.5,
    }
    for i, name in enumerate("abc"):
        column = rows[:, i], guesses[:, i]
        expected[f"r2_per_column/{name}"] = reference.r2_score(*column)
        expected[f"mean_absolute_error_per_column/{name}"] = reference.mean_absolute_error(*column)
        expected[f"root_mean_squared_error_per_column/{name}"] = reference.mean_squared_error(*column) ** 0.5
    names = list(dict.fromkeys(name.partition("/")[0] for name in expected))
    assert evaluate(names, truth, found, labels="abc") == pytest.approx(expected, rel=1e-9)


def test_a_column_that_never_varies_is_explained_or_not():
    truth = np.array([[1.0, 2], [1, 3], [1, 4]])
    assert evaluate(["r2_per_column"], truth, truth) == {"r2_per_column/0": 1.0, "r2_per_column/1": 1.0}
    assert evaluate(["r2_per_column"], truth, truth + 0.5)["r2_per_column/0"] == 0.0


def test_one_value_a_sample_is_one_column():
    truth, found = np.array([1.0, 2, 4]), np.array([[1.5], [2], [3]])
    got = evaluate(["mean_absolute_error_per_column"], truth, found)
    assert got == {"mean_absolute_error_per_column/0": 0.5}
