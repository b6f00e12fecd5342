# ruff: noqa: ARG005 - methods of classes made on the spot
"""What cannot be followed stays as it is, and says so."""

import importlib

import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.keras_bridge.read import read
from edgeprune.layers import register_rule, unregister_rule
from edgeprune.layers.activation import ElementwiseRule
from edgeprune.pruning.dependencies import find_dependencies
from tests.layers.pruned import prune, with_weights


@pytest.fixture(params=["keras", "tf_keras"])
def k(request):
    return importlib.import_module(request.param)


def _around(k, layer):
    inputs = k.Input((6, 4))
    x = k.layers.Dense(8, activation="tanh", name="before")(inputs)
    x = k.layers.Dense(7, name="after")(layer(x))
    return with_weights(k.Model(inputs, k.layers.Dense(3)(x)), seed=1)


def _samples():
    return [np.random.default_rng(2).normal(size=(3, 6, 4)).astype("float32")]


def test_lambda_is_a_barrier(k):
    pruned = prune(_around(k, k.layers.Lambda(lambda x: x[..., ::-1], name="code")), _samples())
    refusal = next(one for one in pruned.dependencies.refusals if one.layer == "before")
    assert (refusal.channels, refusal.because_of) == (8, "code")
    assert "cannot be read" in refusal.reason
    assert [group.name for group in pruned.dependencies.groups] == ["after"]
    pruned.check()


def test_unknown_layer_is_a_barrier_until_it_has_a_rule(k, request):
    name = f"Doubled{k.__name__.title().replace('_', '')}"
    custom = type(name, (k.layers.Layer,), {"call": lambda self, x: 2 * x, "__module__": "my_layers"})
    pruned = prune(_around(k, custom(name="mine")), _samples())
    refusal = next(one for one in pruned.dependencies.refusals if one.layer == "before")
    assert refusal.because_of == "mine"
    assert "register_rule" in refusal.reason
    pruned.check()
    register_rule(name, ElementwiseRule())
    request.addfinalizer(lambda: unregister_rule(name))
    pruned = prune(_around(k, custom(name="mine")), _samples())
    assert [group.name for group in pruned.dependencies.groups] == ["before", "after"]
    pruned.check()
    with pytest.raises(InputError, match="There is a pruning rule"):
        register_rule(name, ElementwiseRule())


def test_a_layer_that_is_named_like_keras_own_is_unknown(k):
    custom = type(
        "Dense", (k.layers.Layer,), {"call": lambda self, x: x[..., ::-1], "__module__": "my_layers"}
    )
    pruned = prune(_around(k, custom(name="mine")), _samples())
    assert [group.name for group in pruned.dependencies.groups] == ["after"]
    pruned.check()


def test_softmax_over_channels_keeps_them(k):
    dependencies = find_dependencies(read(_around(k, k.layers.Softmax(name="soft"))).graph)
    assert any(one.layer == "before" and one.because_of == "soft" for one in dependencies.refusals)


def test_a_model_at_each_step_under_a_mask_says_why_it_stays(k):
    """Nothing around it has neurons that could name it."""
    steps = k.Input((5, 4))
    inner = k.Sequential([k.Input((4,)), k.layers.Dense(8, activation="tanh"), k.layers.Dense(6)])
    x = k.layers.TimeDistributed(inner, name="wrapped")(k.layers.Masking()(steps))
    x = k.layers.GlobalAveragePooling1D()(x)
    dependencies = find_dependencies(read(k.Model(steps, k.layers.Dense(3)(x))).graph)
    (refusal,) = (one for one in dependencies.refusals if one.layer == "wrapped")
    assert (refusal.channels, refusal.because_of) == (6, "wrapped")
    assert "a whole model to steps that a mask goes with" in refusal.reason


def test_a_merge_at_each_step_is_a_barrier():
    """Keras 3 takes one tensor alone."""
    k = importlib.import_module("tf_keras")
    inputs = k.Input((6, 4))
    parts = [k.layers.Dense(8, activation="tanh", name=name)(inputs) for name in ("one", "two")]
    x = k.layers.Dense(7, name="after")(k.layers.TimeDistributed(k.layers.Add(), name="sums")(parts))
    pruned = prune(with_weights(k.Model(inputs, k.layers.Dense(3)(x)), seed=1), _samples())
    found = {
        (one.layer, one.because_of) for one in pruned.dependencies.refusals if "several tensors" in one.reason
    }
    assert found == {("one", "sums"), ("two", "sums")}
    pruned.check()


def test_two_directions_of_cells_without_a_rule_are_a_barrier(k):
    class Sums(k.layers.Layer):
        state_size = output_size = 8

        def call(self, x, states):
            return x + states[0], [x + states[0]]

    name = f"Sums{k.__name__.title().replace('_', '')}"
    k.utils.get_custom_objects()[name] = type(name, (Sums,), {"__module__": "my_layers"})
    cell = k.utils.get_custom_objects()[name]()
    layer = k.layers.Bidirectional(k.layers.RNN(cell, return_sequences=True), name="both")
    pruned = prune(_around(k, layer), _samples())
    refusal = next(one for one in pruned.dependencies.refusals if one.layer == "before")
    assert (refusal.because_of, refusal.reason) == ("both", "runs cells that have no rule")
    pruned.check()


