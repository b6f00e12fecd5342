"""Data in memory: whatever holds the same samples gives the same splits as plain arrays."""

import dataclasses
import importlib

import numpy as np
import pytest

from edgeprune.data import streams
from edgeprune.data.containers import ContainerReader, read_given
from edgeprune.data.dataset_builder import DataRequest
from edgeprune.data.model_signature import InputSignature, ModelSignature, OutputSignature
from edgeprune.data.saved import save_given
from edgeprune.data.sources import open_data
from edgeprune.data.streams import is_sample
from edgeprune.errors import InputError
from edgeprune.recipe.sections import DataSettings

COUNT = 90
RNG = np.random.default_rng(7)
X = RNG.random((COUNT, 6, 5, 1), np.float32)
META = RNG.random((COUNT, 4), np.float32)
Y = RNG.permutation(COUNT) % 3
BOX = RNG.random((COUNT, 2), np.float32)
W = RNG.random(COUNT).astype(np.float32)
ROWS = ModelSignature((InputSignature((4,), name="x"),), (3,), "softmax")
PICTURES = ModelSignature((InputSignature((6, 5, 1), name="x"),), (3,), "softmax")
SEVERAL = ModelSignature(
    (InputSignature((6, 5, 1), name="picture"), InputSignature((4,), name="meta")), (3,), "softmax",
    outputs=(OutputSignature((3,), "softmax", "cls"), OutputSignature((2,), "values", "box")),
)


def parts(data):
    """All arrays of all splits, in order."""
    found = []
    for split in (data.train, data.validation, data.test):
        x = split.x if isinstance(split.x, tuple) else (split.x,)
        y = split.y if isinstance(split.y, tuple) else (split.y,)
        weights = () if split.weights is None else (split.weights,)
        found.append([*map(np.asarray, x), *(one for one in y if one is not None), *weights])
    return found


def same(found, expected):
    for one, other in zip(parts(found), parts(expected), strict=True):
        assert len(one) == len(other)
        for array, wanted in zip(one, other, strict=True):
            np.testing.assert_array_equal(array, wanted)
            assert array.dtype.kind == wanted.dtype.kind


def steps(**settings):
    return DataSettings(**settings)


def batched(*arrays, size=7):
    for start in range(0, COUNT, size):
        yield tuple(array[start : start + size] for array in arrays)


def keras_sequence(package, *arrays):
    keras = importlib.import_module(package)
    base = keras.utils.PyDataset if package == "keras" else keras.utils.Sequence

    class Batches(base):
        taken = 0

        def __len__(self):
            return 12

        def __getitem__(self, place):
            type(self).taken += 1
            assert place < 12
            return tuple(array[8 * place : 8 * place + 8] for array in arrays)

    return Batches()


def tf_data(*arrays):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(arrays if len(arrays) > 1 else arrays[0])


def frame():
    import pandas as pd

    return pd.DataFrame(META, columns=["a", "b", "c", "d"])


def series():
    import pandas as pd

    return pd.Series(Y, name="label")


def unknown_length():
    import tensorflow as tf

    return tf.data.Dataset.from_generator(lambda: batched(META, Y), output_types=(tf.float32, tf.int64))


def tensors():
    import tensorflow as tf

    return tf.constant(META), tf.constant(Y)


LABELLED = {
    "lists": lambda: (META.tolist(), Y.tolist()),
    "frames": lambda: (frame(), series()),
    "frame of y": lambda: (frame(), series().to_frame()),
    "named": lambda: {"x": META, "y": Y},
    "named frames": lambda: {"X_train": frame(), "y_train": series()},
    "generator": lambda: batched(META, Y),
    "function": lambda: lambda: batched(META, Y),
    "list of batches": lambda: list(batched(META, Y)),
    "batches in lists": lambda: (list(batch) for batch in batched(META, Y)),
    "single samples": lambda: zip(META, Y, strict=True),
    "dictionaries": lambda: ({"image": x, "label": y} for x, y in batched(META, Y)),
    "tf.data": lambda: tf_data(META, Y),
    "tf.data in batches": lambda: tf_data(META, Y).batch(13),
    "tf.data in full batches": lambda: tf_data(META, Y).batch(9, drop_remainder=True),
    "tf.data of names": lambda: tf_data({"image": META, "label": Y}),
    "tf.data of a generator": unknown_length,
    "tensors": tensors,
    "PyDataset": lambda: keras_sequence("keras", META, Y),
    "Sequence": lambda: keras_sequence("tf_keras", META, Y),
}
"""What holds META and Y."""


