"""Neurons that cannot matter go, all others stay, and nothing computes differently."""

import importlib

import numpy as np
import pytest

from edgeprune.keras_bridge.prune import prune
from edgeprune.keras_bridge.read import read
from edgeprune.keras_bridge.run import predict
from edgeprune.keras_bridge.shrink import shrink
from tests.layers.pruned import with_weights

KERAS_VERSIONS = ["keras", "tf_keras"]


@pytest.fixture(params=KERAS_VERSIONS)
def k(request):
    return importlib.import_module(request.param)


def _conv_model(k, padding="valid", use_bias=False):
    x = inputs = k.Input((8, 8, 3))
    x = k.layers.Conv2D(8, 3, use_bias=use_bias, name="first")(x)
    x = k.layers.BatchNormalization(name="norm")(x)
    x = k.layers.ReLU()(x)
    x = k.layers.Conv2D(6, 3, padding=padding, use_bias=use_bias, name="second")(x)
    x = k.layers.Flatten()(k.layers.MaxPooling2D()(x))
    return with_weights(k.Model(inputs, k.layers.Dense(4, name="out")(x)), seed=3)


def _edit(model, layer, change):
    weights = model.get_layer(layer).get_weights()
    change(weights)
    model.get_layer(layer).set_weights(weights)


def _zero_column(unit):
    def change(weights):
        weights[0][..., unit] = 0

    return change


def _removed(result):
    return {(removal.group, removal.reason): removal.channels for removal in result.report.removals}


def _images(samples=5):
    return np.random.default_rng(7).normal(size=(samples, 8, 8, 3)).astype("float32")


def _assert_same(model, result):
    x = _images()
    expected = predict(read(model), x)[0]
    found = predict(read(result.model), x)[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * np.abs(expected).max())
    assert result.report.equivalence.holds


def test_a_dense_model_stays_as_it_is(k):
    model = _conv_model(k)
    result = shrink(model)
    assert result.report.removals == ()
    assert result.model is model


def test_weights_that_sum_to_zero_are_no_zero_weights(k):
    model = _conv_model(k)

    def balance(weights):
        weights[0][..., 2] -= weights[0][..., 2].mean()

    _edit(model, "first", balance)
    assert shrink(model).report.removals == ()


def test_constant_channel_is_folded_through_norm_and_activation(k):
    model = _conv_model(k)
    _edit(model, "first", _zero_column(1))
    _edit(model, "norm", lambda weights: weights[1].__setitem__(1, 5.0))
    result = shrink(model, _images())
    assert _removed(result) == {("first", "constant"): 1}
    assert result.model.get_layer("second").use_bias
    assert result.report.equivalence.samples == 8 + 5
    _assert_same(model, result)


def test_constant_channel_stays_before_zero_padding(k):
    model = _conv_model(k, padding="same")
    _edit(model, "first", _zero_column(1))
    _edit(model, "norm", lambda weights: weights[1].__setitem__(1, 5.0))
    assert shrink(model).report.removals == ()


def test_dead_channel_goes_before_zero_padding(k):
    model = _conv_model(k, padding="same")
    _edit(model, "first", _zero_column(1))
    _edit(model, "norm", lambda weights: (weights[1].__setitem__(1, -9.0), weights[2].__setitem__(1, 0.0)))
    result = shrink(model)
    assert _removed(result) == {("first", "constant"): 1}
    assert not result.model.get_layer("second").use_bias
    _assert_same(model, result)


def test_unread_channel_goes_with_what_it_alone_reads(k):
    model = _conv_model(k, use_bias=True)
    _edit(model, "out", lambda weights: weights[0].reshape(4, 6, 4).__setitem__((slice(None), 2), 0))

    def only_for_second_2(weights):
        weights[0][:, :, 5, :2] = 0
        weights[0][:, :, 5, 3:] = 0

    _edit(model, "second", only_for_second_2)
    result = shrink(model)
    assert _removed(result) == {("first", "unread"): 1, ("second", "unread"): 1}
    _assert_same(model, result)


