import numpy as np
import pytest

from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (60, 5, 5), dtype=np.uint8)
Y = np.arange(60) % 3
SIGNATURE = ModelSignature((InputSignature((5, 5, 1)),), (3,), "softmax")


def test_numbers_take_the_models_form(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    data = open_data(tmp_path / "a.npz", signature=SIGNATURE)
    made = data.model_input(data.test.x)
    assert (made.shape, made.dtype) == ((12, 5, 5, 1), np.float32)
    np.testing.assert_array_equal(made[..., 0], data.test.x)
    assert data.task == "vision"
    assert data.metrics[0] == "accuracy"


def test_given_splits_and_several_inputs(tmp_path):
    other = RNG.normal(size=(60, 2))
    arrays = {
        f"{name}_{split}{place}": array[rows]
        for split, rows in (("train", slice(0, 30)), ("validation", slice(30, 42)), ("test", slice(42, 60)))
        for name, place, array in (("x", "_0", X), ("x", "_1", other), ("y", "", Y))
    }
    np.savez(tmp_path / "a.npz", **arrays)
    signature = ModelSignature((SIGNATURE.inputs[0], InputSignature((2,))), (3,), "softmax")
    data = open_data(tmp_path / "a.npz", signature=signature)
    assert [len(split) for split in (data.train, data.validation, data.test)] == [30, 12, 18]
    first, second = data.model_input(data.test.x)
    np.testing.assert_array_equal(first[..., 0], X[42:])
    np.testing.assert_array_equal(second, other[42:].astype(np.float32))
    np.testing.assert_array_equal(data.test.y, Y[42:])


def test_labels_may_be_missing(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, x_test=X[:9])
    data = open_data(tmp_path / "a.npz", signature=SIGNATURE)
    assert data.train.y is data.test.y is data.labels is None
    assert data.metrics == ("agreement",)
    assert len(data.train) + len(data.validation) == 60


def test_npy_files_are_the_same_data(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    folder = tmp_path / "arrays"
    folder.mkdir()
    np.save(folder / "x.npy", X)
    np.save(folder / "y.npy", Y)
    names = ("a.npz", "arrays", "arrays/x.npy")
    archive, files, one = (open_data(tmp_path / name, signature=SIGNATURE) for name in names)
    for data in (files, one):
        np.testing.assert_array_equal(data.test.x, archive.test.x)
        np.testing.assert_array_equal(data.test.y, archive.test.y)
    np.save(tmp_path / "alone.npy", X)
    assert open_data(tmp_path / "alone.npy", signature=SIGNATURE).train.y is None


def test_large_arrays_stream_to_the_same_inputs(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    held = open_data(tmp_path / "a.npz", signature=SIGNATURE)
    monkeypatch.setattr("edgeprune.data.archive.IN_MEMORY_BYTES", 500)
    streamed = open_data(tmp_path / "a.npz", signature=SIGNATURE)
    assert not isinstance(streamed.train.x, np.ndarray)
    np.testing.assert_array_equal(
        np.asarray(streamed.model_input(streamed.train.x)), held.model_input(held.train.x)
    )


def test_texts_in_an_archive_are_tokenized(tmp_path):
    texts = np.array(["red apple", "green pear", "blue plum"])[Y]
    np.savez(tmp_path / "a.npz", x=texts, y=Y)
    tokens = ModelSignature((InputSignature((4,), "int32", 20),), (3,), "softmax")
    data = open_data(tmp_path / "a.npz", signature=tokens)
    made = data.model_input(data.test.x)
    assert made.shape == (12, 4)
    assert made.max() < data.vocabulary == 8
    texts = ModelSignature((InputSignature((1,), "string"),), (3,), "softmax")
    strings = open_data(tmp_path / "a.npz", signature=texts)
    assert set(strings.model_input(strings.test.x)[:, 0]) == {"red apple", "green pear", "blue plum"}


@pytest.mark.parametrize(("shape", "task"), [((9,), "tabular"), ((9, 4), "speech"), ((4, 4, 1), "vision")])
def test_the_task_is_guessed_by_the_input(tmp_path, shape, task):
    np.savez(tmp_path / "a.npz", x=RNG.random((30, *shape)), y=Y[:30])
    signature = ModelSignature((InputSignature(shape),), (3,), "softmax")
    assert open_data(tmp_path / "a.npz", signature=signature).task == task
    assert open_data(tmp_path / "a.npz", signature=signature, task="text").task == "text"