def test_a_scale_along_another_axis_than_the_statistics_keeps_its_units():
    """Keras takes it where both axes are of one length."""
    k = importlib.import_module("keras")
    inputs = k.Input((8, 4))
    x = k.layers.RMSNormalization(axis=1, name="norm")(k.layers.Dense(8, name="before")(inputs))
    x = k.layers.Dense(3)(k.layers.Dense(7, activation="tanh", name="after")(x))
    pruned = prune(with_weights(k.Model(inputs, x), seed=1), [np.ones((3, 8, 4), "float32")])
    assert {one.layer for one in pruned.dependencies.refusals if one.because_of == "norm"} == {"before"}
    pruned.check()


def test_subclassed_model_is_refused_with_a_way_out(k):
    class Mine(k.Model):
        def __init__(self):
            super().__init__()
            self.dense = k.layers.Dense(3)

        def call(self, x):
            return self.dense(x)

    model = Mine()
    model(np.zeros((1, 4), "float32"))
    with pytest.raises(InputError, match=r"Rebuild it as keras.Model"):
        read(model)


def test_what_is_no_model_is_refused(k):
    with pytest.raises(InputError, match=r"class Dense was given. A Keras model"):
        read(k.layers.Dense(3))


def test_unbuilt_model_is_refused_with_a_way_out(k):
    with pytest.raises(InputError, match="Call it once on data"):
        read(k.Sequential([k.layers.Dense(3)]))


def test_a_gate_broadcast_over_channels_stays(k):
    inputs = k.Input((6, 4))
    x = k.layers.Dense(8, activation="tanh")(inputs)
    gate = k.layers.Dense(1, activation="sigmoid", name="gate")(x)
    model = with_weights(k.Model(inputs, k.layers.Dense(3)(k.layers.Multiply()([x, gate]))), seed=1)
    pruned = prune(model, _samples())
    assert any(one.layer == "gate" for one in pruned.dependencies.refusals)
    pruned.check()


def test_heads_that_meet_matrices_of_an_input_stay(k):
    """A matrix product pairs its batch axes one by one, and no neuron makes the other side's."""
    inputs, matrices = k.Input((6, 4)), k.Input((4, 3, 5))
    heads = k.layers.Permute((2, 1, 3))(k.layers.Reshape((6, 4, 3))(k.layers.Dense(12, name="heads")(inputs)))
    mixed = k.ops.matmul(heads, matrices) if hasattr(k, "ops") else heads @ matrices
    hidden = k.layers.Dense(7, activation="relu", name="hidden")(k.layers.Flatten()(mixed))
    model = with_weights(k.Model([inputs, matrices], k.layers.Dense(3)(hidden)), seed=1)
    generator = np.random.default_rng(0)
    samples = [generator.normal(size=(4, *shape)).astype("float32") for shape in ((6, 4), (4, 3, 5))]
    pruned = prune(model, samples)
    pruned.check()
    assert [group.name for group in pruned.dependencies.groups] == ["hidden"]


def test_a_tied_variable_stays_whole(k):
    inputs = k.Input((4,))
    tied = k.layers.Dense(8, activation="tanh", name="tied")
    x = k.layers.Dense(7, activation="tanh", name="after")(tied(inputs) * tied.bias)
    model = with_weights(k.Model(inputs, k.layers.Dense(3)(x)), seed=1)
    pruned = prune(model, [np.random.default_rng(2).normal(size=(3, 4)).astype("float32")])
    (refusal,) = (one for one in pruned.dependencies.refusals if "variable" in one.reason)
    assert (refusal.layer, refusal.channels) == ("tied", 8)
    pruned.check()


def test_a_shared_layer_without_weights_and_sizes_ties_nothing(k):
    """One ReLU, one pooling and one dropout object, used all over on different shapes."""
    inputs = k.Input((12, 12, 3))
    relu, pool, drop = k.layers.ReLU(), k.layers.MaxPooling2D(), k.layers.Dropout(0.2)
    x = pool(relu(k.layers.Conv2D(8, 3, name="one")(inputs)))
    x = pool(drop(relu(k.layers.Conv2D(8, 3, padding="same", name="two")(x))))
    x = drop(relu(k.layers.Dense(10, name="three")(k.layers.Flatten()(x))))
    model = with_weights(k.Model(inputs, k.layers.Dense(3)(x)), seed=1)
    pruned = prune(model, [np.random.default_rng(2).normal(size=(3, 12, 12, 3)).astype("float32")])
    assert [group.name for group in pruned.dependencies.groups] == ["one", "two", "three"]
    pruned.check()


