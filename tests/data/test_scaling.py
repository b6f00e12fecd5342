import numpy as np
import pytest

from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.pictures import PictureForm, steps_for
from edgeprune.data.scaling import choose_scaling
from edgeprune.data.tabular import standardizing_step
from edgeprune.types import OutputTask

RNG = np.random.default_rng(0)


def pictures():
    y = np.arange(90) % 3
    x = np.clip(RNG.normal(30 + 80 * y[:, None, None, None], 10, (90, 4, 4, 1)), 0, 255).astype(np.uint8)
    split = Split(x, y)
    return Dataset("vision", split, split, split, steps_for(PictureForm(4, 4, 1), None), ("a", "b", "c"))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (0, 255)])
def test_the_range_that_the_model_was_made_for_is_found(low, high):
    centres = (np.array([30, 110, 190]) / 255 * (high - low) + low)[None]

    def predict(inputs):
        return -np.abs(inputs.mean(axis=(1, 2, 3))[:, None] - centres)

    data = choose_scaling(pictures(), predict)
    made = data.model_input(data.train.x)
    np.testing.assert_allclose(made, data.train.x / 255 * (high - low) + low, rtol=0, atol=1e-4)
    assert f"{low} to {high} (accuracy on 90" in data.notes[-1]
    assert "1.000" in data.notes[-1]


@pytest.mark.parametrize("standardized", [True, False])
def test_columns_are_standardized_where_the_model_wants_it(standardized):
    x = RNG.normal(100, 20, (80, 2)).astype(np.float32)
    y = (x[:, 0] > 100).astype(np.int64)
    split = Split(x, y)
    data = Dataset("tabular", split, split, split, (standardizing_step(x),), ("low", "high"))
    middle = (100 - x[:, 0].mean()) / x[:, 0].std() if standardized else 100

    def predict(inputs):
        return 1 / (1 + np.exp(-np.clip(inputs[:, :1] - middle, -9, 9) * 5))

    assert bool(choose_scaling(data, predict).preprocessing) == standardized


def test_values_choose_by_how_well_they_are_met():
    x = RNG.normal(7, 3, (80, 2)).astype(np.float32)
    split = Split(x, x[:, 0] * 2)
    task = OutputTask("values", ("r2",))
    data = Dataset("tabular", split, split, split, (standardizing_step(x),), tasks=(task,))
    plain = choose_scaling(data, lambda inputs: inputs[:, :1] * 2)
    assert plain.preprocessing == ()
    assert "standardized columns: -" in plain.notes[-1]  # worse than the mean


def test_of_equals_the_given_one_stays():
    data = pictures()
    signature = ModelSignature((InputSignature((4, 4, 1)),), (3,), "softmax", scales=True)
    scaled = steps_for(PictureForm(4, 4, 1), signature)
    given = Dataset("vision", data.train, data.train, data.train, scaled, ("a", "b", "c"))
    assert choose_scaling(given, lambda inputs: np.ones((len(inputs), 3))).preprocessing == scaled


@pytest.mark.parametrize(("right", "doubted"), [(1 / 3, True), (0.5, False)])
def test_a_model_that_only_guesses_is_told(right, doubted):
    x, y = RNG.random((90, 4), np.float32), np.arange(90) % 3
    split = Split(x, y)
    data = Dataset("speech", split, split, split, labels=("a", "b", "c"))
    answers = np.eye(3)[np.where(np.arange(90) // 3 < round(30 * right), y, (y + 1) % 3)]
    notes = choose_scaling(data, lambda _: answers).notes
    assert len(notes) == doubted
    assert all("33.3%" in note and "order of its classes" in note for note in notes)


def test_without_labels_or_choice_nothing_changes():
    data = pictures()
    task = OutputTask("original", ("agreement",))
    bare = Dataset("vision", *[Split(data.train.x)] * 3, data.preprocessing, tasks=(task,))
    assert choose_scaling(bare, None) is bare
    plain = choose_scaling(Dataset("vision", *[data.train] * 3), lambda _: np.eye(3)[data.train.y])
    assert (plain.preprocessing, plain.notes) == ((), ())
