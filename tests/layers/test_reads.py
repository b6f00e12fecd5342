"""What a read draws, times its kernel, is what the layer computes (activation left out)."""

import importlib

import numpy as np
import pytest

from edgeprune.keras_bridge.read import read
from edgeprune.keras_bridge.run import run
from edgeprune.pruning.dependencies import find_dependencies
from edgeprune.pruning.kernel_reads import kernel_reads
from tests.layers.pruned import with_weights

ALL = 100_000


def _step_and_flow(layer_of, shape, keras_version, steps_before=()):
    """The last call of a model input → layer, about to be made, its flow and its outputs."""
    k = importlib.import_module(keras_version)
    inputs = x = k.Input(shape)
    for make in steps_before:
        x = make(k)(x)
    model = with_weights(k.Model(inputs, layer_of(k)(x)), seed=5)
    reading = read(model)
    dependencies = find_dependencies(reading.graph)
    data = np.random.default_rng(4).normal(size=(3, *shape)).astype("float32")
    step = list(run(reading, data))[-1]
    return step, dependencies.flows[step.number], step.layer.get_weights(), np.asarray(model(data))


def _products(step, flow, weights, number=ALL, seed=0):
    """X·W + b of each read, the made axes flattened."""
    products = []
    for one in flow.reads:
        tensor = step.arrays[one.source]
        if one.hidden is not None:
            tensor = one.hidden(step.arrays, weights, step.masks)
        x = one.samples(tensor, np.random.default_rng(seed), number)
        kernel = np.moveaxis(weights[one.kernel], one.rows, range(len(one.rows)))
        bias = 0 if one.bias is None else weights[one.bias].reshape(-1)
        products.append(x @ kernel.reshape(x.shape[1], -1) + bias)
    return products


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda k: k.layers.Dense(5), (4,)),
        (lambda k: k.layers.Dense(5, use_bias=False), (6, 4)),
        (lambda k: k.layers.EinsumDense("abc,cde->abde", (6, 2, 5), bias_axes="de"), (6, 4)),
        (lambda k: k.layers.EinsumDense("abcd,cde->abe", (6, 5), bias_axes="e"), (6, 2, 4)),
        (lambda k: k.layers.SeparableConv2D(5, 3, strides=2, padding="same", depth_multiplier=2), (7, 8, 3)),
        (lambda k: k.layers.SeparableConv1D(5, 3, dilation_rate=2), (9, 3)),
        (lambda k: k.layers.TimeDistributed(k.layers.Dense(5)), (6, 4)),
    ],
)
@pytest.mark.parametrize("keras_version", ["keras", "tf_keras"])
def test_vectors(make, shape, keras_version):
    step, flow, weights, output = _step_and_flow(make, shape, keras_version)
    (product,) = _products(step, flow, weights)
    np.testing.assert_allclose(product, output.reshape(product.shape), rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda k: k.layers.Conv1D(5, 3, padding="causal", dilation_rate=2), (9, 4)),
        (lambda k: k.layers.Conv1D(5, 3, strides=2), (9, 4)),
        (lambda k: k.layers.Conv2D(5, (3, 2), strides=2, padding="same"), (7, 8, 3)),
        (lambda k: k.layers.Conv3D(5, 2, padding="same"), (4, 3, 5, 2)),
        (lambda k: k.layers.Conv1DTranspose(5, 3, strides=2), (6, 4)),
        (lambda k: k.layers.Conv2DTranspose(5, (3, 2), strides=2, padding="same"), (5, 4, 3)),
        (lambda k: k.layers.Conv2DTranspose(5, 4, strides=3), (4, 3, 2)),
        (lambda k: k.layers.Conv3DTranspose(4, 3, strides=2, padding="same"), (2, 3, 2, 2)),
    ],
)
@pytest.mark.parametrize("keras_version", ["keras", "tf_keras"])
def test_patches(make, shape, keras_version):
    step, flow, weights, output = _step_and_flow(make, shape, keras_version)
    number = 200
    (product,) = _products(step, flow, weights, number)
    # The generator first draws the samples, then the position along each axis.
    generator = np.random.default_rng(0)
    samples = generator.integers(len(output), size=number)
    places = [generator.integers(size, size=number) for size in output.shape[1:-1]]
    np.testing.assert_allclose(product, output[(samples, *places)], rtol=0, atol=2e-5)


