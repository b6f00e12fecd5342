"""Bad data in an archive or a table is refused by `open_data`, with nothing written anywhere."""

import numpy as np
import pytest

from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError

SOFTMAX = ModelSignature((InputSignature((6, 6, 1)),), (4,), "softmax")
SIGMOID = ModelSignature((InputSignature((6, 6, 1)),), (1,), "sigmoid")
VALUES = ModelSignature((InputSignature((6, 6, 1)),), (1,), "values")
MULTI = ModelSignature((InputSignature((6, 6, 1)),), (4,), "sigmoid")
TAGS = ModelSignature((InputSignature((9,), "float32", 30),), (9, 4), "softmax")
TOKENS = ModelSignature((InputSignature((9,), "float32", 30),), (4,), "softmax")
TEXTS = ModelSignature((InputSignature((1,), "string"),), (4,), "softmax")
TWO = ModelSignature((InputSignature((6, 6, 1)), InputSignature((3,))), (4,), "softmax")
BYTES = ModelSignature((InputSignature((6, 6, 1), "uint8"),), (4,), "softmax")

RNG = np.random.default_rng(0)
X = RNG.random((80, 6, 6, 1), np.float32)
Y = np.arange(80) % 4
TOKEN_X = RNG.integers(0, 30, (80, 9))


def at(array, row, value):
    changed = array.astype(np.result_type(array, type(value)), copy=True)
    changed[row] = value
    return changed


ROWS = [
    ("label too large", SOFTMAX, {"x": X, "y": at(Y, 7, 4)}, "out of range.*0 to 3"),
    ("label negative", SOFTMAX, {"x": X, "y": at(Y, range(4), -1)}, "out of range"),
    ("labels from 1", SOFTMAX, {"x": X, "y": Y + 1}, "Subtract 1"),
    ("label too large in test alone", SOFTMAX,
     {"x_train": X, "y_train": Y, "x_test": X[:8], "y_test": Y[:8] + 4}, "test labels are out of range"),
    ("binary label", SIGMOID, {"x": X, "y": Y}, "out of range.*2 classes"),
    ("multi-hot label", MULTI, {"x": X, "y": np.eye(4)[Y] * 2 + np.eye(4)[0]}, "out of range"),
    ("tag", TAGS, {"x": TOKEN_X, "y": at(TOKEN_X % 4, 3, -2)}, "out of range"),
    ("shape", SOFTMAX, {"x": X[:, :5], "y": Y}, r"shape \(5, 6, 1\).*takes \(6, 6, 1\)"),
    ("rank", SOFTMAX, {"x": X.reshape(80, 36), "y": Y}, r"shape \(36,\)"),
    ("dtype, complex", SOFTMAX, {"x": X.astype(complex), "y": Y}, "dtype complex128"),
    ("dtype, dates", SOFTMAX, {"x": X.astype("datetime64[s]"), "y": Y}, "dtype datetime64"),
    ("dtype, floats for integers", BYTES, {"x": X, "y": Y}, "takes uint8"),
    ("fractions for tokens", TOKENS, {"x": TOKEN_X + 0.5, "y": Y}, "token numbers"),
    ("tokens beyond the embedding", TOKENS, {"x": at(TOKEN_X, 5, 30), "y": Y}, "rows 0 to 29"),
    ("NaN", SOFTMAX, {"x": at(X, 41, np.nan), "y": Y}, "The samples hold NaN.* sample 41"),
    ("infinity", SOFTMAX, {"x": at(X, 41, np.inf), "y": Y}, "infinity, first in sample 41"),
    ("beyond 32 bit", SOFTMAX, {"x": at(X.astype(float), 41, 1e300), "y": Y}, "infinity"),
    ("NaN label", VALUES, {"x": X, "y": at(X[:, 0, 0, 0], 9, np.nan)}, "labels hold NaN.*sample 9"),
    ("empty class", SOFTMAX, {"x": X[Y != 2], "y": Y[Y != 2]}, "class '2': an empty class"),
    ("empty last class", SOFTMAX, {"x": X[Y != 3], "y": Y[Y != 3]}, "class 3: an empty class"),
    ("empty column", MULTI, {"x": X, "y": np.eye(4)[np.minimum(Y, 2)] + np.eye(4)[0] * (Y == 1)[:, None]},
     "empty class"),
    ("one class", SIGMOID, {"x": X, "y": Y * 0 + 1}, "of one class, '1'"),
    ("no samples", SOFTMAX, {"x": X[:0], "y": Y[:0]}, "train split has no samples"),
    ("too few samples", SOFTMAX, {"x": X[:8], "y": Y[:8]}, "cannot be drawn: class 0 has 2"),
    ("texts", SOFTMAX, {"x": np.array(["some text"] * 80), "y": Y}, "texts.*float32 numbers"),
    ("numbers for text", TEXTS, {"x": X[:, 0, 0], "y": Y},
     "holds numbers.*takes texts"),
    ("unlike lengths", SOFTMAX, {"x": X, "y": Y[:-1]}, "80, 79"),
    ("missing input", TWO, {"x": X, "y": Y}, r"1 input\(s\).*takes 2"),
    ("other names", SOFTMAX, {"before": X, "after": Y}, "holds after, before"),
    ("labels of a test alone", SOFTMAX, {"x": X, "x_test": X, "y_test": Y}, "no labels for train"),
    ("a scalar", SOFTMAX, {"x": np.array(3), "y": Y}, "single number"),
    ("classes for a value", VALUES, {"x": X, "y": np.array(["a", "b"])[Y % 2]}, "labels are classes"),
    ("values for classes", SOFTMAX, {"x": X, "y": Y + 0.5}, r"values of the shape"),
    ("labels of a wrong shape", SOFTMAX, {"x": X, "y": np.stack([Y, Y], 1)}, "shape"),
    ("label of two axes", SOFTMAX, {"x": X, "y": np.zeros((80, 2, 2), complex)}, "dtype complex128"),
    ("hostile class name", SIGMOID, {"x": X, "y": np.array(["a", "b\nc"])[Y % 2]}, r"'b\\nc'"),
]


