"""The smaller model has the original's values, whatever its layers make their variables from."""

import dataclasses
import importlib

import numpy as np
import pytest

import edgeprune
from edgeprune.errors import VerificationError
from edgeprune.keras_bridge.build import build
from edgeprune.keras_bridge.float32 import reading_in_float32
from edgeprune.keras_bridge.nodes import policy_of
from edgeprune.keras_bridge.read import read
from edgeprune.keras_bridge.run import predict
from edgeprune.pruning.compaction import compact
from edgeprune.pruning.dependencies import find_dependencies
from tests.layers.pruned import prune, with_weights

keras = importlib.import_module("keras")


def _samples():
    return [np.random.default_rng(2).normal(size=(3, 6, 4)).astype("float32")]


def test_no_initializer_runs_in_keras3(monkeypatch):
    """Random values that are assigned over would be a third of the time of building."""
    drawn = []
    initializer = keras.initializers.GlorotUniform
    original = initializer.__call__
    monkeypatch.setattr(
        initializer, "__call__", lambda *args, **kwargs: drawn.append(args) or original(*args, **kwargs)
    )
    inputs = keras.Input((6, 4))
    part = keras.Sequential([keras.Input((6, 4)), keras.layers.Dense(8, activation="tanh")])
    model = with_weights(keras.Model(inputs, keras.layers.Dense(3)(part(inputs))), seed=1)
    assert len(drawn) == 2
    pruned = prune(model, _samples())
    pruned.check()
    drawn.clear()
    build(pruned.reading, compact(pruned.dependencies, pruned.keep))
    assert not drawn


def _value_in_build():
    class Scaled(keras.layers.Layer):
        def build(self, shape):
            self.scale = keras.Variable(np.linspace(1, 2, shape[-1]).astype("float32"), name="scale")
            self.built = True

        def call(self, x):
            return x * self.scale

    return Scaled(name="scaled")


@pytest.mark.parametrize("makes", ["a stateful layer", "a layer of the user's own"])
def test_variables_made_from_values(makes):
    inputs = keras.Input(batch_shape=(3, 6, 4))
    x = keras.layers.Dense(8, activation="tanh", name="before")(inputs)
    layer = _value_in_build() if makes == "a layer of the user's own" else keras.layers.GRU(5, stateful=True)
    x = keras.layers.Dense(7, activation="tanh", name="after")(layer(x))
    model = with_weights(keras.Model(inputs, keras.layers.Dense(3)(x)), seed=1)
    assert len(find_dependencies(read(model).graph).groups) >= 1
    prune(model, _samples()).check()


@pytest.fixture(params=["keras", "tf_keras"])
def k(request):
    return importlib.import_module(request.param)


def _kept_whole(model):
    reading = read(model)
    units = find_dependencies(reading.graph)
    return build(reading, compact(units, np.ones(units.count, bool)))


def _called(model, x):
    """By Keras itself, which reads no graph."""
    found = model(x)
    return [np.asarray(one) for one in (found if isinstance(found, (list, tuple)) else [found])]


def test_adapted_normalization_keeps_its_statistics(k):
    """Keras 3 derives what the layer uses when it loads weights, not when they are set."""
    x = np.random.default_rng(0).normal(5, 2, (64, 4)).astype("float32")
    norm = k.layers.Normalization()
    norm.adapt(x)
    inputs = k.Input((6, 4))
    inner = k.Sequential([k.Input((4,)), norm])
    y = k.layers.Dense(8, activation="tanh")(k.layers.TimeDistributed(inner)(inputs))
    model = k.Model(inputs, k.layers.Dense(3)(y))
    samples = _samples()[0] + 5
    # The same operations on the same values: nothing may differ.
    np.testing.assert_array_equal(_called(_kept_whole(model), samples)[0], _called(model, samples)[0])
    prune(with_weights(model, seed=1), [samples]).check()


def test_a_layer_of_another_size_than_its_weights_is_named(k):
    """And leaves nothing behind that would stop the next model."""
    inputs = k.Input((4,))
    model = k.Model(inputs, k.layers.Dense(3, name="last")(k.layers.Dense(8, name="first")(inputs)))
    reading = read(model)
    units = find_dependencies(reading.graph)
    wrong = dataclasses.replace(compact(units, np.ones(units.count, bool)), configs={"first": {"units": 5}})
    with pytest.raises(VerificationError, match=r"Layer 'first' has a weight of shape \(4, 5\)"):
        build(reading, wrong)
    assert _kept_whole(model).count_params() == model.count_params()


def test_a_layer_that_refuses_its_inputs_is_named(k):
    class Once(k.layers.Layer):
        copied = False

        @classmethod
        def from_config(cls, config):
            layer = cls(**config)
            layer.copied = True
            return layer

        def call(self, x):
            if self.copied:
                raise RuntimeError("this is a copy")
            return x

    inputs = k.Input((4,))
    model = k.Model(inputs, k.layers.Dense(3)(Once(name="once")(inputs)))
    with pytest.raises(VerificationError, match=r"Layer 'once' of class Once .*this is a copy"):
        _kept_whole(model)


