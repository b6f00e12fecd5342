import numpy as np
import pytest

from edgeprune.data.array_names import sort_by_name
from edgeprune.data.model_signature import InputSignature, ModelSignature, OutputSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError

ONE = ModelSignature((InputSignature((4,)),), (3,), "softmax")
TWO = ModelSignature(
    (InputSignature((4,), name="image"), InputSignature((2,), name="meta")), (3,), "softmax",
    outputs=(OutputSignature((3,), "softmax", "cls"), OutputSignature((5,), "values", "box")),
)
RNG = np.random.default_rng(3)


def arrays(*names):
    """All different, so that a swap shows."""
    return {name: RNG.normal(size=(6, 4)) for name in names}


@pytest.mark.parametrize(("names", "splits"), [
    (("x", "y"), {"train": "x y"}),
    (("X", "Y"), {"train": "X Y"}),
    (("x_train", "y_train", "x_val", "y_val"), {"train": "x_train y_train", "validation": "x_val y_val"}),
    (("X_train", "Y_train", "X_test", "Y_test"), {"train": "X_train Y_train", "test": "X_test Y_test"}),
    (("trainX", "trainY", "devX", "devY"), {"train": "trainX trainY", "validation": "devX devY"}),
    (("train_images", "train_labels", "valid_images", "valid_labels"),
     {"train": "train_images train_labels", "validation": "valid_images valid_labels"}),
    (("images", "labels"), {"train": "images labels"}),
    (("data", "target"), {"train": "data target"}),
    (("arr_0", "arr_1"), {"train": "arr_0 arr_1"}),
    (("arr_0", "arr_1", "arr_2", "arr_3"), {"train": "arr_0 arr_1", "test": "arr_2 arr_3"}),
    (("x_training", "y_training", "x_testing", "y_testing"),
     {"train": "x_training y_training", "test": "x_testing y_testing"}),
])
def test_people_call_them_many_ways(names, splits):
    given = arrays(*names)
    found = sort_by_name(given, "data.npz", ONE)
    assert not found.unused
    assert {split: (one.x, one.y) for split, one in found.splits.items()} == {
        split: ((given[pair.split()[0]],), (given[pair.split()[1]],)) for split, pair in splits.items()
    }


@pytest.mark.parametrize("names", [
    ("x_image", "x_meta", "y_cls", "y_box"), ("x_0", "x_1", "y_0", "y_1"), ("image", "meta", "cls", "box"),
    ("x_train_image", "x_train_meta", "y_train_cls", "y_train_box"),
    ("x_image_train", "x_meta_train", "y_cls_train", "y_box_train"), ("x0", "x1", "y0", "y1"),
])
def test_several_inputs_and_outputs_by_name_or_number(names):
    given = arrays(*names)
    found = sort_by_name(dict(reversed(given.items())), "data.npz", TWO).splits["train"]
    assert found.x == (given[names[0]], given[names[1]])
    assert found.y == (given[names[2]], given[names[3]])


def test_an_output_without_labels_has_none():
    given = arrays("x_image", "x_meta", "y_box")
    assert sort_by_name(given, "data.npz", TWO).splits["train"].y == (None, given["y_box"])


def test_what_is_not_understood_is_told(tmp_path):
    y = np.tile([0, 1, 2], 10)
    classes = np.array(["a", "b", "c"])
    np.savez(tmp_path / "data.npz", x=RNG.normal(size=(30, 4)), y=y, speaker=y, classes=classes)
    data = open_data(tmp_path / "data.npz", signature=ONE)
    assert data.labels == ("a", "b", "c")
    assert any("speaker" in note for note in data.notes)


def test_weights_go_with_their_samples(tmp_path):
    y, weights = np.tile([0, 1, 2], 10), RNG.uniform(1, 2, 30)
    np.savez(tmp_path / "data.npz", x=RNG.normal(size=(30, 4)), y=y, sample_weight=weights)
    data = open_data(tmp_path / "data.npz", signature=ONE)
    split = [*data.train.weights, *data.validation.weights, *data.test.weights]
    np.testing.assert_allclose(sorted(split), sorted(weights), rtol=1e-6)
    np.savez(tmp_path / "bad.npz", x=RNG.normal(size=(30, 4)), y=y, sample_weight=-weights)
    with pytest.raises(InputError, match="0 or more"):
        open_data(tmp_path / "bad.npz", signature=ONE)


@pytest.mark.parametrize(("names", "message"), [
    (("x", "images", "y"), "which say the same"),
    (("x_image", "x_meta", "y_mask"), "no output 'mask'"),
    (("x_image", "y_cls"), "no array for the model's input 'meta'"),
    (("x_image", "x_depth", "y_cls"), "no input 'depth'"),
    (("foo", "bar"), "are expected"),
])
def test_names_that_fit_no_place_are_refused(names, message):
    with pytest.raises(InputError, match=message):
        sort_by_name(arrays(*names), "data.npz", TWO)
