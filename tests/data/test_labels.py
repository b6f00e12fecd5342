import numpy as np
import pytest

from edgeprune.data.labels import read_labels
from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.errors import InputError

SOFTMAX, SIGMOID, VALUES, MULTI = (
    ModelSignature((InputSignature((8,)),), (units,), head)
    for units, head in ((3, "softmax"), (1, "sigmoid"), (1, "values"), (3, "sigmoid"))
)
ONE_HOT = np.eye(3)[[2, 0, 1, 1]]


@pytest.mark.parametrize(("raw", "signature", "expected", "names"), [
    (np.array(["b", "a", "c", "a"]), SOFTMAX, [1, 0, 2, 0], ("a", "b", "c")),
    (np.array([b"b", b"a", b"c", b"a"], object), None, [1, 0, 2, 0], ("a", "b", "c")),
    (np.array([True, False, True, True]), SIGMOID, [1, 0, 1, 1], ("0", "1")),
    (np.array([[2], [0], [1], [0]], np.uint8), SOFTMAX, [2, 0, 1, 0], ("0", "1", "2")),
    (np.array([2.0, 0.0, 1.0, 0.0]), SOFTMAX, [2, 0, 1, 0], ("0", "1", "2")),
    (ONE_HOT.astype(np.float32), SOFTMAX, [2, 0, 1, 1], ("0", "1", "2")),
    (ONE_HOT.astype(bool), None, [2, 0, 1, 1], ("0", "1", "2")),
    (np.array([[1, 0, -1], [2, 2, 0]]), ModelSignature((InputSignature((3,)),), (3, 3), "softmax"),
     [[1, 0, -1], [2, 2, 0]], None),
])
def test_class_labels_become_numbers(raw, signature, expected, names):
    read = read_labels({"train": raw}, signature)
    np.testing.assert_array_equal(read.parts["train"], expected)
    assert read.parts["train"].dtype == np.int64
    assert read.names == names


@pytest.mark.parametrize(("raw", "signature"), [
    (np.array([3, 17, 4, 9]), VALUES),
    (np.array([0.5, 2.5, 1.0, 0.0]), VALUES),
    (np.array([[1, 1, 0], [0, 1, 0]]), MULTI),
    (ONE_HOT, MULTI),
    (np.array([[0.2, 4.0, 1.0]] * 2), ModelSignature((InputSignature((8,)),), (3,), "values")),
])
def test_values_stay_values(raw, signature):
    read = read_labels({"train": raw}, signature)
    np.testing.assert_array_equal(read.parts["train"], raw.astype(np.float32))
    assert read.parts["train"].dtype == np.float32
    assert read.names is None


def test_names_are_those_of_all_splits():
    read = read_labels({"train": np.array(["c", "a"]), "test": np.array(["b"]), "validation": None})
    assert read.names == ("a", "b", "c")
    np.testing.assert_array_equal(read.parts["test"], [1])
    assert "validation" not in read.parts
    ordered = read_labels({"train": np.array(["c", "a"])}, names=("c", "a"))
    np.testing.assert_array_equal(ordered.parts["train"], [0, 1])


@pytest.mark.parametrize("parts", [
    {"train": np.array(["a", "b"]), "test": np.array([0, 1])},
    {"train": np.array([0, 1]), "test": np.eye(2)},
    {"train": np.array([{}, None], object)},
    {"train": np.array(["a", " "])},
    {"train": np.array(["a", "b\x1b[2J"])},
])
def test_what_is_no_label_is_refused(parts):
    with pytest.raises(InputError):
        read_labels(parts)
    with pytest.raises(InputError, match="'z'"):
        read_labels({"train": np.array(["z"])}, names=("a", "b"))
