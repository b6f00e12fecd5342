"""Attention and layer normalization have no fast int8 kernels; weights do."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

from edgeprune import conversion
from edgeprune.conversion import QuantizeOptions, Validation, as_timed, convert, flatfile, quantize
from edgeprune.conversion.activations import operator_outputs
from edgeprune.conversion.kernels import between_weights, slow_operators
from edgeprune.conversion.trial import Trial

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
    graph, names = tree.subgraphs[0], [flatfile.operator_name(code) for code in tree.operatorCodes]
    return {
        names[op.opcodeIndex] for op in graph.operators if graph.tensors[op.outputs[0]].type == wanted
    }


def test_operators_without_fast_kernels_run_in_float_where_that_is_faster(encoder):
    float_file = convert(encoder, "none", (X,)).tflite
    y = conversion.run_tflite(float_file, (X,)).argmax(-1)
    done = quantize(encoder, QuantizeOptions(), X[:30], Validation((X,), y))
    slow, between = done.steps[2:4]
    assert slow.name == "int8, slow operators in float"
    assert between.name == "int8 weights, float between"
    assert "BATCH_MATMUL" in slow.detail
    assert "RSQRT" in slow.detail
    # Which of them is faster is the machine's to say.
    chosen = next(one for one in done.steps if one.chosen)
    if chosen in (slow, between):
        assert {"BATCH_MATMUL", "RSQRT", "SOFTMAX"} <= kinds(done.result.tflite, integer=False)
        assert slow_operators(done.result.tflite) == ()
    if chosen is between:
        assert kinds(done.result.tflite, integer=True) <= {"FULLY_CONNECTED", "GATHER", "QUANTIZE"}
    assert len(done.result.tflite) < 0.5 * len(float_file)
    assert done.validation.drop_fraction <= 0.05


def test_files_that_are_only_timed_have_the_form_of_the_original(encoder):
    made = as_timed(QuantizeOptions(), (X,), encoder)(encoder)
    done = quantize(encoder, QuantizeOptions(max_quantization_drop=100), (X,), Validation((X,)))
    assert slow_operators(made.tflite) == slow_operators(done.result.tflite)
    assert as_timed(QuantizeOptions("float16"), (X,), encoder)(encoder).mode == "float16"


def test_operators_between_weights_are_those_without(encoder):
    tflite = convert(encoder, "none", (X,)).tflite
    found = {one.tensor: one.operator for one in operator_outputs(flatfile.parse(tflite))}
    between = [found[name] for name in between_weights(tflite)]
    assert {"ADD", "BATCH_MATMUL", "MEAN", "RSQRT", "SOFTMAX"} <= set(between)
    assert len(between) + sum(one in ("FULLY_CONNECTED", "GATHER") for one in found.values()) == len(found)


def test_only_a_clearly_faster_file_takes_the_place_of_others(encoder):
    reference, small = convert(encoder, "none", (X,)), convert(_sum(), "none", (X,))
    trial = Trial(conversion.run_tflite(reference.tflite, (X,)), Validation((X,)), 0.5)
    first = trial.attempt("first", lambda: reference)
    again = trial.attempt("again", lambda: reference)
    assert not trial.prefer_faster(again)
    assert trial.candidates == [first]
    faster = trial.attempt("faster", lambda: small)
    assert trial.prefer_faster(faster)
    assert trial.candidates == [faster]


def _sum():
    """Far less to do than the encoder has."""
    import tf_keras

    layers = tf_keras.layers
    given = tf_keras.Input((24,), dtype="int32")
    numbers = layers.Flatten()(layers.Embedding(50, 1)(given))
    return tf_keras.Model(given, layers.Dense(3, "softmax")(numbers))


def test_outputs_that_are_not_numbers_lose_everything(encoder):
    reference = convert(encoder, "none", (X,))
    outputs = conversion.run_tflite(reference.tflite, (X,))
    trial = Trial(np.where(np.arange(3) == 1, np.nan, outputs), Validation((X,)), 0.5)
    assert trial.attempt("first", lambda: reference).lost_points == 100
    assert not trial.good_enough()
