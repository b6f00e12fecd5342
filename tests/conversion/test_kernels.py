"""Attention and layer normalization have no fast int8 kernels; weights do."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

from edgeprune import conversion
from edgeprune.conversion import QuantizeOptions, Validation, convert, flatfile, quantize, quantize_for_timing
from edgeprune.conversion.candidates import CandidateSet
from edgeprune.conversion.kernels import slow_operators

X = np.random.default_rng(1).integers(0, 50, (60, 24)).astype(np.int32)


@pytest.fixture(scope="module")
def encoder():
    """Vectors, one block of attention, the mean."""
    import tf_keras

    tf_keras.utils.set_random_seed(2)
    layers = tf_keras.layers
    given = layers.Input((24,), dtype="int32", name="given")
    x = layers.Embedding(50, 32, name="table")(given)
    x = layers.Add()([x, layers.MultiHeadAttention(2, 16, name="heads")(x, x)])
    x = layers.LayerNormalization(name="norm")(x)
    x = layers.Dense(64, "relu", name="inner")(x)
    outputs = layers.Dense(3, "softmax", name="kind")(layers.GlobalAveragePooling1D()(x))
    return tf_keras.Model(given, outputs)


def kinds(tflite, integer):
    """Operators that give int8, or those that give float."""
    from ai_edge_litert import schema_py_generated as schema

    wanted = schema.TensorType.INT8 if integer else schema.TensorType.FLOAT32
    tree = flatfile.parse(tflite)
    tensors = tree.subgraphs[0].tensors
    return {name for name, op in flatfile.named_operators(tree) if tensors[op.outputs[0]].type == wanted}


def test_arithmetic_between_weights_runs_in_float_where_int8_is_slow(encoder):
    float_file = convert(encoder, "none", (X,)).tflite
    y = conversion.run_tflite(float_file, (X,)).argmax(-1)
    done = quantize(encoder, QuantizeOptions(), X[:30], Validation((X,), y))
    assert done.attempts[2].name == "int8, float where that is slow"
    assert done.attempts[2].detail.startswith("no fast int8 kernel for BATCH_MATMUL, RSQRT, SOFTMAX")
    assert kinds(done.result.tflite, integer=True) <= {"FULLY_CONNECTED", "GATHER", "QUANTIZE"}
    assert {"BATCH_MATMUL", "RSQRT", "SOFTMAX"} <= kinds(done.result.tflite, integer=False)
    assert len(done.result.tflite) < 0.5 * len(float_file)
    assert done.validation.drop_fraction <= 0.05


def test_files_that_are_only_timed_have_the_same_operators(encoder):
    made = quantize_for_timing(encoder, QuantizeOptions(), (X,))
    done = quantize(encoder, QuantizeOptions(max_quantization_drop=100), (X,), Validation((X,)))
    assert made.operators == done.result.operators
    assert quantize_for_timing(encoder, QuantizeOptions("float16"), (X,)).mode == "float16"


def test_a_slow_operator_between_layers_is_alone_in_float():
    import tf_keras

    layers = tf_keras.layers
    given = layers.Input((8, 8, 3), name="given")
    x = layers.AveragePooling2D(2)(layers.Conv2D(4, 3, padding="same", activation="relu")(given))
    x = layers.Add()([layers.Conv2D(5, 1)(x), layers.Conv2D(5, 1)(x)])
    model = tf_keras.Model(given, layers.Softmax()(layers.Flatten()(x)))
    images = np.random.default_rng(4).normal(size=(40, 8, 8, 3)).astype(np.float32)
    for io in ("float", "int8"):
        done = quantize(model, QuantizeOptions(io=io), images[:20], Validation((images,)))
        assert "no fast int8 kernel for AVERAGE_POOL_2D" in [one.detail for one in done.attempts]
        # Which candidate ships is decided by measured size and latency; how this one is made is not.
        made = quantize_for_timing(model, QuantizeOptions(io=io), (images[:20],))
        assert "AVERAGE_POOL_2D" not in kinds(made.tflite, integer=True)
        assert {"ADD", "CONV_2D"} <= kinds(made.tflite, integer=True)


def test_a_model_of_fast_operators_stays_in_int8():
    import tf_keras

    layers = tf_keras.layers
    given = layers.Input((8, 8, 3), name="given")
    x = layers.MaxPooling2D(2)(layers.Conv2D(4, 3, padding="same", activation="relu")(given))
    model = tf_keras.Model(given, layers.Dense(5, "softmax")(layers.GlobalAveragePooling2D()(x)))
    images = np.random.default_rng(4).normal(size=(40, 8, 8, 3)).astype(np.float32)
    made = quantize_for_timing(model, QuantizeOptions(), (images,))
    assert slow_operators(convert(model, "int8", (images,)).tflite) == ()
    assert made.route == "tensorflow"


def test_outputs_that_are_not_numbers_lose_everything(encoder):
    reference = convert(encoder, "none", (X,))
    outputs = conversion.run_tflite(reference.tflite, (X,))
    candidates = CandidateSet(np.where(np.arange(3) == 1, np.nan, outputs), Validation((X,)), 0.5)
    assert candidates.attempt("first", lambda: reference).lost_points == 100
    assert not candidates.good_enough()
