import numpy as np
import pytest

from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.pictures import PictureForm, steps_for
from edgeprune.data.scaling import choose_scaling
from edgeprune.data.tabular import standardizing_step
from edgeprune.errors import InputError
from edgeprune.types import OutputTask

RNG = np.random.default_rng(0)
BINARY = OutputTask("binary", ("accuracy",))


def pictures():
    y = np.arange(90) % 3
    draw = np.random.default_rng(6)
    x = np.clip(draw.normal(30 + 80 * y[:, None, None, None], 10, (90, 4, 4, 1)), 0, 255).astype(np.uint8)
    split = Split(x, y)
    return Dataset("vision", split, split, split, steps_for(PictureForm(4, 4, 1), None), ("a", "b", "c"))


GREY = ModelSignature((InputSignature((4, 4, 1)),), (3,), "softmax")
ROWS = ModelSignature((InputSignature((2,)),), (1,), "sigmoid")


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (0, 255)])
def test_the_range_that_the_model_was_made_for_is_found(low, high):
    centres = (np.array([30, 110, 190]) / 255 * (high - low) + low)[None]

    def predict(inputs):
        return [-40 / (high - low) * np.abs(inputs.mean(axis=(1, 2, 3))[:, None] - centres)]

    data = choose_scaling(pictures(), GREY, predict)
    made = data.model_input(data.train.x)
    np.testing.assert_allclose(made, data.train.x / 255 * (high - low) + low, rtol=0, atol=1e-4)


def test_naming_the_common_class_wins_nothing():
    """Pixels of 0..255 name the common class always; 0..1 is right on fewer samples, but on both classes."""
    y = (np.arange(200) % 10 == 0).astype(np.int64)
    draw = np.random.default_rng(5)
    x = np.clip(draw.normal(60 + 110 * y[:, None, None, None], 40, (200, 4, 4, 1)), 0, 255).astype(np.uint8)
    split = Split(x, y)
    given = steps_for(PictureForm(4, 4, 1), ModelSignature(GREY.inputs, (1,), "sigmoid", pixels=(0, 255)))
    data = Dataset("vision", split, split, split, given, ("no", "yes"), tasks=(BINARY,))

    def predict(inputs):
        level = inputs.mean(axis=(1, 2, 3))
        noisy = level + np.where(np.arange(len(level)) % 7 == 0, 0.3, 0.0)  # right on 86 % or so
        return [np.where(level > 1.5, 0.05, 1 / (1 + np.exp(-30 * (noisy - 0.45))))[:, None]]

    found = choose_scaling(data, ModelSignature(GREY.inputs, (1,), "sigmoid"), predict)
    np.testing.assert_allclose(found.model_input(x[:5]), x[:5] / 255, rtol=0, atol=1e-6)


@pytest.mark.parametrize("way", ["none", "standardize", "min-max"])
def test_columns_are_scaled_as_the_model_wants_it(way):
    x = np.random.default_rng(4).normal(100, 20, (300, 2)).astype(np.float32)
    y = (x[:, 0] > 100).astype(np.int64)
    scaled = {
        "none": x, "standardize": (x - x.mean(0)) / x.std(0),
        "min-max": (x - x.min(0)) / (x.max(0) - x.min(0)),
    }[way]
    middle = scaled[y == 0, 0].max() / 2 + scaled[y == 1, 0].min() / 2

    def predict(inputs):
        return [1 / (1 + np.exp(-np.clip((inputs[:, :1] - middle) / scaled.std() * 9, -30, 30)))]

    split = Split(x, y)
    for given in ((), (standardizing_step(x),)):
        data = Dataset("tabular", split, split, split, given, ("low", "high"), tasks=(BINARY,))
        made = choose_scaling(data, ROWS, predict).model_input(x)
        np.testing.assert_allclose(made, scaled, rtol=0, atol=1e-3)


def test_values_choose_by_how_well_they_are_met():
    x = RNG.normal(7, 3, (80, 2)).astype(np.float32)
    split = Split(x, x[:, 0] * 2)
    task = OutputTask("values", ("r2",))
    data = Dataset("tabular", split, split, split, (standardizing_step(x),), tasks=(task,))
    plain = choose_scaling(data, ModelSignature(ROWS.inputs, (1,)), lambda inputs: [inputs[:, :1] * 2])
    np.testing.assert_allclose(plain.model_input(x), x, rtol=1e-6)


def test_of_equals_the_given_one_stays():
    data = pictures()
    scaled = steps_for(PictureForm(4, 4, 1), ModelSignature(GREY.inputs, (3,), "softmax", pixels=(-1, 1)))
    given = Dataset("vision", data.train, data.train, data.train, scaled, ("a", "b", "c"))
    assert choose_scaling(given, GREY, lambda inputs: [np.ones((len(inputs), 3))]).preprocessing == scaled


def test_a_stated_preprocessing_is_taken_and_an_unfit_one_refused():
    data = pictures()
    found = choose_scaling(data, GREY, None, "minus-one-one")
    np.testing.assert_allclose(found.model_input(data.train.x), data.train.x / 127.5 - 1, rtol=0, atol=1e-5)
    raw = choose_scaling(data, GREY, None, "none")
    np.testing.assert_array_equal(raw.model_input(data.train.x), data.train.x)
    with pytest.raises(InputError, match="caffe does not go with"):
        choose_scaling(data, GREY, None, "caffe")


def test_none_goes_with_samples_that_need_nothing():
    x = RNG.normal(size=(40, 4, 4, 1)).astype(np.float32)
    split = Split(x, np.arange(40) % 3)
    data = Dataset("vision", split, split, split, (), ("a", "b", "c"))
    assert choose_scaling(data, GREY, lambda x: (x,), "none").preprocessing == ()
    with pytest.raises(InputError, match="caffe does not go with"):
        choose_scaling(data, GREY, lambda x: (x,), "caffe")


def test_tokens_and_models_that_scale_themselves_are_left_alone():
    data = pictures()
    itself = ModelSignature(GREY.inputs, (3,), "softmax", scales=True)
    assert choose_scaling(data, itself, None).preprocessing == data.preprocessing
    rows = Split(RNG.integers(0, 9, (30, 5)), np.arange(30) % 2)
    tokens = Dataset("tabular", rows, rows, rows, (), ("a", "b"))
    signature = ModelSignature((InputSignature((5,), "int32", 9),), (1,), "sigmoid")
    assert choose_scaling(tokens, signature, None).preprocessing == ()


def test_without_labels_nothing_changes():
    data = pictures()
    bare = Dataset("vision", *[Split(data.train.x)] * 3, data.preprocessing)
    assert choose_scaling(bare, GREY, None).preprocessing == data.preprocessing