@pytest.mark.parametrize("name", LABELLED)
def test_rows_and_labels(name):
    if "frame" in name:
        pytest.importorskip("pandas")
    same(open_data(LABELLED[name](), signature=ROWS), open_data((META, Y), signature=ROWS))


@pytest.mark.parametrize("make", [
    lambda: (META, Y, W), lambda: {"x": META, "y": Y, "sample_weight": W}, lambda: batched(META, Y, W),
    lambda: tf_data(META, Y, W), lambda: tf_data(META, Y, W).batch(11), lambda: zip(META, Y, W, strict=True),
    lambda: keras_sequence("keras", META, Y, W), lambda: keras_sequence("tf_keras", META, Y, W),
])
def test_weights_of_samples(make):
    given = open_data(make(), signature=ROWS)
    assert given.train.weights is not None
    by_row = {row.tobytes(): weight for row, weight in zip(META, W, strict=True)}
    for split in (given.train, given.validation, given.test):
        wanted = [by_row[np.asarray(row).tobytes()] for row in split.x]
        np.testing.assert_array_equal(split.weights, np.array(wanted, np.float32))


BARE = {
    "array": lambda: X, "one in a list": lambda: [X], "list of samples": lambda: list(X),
    "generator": lambda: (one for (one,) in batched(X)), "list of batches": lambda: [X[:40], X[40:]],
    "tf.data": lambda: tf_data(X), "by name": lambda: {"x": X}, "without labels": lambda: (X, None),
    "missing axis": lambda: X[..., 0],
    "missing axis in batches": lambda: (one[..., 0] for (one,) in batched(X)),
    "missing axis in samples": lambda: iter(X[..., 0]),
}


@pytest.mark.parametrize("name", BARE)
def test_samples_alone(name):
    found, wanted = open_data(BARE[name](), signature=PICTURES), open_data(X, signature=PICTURES)
    assert found.train.y is None
    for split in ("train", "validation", "test"):
        one, other = getattr(found, split), getattr(wanted, split)
        np.testing.assert_array_equal(found.model_input(one.x), wanted.model_input(other.x))