def test_dictionaries_between_nested_models(k):
    """Keras flattens them by key, whatever the order they were written in."""
    layers, inputs = k.layers, k.Input((6,))
    two = k.Model(inputs, {"z": layers.Dense(5, activation="tanh")(inputs), "a": layers.Dense(5)(inputs)})
    first, second = k.Input((6,), name="first"), k.Input((6,), name="second")
    difference = layers.Subtract()([layers.Dense(5)(first), layers.Dense(5, activation="tanh")(second)])
    one = k.Model({"second": second, "first": first}, difference)
    x = k.Input((4,))
    found = two(layers.Dense(6, activation="tanh")(x))
    given = {"second": layers.Dense(6, activation="tanh")(x), "first": layers.Dense(6)(x)}
    ends = [layers.Dense(3)(found["a"]), layers.Dense(2)(found["z"]), layers.Dense(3)(one(given))]
    model = with_weights(k.Model(x, ends), seed=1)
    samples = np.random.default_rng(2).normal(size=(3, 4)).astype("float32")
    expected = _called(model, samples)
    for own in (_called(_kept_whole(model), samples), predict(read(model), [samples])):
        for mine, theirs in zip(own, expected, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-5)
    pruned = prune(model, [samples])
    pruned.check()
    own = predict(read(pruned.model), [samples])
    for mine, theirs in zip(own, _called(pruned.model, samples), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "options", "data", "dtype"),
    [
        ("IntegerLookup", {}, [9, 8, 7, 1, 2, 3, 4], "int64"),
        ("StringLookup", {}, ["no", "on", "off", "up", "go", "left"], "string"),
        ("TextVectorization", {"output_sequence_length": 2}, ["go on", "go off", "left no", "up"], "string"),
        ("Discretization", {"num_bins": 5}, np.linspace(0, 9, 10, dtype="float32"), "float32"),
    ],
)
def test_what_is_adapted_stays(k, layer, options, data, dtype):
    """Words are in no configuration, and weights of no shape or in none; bins are made of a summary."""
    adapted = getattr(k.layers, layer)(**options)
    adapted.adapt(np.array(data))
    inputs = k.Input((1,), dtype=dtype)
    x = k.layers.Dense(4)(k.layers.Flatten()(k.layers.Embedding(12, 6)(adapted(inputs))))
    model = k.Model(inputs, k.layers.Dense(3)(x))
    samples = pytest.importorskip("tensorflow").constant(np.array(data)[:, None])
    np.testing.assert_array_equal(_called(_kept_whole(model), samples)[0], _called(model, samples)[0])
    assert edgeprune.prune(model, 0.5).report.equivalence.holds


@pytest.mark.parametrize("policy", ["mixed_float16", "float32"])
def test_a_lambda_computes_in_its_own_types(k, policy):
    inputs = k.Input((4,))
    x = k.layers.Dense(6, dtype=policy)(inputs)
    x = k.layers.Lambda(lambda x: x * 2, dtype=policy, name="code")(x)
    model = k.Model(inputs, k.layers.Dense(3, dtype=policy)(x))
    kept = _kept_whole(model)
    assert policy_of(kept.get_layer("code")).name == policy
    assert policy_of(reading_in_float32(read(model)).model.get_layer("code")).name == "float32"


def test_an_operation_takes_the_new_layers_variable(k):
    """Training the smaller model trains both ends of the tie, and leaves the original alone."""
    inputs = k.Input((4,))
    tied = k.layers.Dense(8, activation="tanh", name="tied")
    model = k.Model(inputs, k.layers.Dense(3)(k.layers.Dense(7)(tied(inputs) * tied.bias)))
    smaller = edgeprune.prune(model, 0.5).model
    x = np.ones((2, 4), "float32")
    before, original = (_called(one, x)[0] for one in (smaller, model))
    kernel, bias = smaller.get_layer("tied").get_weights()
    smaller.get_layer("tied").set_weights([0 * kernel + 1, bias])
    np.testing.assert_array_equal(_called(smaller, x)[0], 0 * before)  # the bias is 0, and so is the product
    smaller.get_layer("tied").set_weights([kernel, bias + 1])
    assert np.abs(_called(smaller, x)[0]).max() > 1e-3
    np.testing.assert_array_equal(_called(model, x)[0], original)


def test_a_layer_in_two_wrappers_is_noted(k):
    short, long = k.Input((2, 4)), k.Input((5, 4))
    dense = k.layers.Dense(6, activation="tanh", name="dense")
    parts = [k.layers.TimeDistributed(dense, name=f"in_{x.shape[1]}")(x) for x in (short, long)]
    parts = [k.layers.GlobalAveragePooling1D()(x) for x in parts]
    model = k.Model([short, long], k.layers.Dense(3)(k.layers.Concatenate()(parts)))
    (note,) = (one for one in edgeprune.prune(model, 0.5).report.notes if "share weights" in one)
    assert "'in_2'" in note
    assert "'in_5'" in note


@pytest.mark.parametrize("stateful", [False, True])
def test_a_variable_that_starts_from_an_array(k, stateful):
    """As word vectors do; inside a wrapper and in a cell too."""

    def start(size):
        return k.initializers.Constant(np.linspace(-1, 1, size).tolist())

    inputs = k.Input(batch_shape=(3, 6, 4))
    x = k.layers.Dense(8, activation="tanh", bias_initializer=start(8))(inputs)
    x = k.layers.TimeDistributed(k.layers.Dense(7, bias_initializer=start(7)))(x)
    x = k.layers.RNN(k.layers.SimpleRNNCell(5, bias_initializer=start(5)), stateful=stateful)(x)
    prune(with_weights(k.Model(inputs, k.layers.Dense(3)(x)), seed=1), _samples()).check()