def test_duplicates_are_merged(k):
    model = _conv_model(k)

    def copy(weights):
        for weight in weights:
            weight[..., 4] = weight[..., 0]

    _edit(model, "first", copy)
    _edit(model, "norm", copy)
    result = shrink(model)
    assert _removed(result) == {("first", "duplicate"): 1}
    _assert_same(model, result)


def test_duplicates_up_to_their_norm_are_none(k):
    model = _conv_model(k)
    _edit(model, "first", lambda weights: weights[0].__setitem__((..., 4), weights[0][..., 0]))
    assert shrink(model).report.removals == ()


def test_a_layer_keeps_one_neuron(k):
    model = _conv_model(k, use_bias=True)
    _edit(model, "second", lambda weights: weights[0].fill(0))
    result = shrink(model)
    assert result.model.get_layer("second").filters == 1
    _assert_same(model, result)


def test_residual_channels_go_only_together(k):
    x = inputs = k.Input((8, 8, 3))
    x = k.layers.Conv2D(6, 3, name="first")(x)
    y = k.layers.Conv2D(6, 1, name="branch")(x)
    x = k.layers.Add()([x, y])
    model = with_weights(k.Model(inputs, k.layers.Dense(4)(k.layers.Flatten()(x))), seed=3)
    _edit(model, "branch", _zero_column(2))
    assert shrink(model).report.removals == ()
    _edit(model, "first", _zero_column(2))
    result = shrink(model)
    assert _removed(result) == {("first", "constant"): 1}
    _assert_same(model, result)


def test_statistics_over_channels_keep_them(k):
    x = inputs = k.Input((8, 8, 3))
    x = k.layers.LayerNormalization()(k.layers.Conv2D(6, 3, name="first")(x))
    model = with_weights(k.Model(inputs, k.layers.Dense(4)(k.layers.Flatten()(x))), seed=3)
    _edit(model, "first", _zero_column(2))
    assert shrink(model).report.removals == ()


def test_a_shared_reader_folds_only_what_is_the_same_in_every_call(k):
    inputs = k.Input((5,))
    shared = k.layers.Dense(4, name="shared")
    parts = [shared(k.layers.Dense(6, activation="relu", name=name)(inputs)) for name in ("one", "two")]
    model = k.Model(inputs, k.layers.Dense(3)(k.layers.Concatenate()(parts)))
    model = with_weights(model, seed=3)
    for name, second in (("one", 2.0), ("two", 3.0)):
        _edit(model, name, _zero_column(1))
        _edit(model, name, _zero_column(4))
        _edit(model, name, lambda weights, value=second: weights[1].__setitem__([1, 4], [2.0, value]))
    result = shrink(model)
    assert [(removal.reason, removal.channels) for removal in result.report.removals] == [("constant", 1)]
    assert result.model.get_layer("one").units == 5


def test_a_batch_norm_without_scale_scales_nothing_away(k):
    """Channels that are silent on ordinary images, and that bright ones wake: beta is 0, and no gamma."""
    inputs = k.Input((8, 8, 3))
    x = k.layers.Conv2D(6, 3, use_bias=False, name="first")(inputs)
    x = k.layers.ReLU()(k.layers.BatchNormalization(scale=False, name="norm")(x))
    model = with_weights(k.Model(inputs, k.layers.Dense(4)(k.layers.Flatten()(x))), seed=3)
    _edit(model, "norm", lambda weights: (weights[0].fill(0), weights[1].fill(50)))
    result = shrink(model)
    assert result.report.removals == ()
    assert result.model is model


def test_constants_of_an_einsum_dense_are_folded(k):
    inputs = k.Input((6, 8))
    x = k.layers.EinsumDense("abc,cd->abd", (6, 7), bias_axes="d", activation="relu", name="one")(inputs)
    x = k.layers.EinsumDense("abc,cd->abd", (6, 5), bias_axes="d", name="two")(x)
    model = with_weights(k.Model(inputs, k.layers.Dense(4)(k.layers.Flatten()(x))), seed=3)
    _edit(model, "one", _zero_column(2))
    _edit(model, "one", lambda weights: weights[1].__setitem__(2, 1.5))
    result = shrink(model)
    assert _removed(result) == {("one", "constant"): 1}
    assert result.report.equivalence.holds


