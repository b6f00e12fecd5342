"""Predictions of samples that are read from disk are those of the same samples in memory."""

import numpy as np
import pytest

from edgeprune.data.streamed import Streamed
from edgeprune.training.prediction import predict

_random = np.random.default_rng(0)
PICTURES, NUMBERS = (_random.normal(size=(600, width)).astype(np.float32) for width in (6, 3))


def streamed(array: np.ndarray, read: list[int]) -> Streamed:
    def rows(places: np.ndarray) -> np.ndarray:
        read.append(len(places))
        return array[places]

    return Streamed(len(array), rows)


def keras_of(name: str):
    import keras
    import tf_keras

    return {"tf_keras": tf_keras, "keras": keras}[name]


@pytest.mark.parametrize("name", ["tf_keras", "keras"])
def test_streamed_samples_are_predicted_as_those_in_memory(name):
    keras = keras_of(name)
    layers, read = keras.layers, list[int]()
    keras.utils.set_random_seed(0)
    one, other = keras.Input((6,), name="picture"), keras.Input((3,), name="number")
    joined = layers.Concatenate()([layers.Dense(4, activation="tanh")(one), layers.Dense(2)(other)])
    ends = {"first": layers.Dense(2, name="first")(joined), "second": layers.Dense(3, name="second")(joined)}
    model = keras.Model({"number": other, "picture": one}, ends)
    by_name = {"number": NUMBERS, "picture": PICTURES}
    order = tuple(by_name[one.name.partition(":")[0]] for one in model.inputs)
    held = predict(model, order)
    found = predict(model, tuple(streamed(part, read) for part in order))
    assert sorted(part.shape for part in found) == [(600, 2), (600, 3)]
    for expected, part in zip(held, found, strict=True):
        np.testing.assert_allclose(part, expected, rtol=0, atol=1e-6)
    assert max(read) <= 256
    assert sum(read) >= 1200


@pytest.mark.parametrize("name", ["tf_keras", "keras"])
def test_one_streamed_input_beside_one_in_memory(name):
    keras = keras_of(name)
    one, other = keras.Input((6,)), keras.Input((3,))
    model = keras.Model([one, other], keras.layers.Concatenate()([one, other]))
    (found,) = predict(model, (streamed(PICTURES, []), NUMBERS))
    np.testing.assert_array_equal(found, np.concatenate([PICTURES, NUMBERS], axis=1))


@pytest.mark.parametrize("name", ["tf_keras", "keras"])
def test_one_input(name):
    keras = keras_of(name)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Rescaling(2.0)])
    (found,) = predict(model, streamed(PICTURES, []))
    np.testing.assert_array_equal(found, 2 * PICTURES)
