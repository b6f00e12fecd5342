"""The loss that gradients are of, and the labels that it takes."""

import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.keras_bridge.gradients import gradients
from edgeprune.keras_bridge.prune import prune
from edgeprune.keras_bridge.read import read


@pytest.fixture(scope="module")
def keras_package():
    return pytest.importorskip("tf_keras")


def test_class_numbers_label_logits_and_probabilities_alike(keras_package):
    k = keras_package
    inputs = k.Input((4,))
    logits = k.layers.Dense(3)(k.layers.Dense(8, activation="tanh", name="hidden")(inputs))
    data = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
    labels = np.array([0, 1, 2, 0, 1, 2])
    ends = (k.Model(inputs, logits), k.Model(inputs, k.layers.Softmax()(logits)))
    one, other = (next(iter(gradients(read(model), data, labels)))["hidden"] for model in ends)
    np.testing.assert_allclose(one[0], other[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [9, 9]])
def test_labels_that_the_outputs_have_no_place_for_are_refused(keras_package, labels):
    k = keras_package
    inputs = k.Input((2, 4))
    x = k.layers.Dense(8, activation="relu")(inputs)
    model = k.Model(inputs, k.layers.Dense(3, activation="softmax")(x))
    data = np.ones((len(labels), 2, 4), "float32")
    with pytest.raises(InputError, match=r"labels .* shape \(2,\)"):
        prune(model, 0.5, calibration=data, labels=np.array(labels), criterion="taylor")
    with pytest.raises(InputError, match="labels go from 9 to 9"):
        prune(model, 0.5, calibration=data, labels=np.full(data.shape[:2], 9), criterion="taylor")
    model = k.Model(inputs, k.layers.Dense(3)(x))
    with pytest.raises(InputError, match=r"labels .* \(2, 3\)"):
        prune(model, 0.5, calibration=data, labels=np.array(labels), criterion="taylor")