@pytest.mark.parametrize(("equation", "bias"), [("abc,cde->abde", "e"), ("abc,ced->abde", "de")])
def test_a_bias_that_is_not_one_of_the_columns_takes_no_constant(k, equation, bias):
    inputs = k.Input((6, 8))
    x = k.layers.Dense(7, activation="relu", name="one")(inputs)
    x = k.layers.EinsumDense(equation, (6, 3, 5), bias_axes=bias)(x)
    model = with_weights(k.Model(inputs, k.layers.Dense(4)(k.layers.Flatten()(x))), seed=3)
    _edit(model, "one", _zero_column(2))
    _edit(model, "one", lambda weights: weights[1].__setitem__(2, 1.5))
    assert shrink(model).report.removals == ()
    samples = np.random.default_rng(0).normal(size=(20, 6, 8)).astype("float32")
    assert prune(model, 0.5, calibration=samples).report.divergence < 0.5


@pytest.mark.parametrize(
    "make",
    [
        lambda k: k.layers.Conv1DTranspose(4, 2, strides=2, output_padding=1),
        lambda k: k.layers.EinsumDense("abc,bcd->abd", (6, 5)),
    ],
    ids=["shifted taps", "a kernel for each step"],
)
def test_what_a_layer_without_reads_takes_in_is_not_unread(k, make):
    inputs = k.Input((6, 4))
    x = make(k)(k.layers.Dense(6, "tanh")(inputs))
    assert shrink(with_weights(k.Model(inputs, k.layers.Dense(3)(x)), seed=3)).report.removals == ()


@pytest.mark.parametrize("change", [lambda layer: layer.enable_lora(2), lambda layer: layer.quantize("int8")])
def test_an_embedding_with_more_weights_than_a_table_stays(change):
    k = pytest.importorskip("keras")
    inputs = k.Input((6,), dtype="int32")
    embedding = k.layers.Embedding(10, 8)
    x = embedding(inputs)
    change(embedding)
    assert shrink(k.Model(inputs, k.layers.Dense(3)(x))).report.removals == ()


def _of_any_size(k, bias, *between):
    """Two of six channels are what their bias is."""
    inputs = x = k.Input((None, None, 3))
    for layer in (k.layers.Conv2D(6, 1, name="first"), *between, k.layers.Dense(3)):
        x = layer(x)
    model = with_weights(k.Model(inputs, x), seed=3)
    _edit(model, "first", _zero_column([1, 4]))
    _edit(model, "first", lambda weights: weights[1].__setitem__([1, 4], bias))
    return model


@pytest.mark.parametrize("pooled", [False, True])
def test_at_another_size_zero_padding_may_have_a_border(k, pooled):
    between = [k.layers.DepthwiseConv2D(2, strides=2, padding="same")]
    model = _of_any_size(k, 1.0, *between, *[k.layers.GlobalAveragePooling2D()] * pooled)
    assert shrink(model).report.removals == ()


def test_a_softmax_over_positions_depends_on_their_number(k):
    result = shrink(_of_any_size(k, [1.0, 2.0], k.layers.Softmax(axis=(1, 2))))
    assert result.report.removals == ()


@pytest.mark.parametrize(
    ("bias", "make"),
    [
        (0.0, lambda k: [k.layers.DepthwiseConv2D(2, strides=2, padding="same"), k.layers.ReLU()]),
        (0.0, lambda k: [k.layers.Conv2D(4, 3, padding="same")]),
        (1.0, lambda k: [k.layers.BatchNormalization(), k.layers.GlobalMaxPooling2D()]),
        (1.0, lambda k: [k.layers.Conv2D(4, 3, strides=2), k.layers.MaxPooling2D()]),
    ],
)
def test_what_is_the_same_at_every_size_goes(k, bias, make):
    model = _of_any_size(k, bias, *make(k))
    result = shrink(model)
    assert _removed(result) == {("first", "constant"): 2}
    for size in (5, 8, 11):
        x = _images()[:, :5, :, :].repeat(2, axis=2)[:, :, :size]
        np.testing.assert_allclose(result.model(x), model(x), rtol=0, atol=1e-4)