@pytest.mark.parametrize("keras_version", ["keras", "tf_keras"])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
def test_state_is_the_previous_output(kind, backwards, keras_version):
    step, flow, weights, output = _step_and_flow(
        lambda k: getattr(k.layers, kind)(5, return_sequences=True, go_backwards=backwards),
        (6, 4),
        keras_version,
    )
    whole, state = flow.reads
    assert (whole.kernel, state.kernel) == (0, 1)
    hidden = state.hidden(step.arrays, weights, step.masks)
    previous = np.concatenate([np.zeros((3, 1, 5)), output[:, :-1]], axis=1)  # in the order of computing
    np.testing.assert_allclose(hidden.reshape(6, 3, 5), previous.transpose(1, 0, 2), rtol=0, atol=1e-5)


@pytest.mark.parametrize("keras_version", ["keras", "tf_keras"])
def test_masked_steps_are_left_out(keras_version):
    k = importlib.import_module(keras_version)
    inputs = k.Input((5,), dtype="int32")
    x = k.layers.Embedding(10, 4, mask_zero=True)(inputs)
    model = with_weights(k.Model(inputs, k.layers.LSTM(3, return_sequences=True)(x)), seed=5)
    tokens = np.array([[3, 4, 0, 0, 0], [1, 2, 3, 4, 5]])
    reading = read(model)
    step = list(run(reading, tokens))[-1]
    flow = find_dependencies(reading.graph).flows[step.number]
    for one in flow.reads:
        hidden = one.hidden(step.arrays, step.layer.get_weights(), step.masks)
        assert len(hidden) == 2 + 5
    states = np.asarray(model(tokens))
    expected = [states[1, 3], states[1, 2], states[0, 0], states[1, 0]]
    for state in expected:
        assert np.abs(hidden - state).max(axis=1).min() < 1e-5


@pytest.mark.parametrize(
    ("make", "steps_are_summed"),
    [
        (lambda k: k.layers.Dense(3), False),
        (lambda k: k.layers.TimeDistributed(k.layers.Dense(3)), False),
        (lambda k: k.layers.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d"), False),
        (lambda k: k.layers.EinsumDense("abc,bd->acd", (4, 3), bias_axes="d"), True),
    ],
)
@pytest.mark.parametrize("keras_version", ["keras", "tf_keras"])
def test_rows_of_masked_steps_are_left_out_unless_steps_are_summed(make, steps_are_summed, keras_version):
    k = importlib.import_module(keras_version)
    inputs = k.Input((5, 4))
    model = with_weights(k.Model(inputs, make(k)(k.layers.Masking()(inputs))), seed=5)
    data = np.random.default_rng(4).normal(size=(2, 5, 4)).astype("float32")
    data[0, 2:] = 0
    reading = read(model)
    step = list(run(reading, data))[-1]
    (kernel_read,) = kernel_reads(find_dependencies(reading.graph))
    kernel, bias = step.layer.get_weights()
    x = kernel_read.draw(step, [kernel, bias], np.random.default_rng(0), ALL)
    whole = np.asarray(model(data))
    expected = whole.reshape(-1, 3) if steps_are_summed else whole[data.any(axis=2)]
    np.testing.assert_allclose(x @ kernel_read.matrix(kernel) + bias, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("keras_version", ["keras", "tf_keras"])
@pytest.mark.parametrize("options", [{}, {"use_causal_mask": True}])
def test_heads_before_the_output_projection(options, keras_version):
    k = importlib.import_module(keras_version)
    inputs = k.Input((6, 4))
    attention = k.layers.MultiHeadAttention(3, 5, value_dim=2)
    model = with_weights(k.Model(inputs, attention(inputs, inputs, **options)), seed=5)
    data = np.random.default_rng(4).normal(size=(3, 6, 4)).astype("float32")
    reading = read(model)
    step = list(run(reading, data))[-1]
    flow = find_dependencies(reading.graph).flows[step.number]
    products = _products(step, flow, step.layer.get_weights())
    output = np.asarray(model(data)).reshape(18, 4)
    for product in products[3:]:
        np.testing.assert_allclose(product, output, rtol=0, atol=2e-5)
    assert len(products) == 5
