"""The softmax behind an int8 graph: in float where floats are read, untouched where integers are."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

from edgeprune import conversion
from edgeprune.conversion import flatfile


@pytest.fixture(scope="module")
def network():
    import tf_keras

    layers = tf_keras.layers
    inputs = layers.Input((12, 12, 2), name="picture")
    x = layers.Flatten()(layers.Conv2D(6, 3, activation="relu")(inputs))
    logits = layers.Dense(5, name="logits")(x)
    model = tf_keras.Model(inputs, layers.Softmax(name="kind")(logits))
    rng = np.random.default_rng(4)
    model.set_weights([rng.normal(0, 0.3, array.shape) for array in model.get_weights()])
    return model, rng.random((40, 12, 12, 2), dtype=np.float32)


def operators(converted):
    return [name for name, _ in flatfile.named_operators(flatfile.parse(converted.tflite))]


@pytest.mark.parametrize("mode", ["int8", "int16x8"])
def test_probabilities_are_those_of_the_logits_that_the_file_computes(network, mode):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    model, x = network
    converted = conversion.convert(model, mode, x)
    assert operators(converted)[-2:] == ["DEQUANTIZE", "SOFTMAX"]
    plain = Interpreter(
        model_content=converted.tflite, experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    plain.allocate_tensors()
    dense = next(op for op in plain._get_ops_details() if op["op_name"] == "FULLY_CONNECTED")
    logits = int(dense["outputs"][0])
    scale, zero = next(t for t in plain.get_tensor_details() if t["index"] == logits)["quantization"]
    for sample in x[:8]:
        plain.set_tensor(plain.get_input_details()[0]["index"], sample[None])
        plain.invoke()
        raised = np.exp((plain.get_tensor(logits).astype(np.float64) - zero) * scale)
        found = plain.get_tensor(plain.get_output_details()[0]["index"])
        np.testing.assert_allclose(found, raised / raised.sum(), rtol=0, atol=1e-6)
        assert len(np.unique(np.round(found * 256, 3) % 1)) > 1  # no multiples of 1/256


def test_one_delegate_runs_all_of_it(network):
    from ai_edge_litert.interpreter import Interpreter

    model, x = network
    whole = Interpreter(model_content=conversion.convert(model, "int8", x).tflite)
    whole.allocate_tensors()
    assert sum(op["op_name"] == "DELEGATE" for op in whole._get_ops_details()) == 1


def test_integer_outputs_stay_integers(network):
    model, x = network
    converted = conversion.convert(model, "int8", x, io="int8")
    assert operators(converted)[-1] == "SOFTMAX"
    assert converted.outputs[0].dtype == "int8"


def test_a_softmax_that_others_read_too_stays(network):
    import tf_keras

    model, x = network
    attention = model.output
    read_twice = tf_keras.layers.Dense(3, name="later")(attention)
    both = tf_keras.Model(model.input, [attention, read_twice])
    converted = conversion.convert(both, "int8", x)
    names = operators(converted)
    assert names.index("SOFTMAX") < names.index("DEQUANTIZE")
    expected = both.predict(x[:8], verbose=0)
    for found, wanted in zip(conversion.run_tflite(converted.tflite, x[:8]), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=0.03)