def test_a_shared_reshape_ties_what_it_is_called_on(k):
    inputs = k.Input((12,))
    reshape = k.layers.Reshape((1, 8))
    parts = [reshape(k.layers.Dense(8, activation="tanh", name=name)(inputs)) for name in ("one", "two")]
    model = with_weights(k.Model(inputs, k.layers.Dense(3)(k.layers.Concatenate(1)(parts))), seed=1)
    pruned = prune(model, [np.random.default_rng(2).normal(size=(3, 12)).astype("float32")])
    assert [sorted(group.producers) for group in pruned.dependencies.groups] == [["one", "two"]]
    pruned.check()


def test_mixed_precision_is_compared_in_float32(k):
    """Five layers of float16 rounding would hide, and look like, an error of 1e-4."""
    policy = "mixed_float16"
    inputs = k.Input((8, 8, 3))
    x = k.layers.Conv2D(16, 3, padding="same", dtype=policy, name="first")(inputs)
    for _ in range(4):
        y = k.layers.Conv2D(16, 3, padding="same", activation="relu", dtype=policy)(x)
        y = k.layers.Conv2D(16, 3, padding="same", dtype=policy)(y)
        x = k.layers.LayerNormalization(dtype=policy)(k.layers.Add(dtype=policy)([x, y]))
    x = k.layers.TimeDistributed(k.layers.Dense(6, dtype=policy), dtype=policy)(x)
    model = k.Model(inputs, k.layers.Dense(3)(k.layers.GlobalAveragePooling2D(dtype=policy)(x)))
    pruned = prune(with_weights(model, seed=1), [np.random.default_rng(2).normal(size=(3, 8, 8, 3))])
    assert "mixed_float16" in str(pruned.model.get_layer("first").get_config()["dtype"])
    pruned.check()


def _mixed(k, make):
    """A model with what `make` gives for a sequence in the middle, made under a policy of half precision."""
    policy = k.mixed_precision
    (policy.set_dtype_policy if k.__name__ == "keras" else policy.set_global_policy)("mixed_float16")
    try:
        inputs = k.Input((6, 4))
        x = k.layers.Dense(8, activation="tanh")(k.layers.Dense(8, activation="tanh")(inputs))
        x = k.layers.Flatten()(make(k, x))
        return with_weights(k.Model(inputs, k.layers.Dense(3, dtype="float32")(x)), seed=1)
    finally:
        (policy.set_dtype_policy if k.__name__ == "keras" else policy.set_global_policy)("float32")


@pytest.mark.parametrize(
    "make",
    [
        lambda k, x: k.layers.RNN(k.layers.GRUCell(8))(x),
        lambda k, x: k.layers.Bidirectional(k.layers.LSTM(6))(x),
        lambda k, x: k.layers.TimeDistributed(k.Sequential([k.Input((8,)), k.layers.Dense(5)]))(x),
        lambda k, x: 1.0 - x,
    ],
    ids=["cells", "two directions", "a model at each step", "a constant"],
)
def test_nothing_inside_a_mixed_layer_stays_narrow_in_the_comparison(k, make):
    prune(_mixed(k, make), _samples()).check()


def test_the_two_directions_keep_their_names(k):
    layer = k.layers.Bidirectional(k.layers.LSTM(6), name="both")
    pruned = prune(_around(k, lambda x: k.layers.RepeatVector(2)(layer(x))), _samples())
    smaller = pruned.model.get_layer("both")
    for side in ("forward_layer", "backward_layer"):
        assert getattr(smaller, side).name == getattr(layer, side).name


def test_a_model_class_that_makes_its_own_graph_comes_back_as_a_plain_model(k):
    class Own(k.Model):
        def __init__(self, width):
            inputs = k.Input((6, 4))
            x = k.layers.Dense(width, activation="tanh", name="hidden")(inputs)
            super().__init__(inputs=inputs, outputs=k.layers.Dense(3)(x))

    class Trained(k.Model):
        pass

    pruned = prune(with_weights(Own(8), seed=1), _samples())
    assert [group.name for group in pruned.dependencies.groups] == ["hidden"]
    pruned.check()
    inputs = k.Input((6, 4))
    kept = Trained(inputs, k.layers.Dense(3)(k.layers.Dense(8)(inputs)))
    assert isinstance(prune(with_weights(kept, seed=1), _samples()).model, Trained)


def test_a_custom_layer_that_forgets_its_name_keeps_it(k):
    class Block(k.layers.Layer):
        def __init__(self, **_):
            super().__init__()
            self.dense = k.layers.Dense(8)

        def build(self, shape):
            self.dense.build(shape)
            self.built = True

        def call(self, x):
            return self.dense(x)

        def get_config(self):
            return {}

    pruned = prune(_around(k, Block()), _samples())
    assert [group.name for group in pruned.dependencies.groups] == ["after"]
    pruned.check()