PAIRS = {
    "tuples": lambda: ((X, META), (Y, BOX)), "lists": lambda: ([X, META], [Y, BOX]),
    "names": lambda: ({"meta": META, "picture": X}, {"box": BOX, "cls": Y}),
    "nested names": lambda: {"x": {"meta": META, "picture": X}, "y": {"box": BOX, "cls": Y}},
    "one level of names": lambda: {"meta": META, "picture": X, "box": BOX, "cls": Y},
    "numbers": lambda: {"x": [X, META], "y": (Y, BOX)},
    "generator": lambda: (((a, b), (c, d)) for a, b, c, d in batched(X, META, Y, BOX)),
    "generator of names": lambda: (
        ({"picture": a, "meta": b}, {"cls": c, "box": d}) for a, b, c, d in batched(X, META, Y, BOX)
    ),
    "tf.data of names": lambda: tf_data({"picture": X, "meta": META}, {"cls": Y, "box": BOX}).batch(8),
    "tf.data of tuples": lambda: tf_data((X, META), (Y, BOX)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_several_inputs_and_outputs(name):
    named = {"x_picture": X, "x_meta": META, "y_cls": Y, "y_box": BOX}
    wanted = read_given(named, DataRequest("it", signature=SEVERAL))
    assert [one.shape[1:] for one in parts(wanted)[0]] == [(6, 5, 1), (4,), (), (2,)]
    same(open_data(PAIRS[name](), signature=SEVERAL), wanted)


def test_labels_of_one_output_only():
    data = open_data(((X, META), {"box": BOX}), signature=SEVERAL)
    assert data.train.y[0] is None
    assert data.train.y[1].shape[1:] == (2,)


@pytest.mark.parametrize("make", [
    lambda: ((META[:60], Y[:60]), (META[60:], Y[60:])),
    lambda: {"train": (META[:60], Y[:60]), "test": tf_data(META[60:], Y[60:])},
    lambda: {"Training": tf_data(META[:60], Y[:60]), "test": iter([(META[60:], Y[60:])])},
    lambda: (tf_data(META[:60], Y[:60]).batch(4), iter([(META[60:], Y[60:])])),
    lambda: {"x_train": META[:60], "y_train": Y[:60], "x_test": META[60:], "y_test": Y[60:]},
])
def test_splits_are_kept(make):
    data = open_data(make(), signature=ROWS)
    np.testing.assert_array_equal(data.test.x, META[60:])
    np.testing.assert_array_equal(data.test.y, Y[60:])
    assert len(data.train) + len(data.validation) == 60


def test_class_names_and_columns_of_unlike_dtypes():
    pd = pytest.importorskip("pandas")
    names = np.array(["cat", "dog", "owl"])[Y]
    mixed = pd.DataFrame({"a": Y, "b": META[:, 0], "c": Y > 0, "d": pd.array(Y, dtype="Int64")})
    for labels in (pd.Series(names), pd.Series(names).astype("category"), names.tolist()):
        data = open_data((mixed, labels), signature=ROWS)
        assert data.labels == ("cat", "dog", "owl")
        by_row = {META[row, 0]: Y[row] for row in range(COUNT)}
        rows = np.asarray(data.train.x, np.float32)
        np.testing.assert_array_equal([by_row[row[1]] for row in rows], data.train.y)
    mixed.loc[3, "d"] = pd.NA
    with pytest.raises(InputError, match="NaN"):
        open_data((mixed, names), signature=ROWS)


def test_a_generator_is_read_once():
    taken = []

    def give():
        for batch in batched(META, Y):
            taken.append(len(batch[0]))
            yield batch

    assert len(open_data(give(), signature=ROWS).train) + 0 < sum(taken) == COUNT


class Endless:
    """Batches for ever."""

    def __init__(self):
        self.taken = 0

    def __iter__(self):
        while True:
            yield from self.once()

    def once(self):
        for batch in batched(META, Y, size=9):
            self.taken += 1
            yield batch


def test_steps_bound_what_does_not_end(monkeypatch):
    monkeypatch.setattr(streams, "MOST_SAMPLES", 500)
    endless = Endless()
    data = open_data(endless, signature=ROWS, settings=steps(steps=10))
    assert endless.taken == 10
    same(data, open_data((META, Y), signature=ROWS))
    same(open_data(tf_data(META, Y).batch(9).repeat(), signature=ROWS, settings=steps(steps=10)), data)
    same(open_data(tf_data(META, Y).repeat(), signature=ROWS, settings=steps(steps=COUNT)), data)
    fewer = open_data(keras_sequence("tf_keras", META, Y), signature=ROWS, settings=steps(steps=4))
    assert len(fewer.train) + len(fewer.validation) + len(fewer.test) == 32
    for given in (Endless(), iter(Endless())):
        with pytest.raises(InputError, match=r"504 samples .* and goes on.*--steps"):
            open_data(given, signature=ROWS)
    with pytest.raises(InputError, match=r"without end.*--steps"):
        open_data(tf_data(META, Y).repeat(), signature=ROWS)


def test_a_length_that_is_told_is_no_reason_to_stop(monkeypatch):
    monkeypatch.setattr(streams, "MOST_SAMPLES", 50)
    for given in (list(batched(META, Y)), tf_data(META, Y).batch(9), keras_sequence("keras", META, Y)):
        assert len(open_data(given, signature=ROWS).test) > 0


@pytest.mark.parametrize(("given", "message"), [
    (3, "gives int"), (b"abc", "gives bytes"), (object(), "gives object"),
    ({}, "holds nothing"), ((), "no samples|gives"), (iter(()), "gives no samples"),
    ((META, Y[:5]), "samples and labels: 90, 5"), ((META, Y, W[:3]), "samples and labels: 90, 90, 3"),
    ((META, Y, np.full(COUNT, -1.0)), "weights"), ([[1, 2], [3]], "make no array"),
    ({"train": (META, Y), "dev": (META, Y), "valid": (META, Y)}, "Rename"),
    (iter([(META[:5], Y[:5]), META[5:9]]), "different parts"), ((one for one in [{}]), "nothing|gives"),
    (({"a": META, "b": META}, Y), r"gives a, b for the model's inputs"),
    ((np.array([{}, []], object), [1, 2]), "Python objects"),
])
def test_what_is_no_data_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        open_data(given, signature=ROWS)


def test_samples_of_different_lengths_are_refused_in_plain_words():
    uneven = [[0.0] * (1 + row % 3) for row in range(len(META))]
    for given in ((META, uneven), (uneven, Y)):
        with pytest.raises(InputError, match=r"samples of different lengths\. Expected NumPy") as refused:
            open_data(given, signature=ROWS)
        assert "inhomogeneous" not in str(refused.value)
    ragged = pytest.importorskip("tensorflow").ragged.constant(uneven)
    with pytest.raises(InputError, match=r"gives a RaggedTensor\..*Convert it with to_tensor\(\)"):
        open_data((META, ragged), signature=ROWS)


def test_names_that_the_model_does_not_have():
    with pytest.raises(InputError, match=r"gives picture, other for the model's inputs.*picture, meta"):
        open_data(({"picture": X, "other": META}, (Y, BOX)), signature=SEVERAL)



def test_the_users_own_error_is_told():
    def fails():
        yield META[:5], Y[:5]
        raise RuntimeError("the camera is away")

    with pytest.raises(InputError, match="The data in memory failed: RuntimeError: the camera is away"):
        open_data(fails(), signature=ROWS)


@pytest.mark.parametrize(("shape", "expected", "alone"), [
    ((28, 28, 1), (28, 28, 1), True), ((32, 28, 28, 1), (28, 28, 1), False), ((28, 28), (28, 28, 1), True),
    ((32, 28, 28), (28, 28, 1), False), ((28, 28, 28), (28, 28, 1), False), ((1, 28, 28), (28, 28, 1), False),
    ((4,), (4,), True), ((7, 4), (4,), False), ((32,), (1,), False), ((), (1,), True), ((), (), True),
    ((32,), (), False), ((9, 3), (None, 3), True), ((2, 9, 3), (None, 3), False), ((9,), (None,), True),
    ((2, 9), (None,), False), ((None, 4), (4,), False), ((None,), (1,), False),
    ((None, None), (None,), False),
    ((None,), (None,), True), ((1, 28, 28, 1), (28, 28, 1), False), ((3,), (3,), True),
])
def test_a_sample_is_told_from_a_batch(shape, expected, alone):
    assert is_sample(shape, expected) == alone


def test_a_request_keeps_its_seed():
    one, other = (open_data((META, Y), signature=ROWS, seed=seed) for seed in (1, 2))
    assert not np.array_equal(one.test.x, other.test.x)
    assert dataclasses.replace(DataRequest("it"), seed=3).seed == 3


@pytest.mark.parametrize("make", [
    lambda: (X, Y, W), lambda: batched(X, Y, W), lambda: {"x_train": X, "y_train": Y, "w_train": W},
    lambda: ((X[:60], Y[:60]), (X[60:], Y[60:])), lambda: X,
])
def test_other_processes_read_the_same(make, tmp_path):
    reader = ContainerReader("it", PICTURES)
    for name in ("one.npz", "other.npz"):
        save_given(make(), tmp_path / name, reader)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()
    same(open_data(tmp_path / "one.npz", signature=PICTURES), open_data(make(), signature=PICTURES))


def test_other_processes_read_all_inputs_and_outputs(tmp_path):
    save_given(((X, META), {"box": BOX}), tmp_path / "data.npz", ContainerReader("it", SEVERAL))
    found = open_data(tmp_path / "data.npz", signature=SEVERAL)
    same(found, open_data(((X, META), {"box": BOX}), signature=SEVERAL))
    assert found.train.y[0] is None
