"""`prune` takes calibration samples in every form, and removes the same neurons."""

import itertools

import numpy as np
import pytest

import edgeprune
from edgeprune.errors import InputError
from edgeprune.keras_bridge import calibration
from edgeprune.keras_bridge.calibration import calibration_of

X = np.random.default_rng(0).random((60, 4), np.float32)
META = np.random.default_rng(1).random((60, 2), np.float32)
Y = np.arange(60) % 3


@pytest.fixture(scope="module")
def model():
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(16, activation="relu"), keras.layers.Dense(3, activation="softmax")]
    return keras.Sequential([keras.Input((4,), name="x"), *layers])


@pytest.fixture(scope="module")
def two_inputs():
    import keras

    keras.utils.set_random_seed(0)
    rows, meta = keras.Input((4,), name="rows"), keras.Input((2,), name="meta")
    hidden = keras.layers.Dense(16, activation="relu")(keras.layers.Concatenate()([rows, meta]))
    return keras.Model([rows, meta], keras.layers.Dense(3)(hidden))


def batched(*arrays):
    for start in range(0, 60, 7):
        yield tuple(array[start : start + 7] for array in arrays)


def forms():
    import tensorflow as tf

    yield (X, Y)
    yield (X, Y, np.ones(60))
    yield batched(X, Y)
    yield tf.data.Dataset.from_tensor_slices((X, Y)).batch(9)
    yield tf.data.Dataset.from_tensor_slices(X)
    yield list(batched(X))
    yield iter(X)


def test_one_input_in_every_form(model):
    for form in forms():
        found, _ = calibration_of(model, form)
        np.testing.assert_array_equal(found, X)
    pd = pytest.importorskip("pandas")
    for form in (pd.DataFrame(X), (pd.DataFrame(X), pd.Series(Y))):
        np.testing.assert_array_equal(calibration_of(model, form)[0], X)


def test_labels_stand_beside_samples(model):
    np.testing.assert_array_equal(calibration_of(model, batched(X, Y))[1], Y)
    np.testing.assert_array_equal(calibration_of(model, (X, Y), Y[::-1])[1], Y[::-1])
    assert calibration_of(model, (X, np.eye(3)[Y]))[1] is None


def test_several_inputs(two_inputs):
    for form in (
        ((X, META), Y), batched(X, META) and (((a, b), c) for a, b, c in batched(X, META, Y)),
        ({"meta": META, "rows": X}, Y), ({"rows": a, "meta": b} for a, b in batched(X, META)),
    ):
        found, _ = calibration_of(two_inputs, form)
        for array, wanted in zip(found, (X, META), strict=True):
            np.testing.assert_array_equal(array, wanted)
    for plain in ([X, META], (X, META), {"rows": X, "meta": META}):
        assert calibration_of(two_inputs, plain)[0] is plain


def test_what_does_not_end_is_read_in_part(model, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(calibration, "MOST_SAMPLES", 60)
    endless = tf.data.Dataset.from_tensor_slices((X, Y)).batch(20).repeat()
    for form in (endless, ((X[:20], Y[:20]) for _ in itertools.count())):
        assert len(calibration_of(model, form)[0]) == 60


@pytest.mark.heavy
def test_the_same_neurons_go(model):
    wanted = edgeprune.prune(model, 0.5, calibration=X, seed=1).model.get_weights()
    found = edgeprune.prune(model, 0.5, calibration=batched(X, Y), seed=1).model.get_weights()
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def test_what_is_no_data_is_refused(model):
    with pytest.raises(InputError, match="calibration data gives no samples"):
        calibration_of(model, iter(()))

    def fails():
        yield X[:3]
        raise OSError("away")

    with pytest.raises(InputError, match="calibration data failed: OSError: away"):
        calibration_of(model, fails())