@pytest.mark.parametrize(
    ("signature", "arrays", "message"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_bad_arrays_are_refused(tmp_path, signature, arrays, message):
    np.savez(tmp_path / "mine.npz", **arrays)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*")}
    with pytest.raises(InputError, match=message) as error:
        open_data(tmp_path / "mine.npz", signature=signature)
    assert error.value.found
    assert error.value.expected
    assert {path: path.read_bytes() for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("signature", [SOFTMAX, None])
def test_good_arrays_are_taken(tmp_path, signature):
    np.savez(tmp_path / "mine.npz", x=X, y=Y)
    data = open_data(tmp_path / "mine.npz", signature=signature)
    assert data.labels == ("0", "1", "2", "3")
    np.testing.assert_array_equal(data.model_input(data.test.x), data.test.x)


def test_a_label_may_mark_anomalies_of_an_autoencoder(tmp_path):
    signature = ModelSignature((InputSignature((12,)),), (12,), "values")
    x, y = RNG.random((60, 12), np.float32), np.arange(60) % 2
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y * 0, x_validation=x, y_validation=y, x_test=x, y_test=y)
    assert open_data(tmp_path / "a.npz", signature=signature).metrics[0] == "roc_auc"


def test_unreadable_sources_are_refused(tmp_path):
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "mine.xlsx").write_bytes(b"PK")
    for name, message in (
        ("missing.npz", "There is no data"), ("folder.npz", "holds no files"),
        ("mine.xlsx", "ends in .xlsx"), ("no\nname", r"no\\nname"),
    ):
        with pytest.raises(InputError, match=message):
            open_data(tmp_path / name, signature=SOFTMAX)
    (tmp_path / "loop.npz").symlink_to("loop.npz")
    with pytest.raises(InputError):
        open_data(tmp_path / "loop.npz", signature=SOFTMAX)
