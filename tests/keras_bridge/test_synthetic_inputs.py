"""Without data, inputs are made up that the model can be run on."""

import numpy as np
import pytest

from edgeprune.keras_bridge.prune import prune
from edgeprune.keras_bridge.read import read
from edgeprune.keras_bridge.shrink import RANDOM_SAMPLES, shrink
from edgeprune.keras_bridge.synthetic_inputs import synthetic_inputs


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_samples_are_made_up_as_long_as_the_model_needs(package):
    """An encoder of raw sound makes its first frame of 100 samples; of fewer it makes nothing."""
    k = pytest.importorskip(package)
    inputs = x = k.Input((None, 1))
    for stride in (10, 10):
        x = k.layers.Conv1D(6, stride, strides=stride, activation="relu")(x)
    model = k.Model(inputs, [k.layers.Dense(3)(k.layers.GlobalAveragePooling1D()(x)), k.layers.Dense(2)(x)])
    assert prune(model, 0.5).report.equivalence.holds
    assert shrink(model).report.equivalence.samples == 2 * RANDOM_SAMPLES


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_without_data_words_are_made_up(package):
    k = pytest.importorskip(package)
    inputs = k.Input((3,), dtype="string")
    x = k.layers.Embedding(6, 5)(k.layers.StringLookup(vocabulary=["on", "off"], name="words")(inputs))
    x = k.layers.Add()([x, k.layers.Embedding(9, 5)(k.layers.Hashing(9)(inputs))])
    model = k.Model(inputs, k.layers.Dense(2)(k.layers.Flatten()(x)))
    (made,) = synthetic_inputs(read(model), 100, seed=0)
    assert {"on", "off", "7"} < set(np.unique(made.astype(str)))
    assert prune(model, 0.4).report.equivalence.holds
    assert shrink(model).report.removals == ()


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_without_data_tokens_are_made_up_for_a_nested_embedding(package):
    """The outer input has Keras' own default type, float32."""
    k = pytest.importorskip(package)
    inner = k.Sequential([k.layers.Embedding(10, 6, mask_zero=True), k.layers.LSTM(5)])
    tokens = k.Input((7,))
    model = k.Model(tokens, k.layers.Dense(3)(inner(k.layers.Reshape((7,))(tokens))))
    (made,) = synthetic_inputs(read(model), 50, seed=0)
    assert set(np.unique(made)) == set(range(10))
    assert prune(model, 0.4).report.equivalence.holds
