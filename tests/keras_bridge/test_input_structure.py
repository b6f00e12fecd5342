"""Models on dictionaries of inputs and outputs go by the names, in both versions of Keras."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

import edgeprune
from edgeprune import conversion
from edgeprune.keras_bridge.clone import clone
from edgeprune.keras_bridge.input_structure import as_taken
from edgeprune.training.fine_tune import FineTuning, fine_tune
from edgeprune.training.objective import training_objective
from edgeprune.training.prediction import predict

NAMES = ("wide", "narrow", "apple")


def named_model(keras, *, several=True):
    """Names that do not stand in the order of the alphabet; each input and output by its own weights."""
    layers = keras.layers
    keras.utils.set_random_seed(5)
    given = {name: keras.Input((4,), name=name) for name in (NAMES if several else NAMES[:1])}
    read = [layers.Dense(6, "relu", name=f"of_{name}")(one) for name, one in given.items()]
    x = layers.Concatenate()(read) if several else read[0]
    outputs = {"zebra": layers.Dense(2, name="z")(x), "ant": layers.Dense(2, name="a")(x)}
    return keras.Model(given, outputs)


def kerases():
    import keras
    import tf_keras

    return {"keras": keras, "tf_keras": tf_keras}


def drawn(several):
    rng = np.random.default_rng(1)
    return {name: rng.normal(size=(20, 4)).astype(np.float32) for name in (NAMES if several else NAMES[:1])}


@pytest.mark.parametrize("version", ["keras", "tf_keras"])
@pytest.mark.parametrize("several", [True, False])
def test_arrays_reach_the_inputs_of_their_names(version, several):
    model, data = named_model(kerases()[version], several=several), drawn(several)
    expected = model.predict(data, verbose=0)
    arrays = tuple(data[name] for name in sorted(data))
    given = arrays if several else arrays[0]
    assert set(as_taken(model, given)) == set(data)
    predictions = predict(model, given)
    converted = conversion.convert(model, "none")
    assert [info.name for info in converted.inputs] == sorted(data)
    found = conversion.run_tflite(converted.tflite, arrays)
    names = [info.name for info in converted.outputs]
    for number, key in enumerate(sorted(expected)):
        np.testing.assert_allclose(predictions[number], expected[key], rtol=0, atol=1e-6)
        np.testing.assert_allclose(found[number], expected[key], rtol=0, atol=1e-5)
    assert len(names) == 2


@pytest.mark.parametrize("version", ["keras", "tf_keras"])
def test_a_pruned_model_is_called_by_the_same_names(version):
    model, data = named_model(kerases()[version]), drawn(several=True)
    pruned = edgeprune.prune(model, 0.5, calibration=[data[name] for name in sorted(data)]).model
    outputs = pruned.predict(data, verbose=0)
    assert {key: value.shape for key, value in outputs.items()} == {"zebra": (20, 2), "ant": (20, 2)}
    assert pruned.count_params() < model.count_params()


@pytest.mark.parametrize("version", ["keras", pytest.param("tf_keras", marks=pytest.mark.heavy)])
def test_targets_reach_the_outputs_of_a_dictionary(version):
    """The teacher's outputs differ, so that targets that were mixed up could not be met."""
    teacher, data = named_model(kerases()[version]), drawn(several=True)
    arrays = tuple(data[name] for name in sorted(data))
    student = clone(teacher)
    for layer in student.layers:
        layer.set_weights([array * 0.9 for array in layer.get_weights()])
    wanted = predict(teacher, arrays)
    objective = training_objective(teacher, wanted, None, 1.0)
    before = [np.abs(a - b).mean() for a, b in zip(predict(student, arrays), wanted, strict=True)]
    fine_tune(student, teacher, [(arrays, None, None)] * 20, FineTuning(20, 20, 0.01), objective, None)
    after = [np.abs(a - b).mean() for a, b in zip(predict(student, arrays), wanted, strict=True)]
    assert (np.array(after) < 0.7 * np.array(before)).all()


def test_a_list_stays_a_list():
    import tf_keras

    inputs = [tf_keras.Input((2,)), tf_keras.Input((3,))]
    model = tf_keras.Model(inputs, tf_keras.layers.Concatenate()(inputs))
    arrays = [np.zeros((1, 2)), np.zeros((1, 3))]
    assert as_taken(model, arrays) is arrays
