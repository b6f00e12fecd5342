"""Parameters against Keras' own count, multiply-accumulates against the textbook's formulas."""

import numpy as np
import pytest

from edgeprune.graph.cost import cost, layer_costs
from edgeprune.graph.cost_model import cost_model
from edgeprune.keras_bridge.build import build
from edgeprune.keras_bridge.read import read
from edgeprune.pruning.compaction import compact
from edgeprune.pruning.dependencies import find_dependencies


def _model(k):
    data = k.Input((8, 10, 3))
    x = k.layers.Conv2D(6, (3, 5), padding="same", name="plain")(data)
    x = k.layers.BatchNormalization(name="norm")(x)
    x = k.layers.DepthwiseConv2D(3, strides=2, padding="same", name="depthwise")(x)
    x = k.layers.Conv2D(16, 1, use_bias=False, name="point")(x)
    x = k.layers.Conv2D(16, 3, groups=4, padding="valid", name="grouped")(x)
    x = k.layers.Flatten()(x)
    return k.Model(data, k.layers.Dense(5, name="last")(x))


MACS = {
    "plain": 8 * 10 * 3 * 5 * 3 * 6,
    "depthwise": 4 * 5 * 9 * 6,
    "point": 4 * 5 * 6 * 16,
    "grouped": 2 * 3 * 9 * 4 * 16,
    "last": 2 * 3 * 16 * 5,
}


@pytest.fixture(name="model", params=["keras", "tf_keras"])
def _built(request):
    return _model(pytest.importorskip(request.param))


def test_counts_are_keras_and_the_textbooks(model):
    dependencies = find_dependencies(read(model).graph)
    found = layer_costs(dependencies)
    assert cost(dependencies).params == model.count_params()
    assert {name: found[name].macs for name in MACS} == MACS


@pytest.mark.parametrize("axes", [(1, 2), (1,), (2,)])
def test_attention_costs_as_many_products_as_positions_meet(axes):
    k = pytest.importorskip("keras")
    image = k.Input((5, 3, 4))
    attention = k.layers.MultiHeadAttention(2, 6, attention_axes=axes, name="attention")
    found = layer_costs(find_dependencies(read(k.Model(image, attention(image, image))).graph))["attention"]
    positions, attended = 5 * 3, {(1, 2): 15, (1,): 5, (2,): 3}[axes]
    assert found.macs == positions * 4 * 2 * (4 * 6) + 2 * positions * attended * 2 * 6


def _products(k):
    """Products of activations, with channels along the output, along what is summed, and along neither."""
    data = k.Input((6, 4))
    x, y = (k.layers.Dense(8)(data) for _ in range(2))
    weights = k.layers.Dense(6)(k.layers.GlobalAveragePooling1D()(y))
    mixed = k.layers.Dot(axes=(1, 1))([weights, x])
    scores = k.layers.Dot(axes=(2, 2))([x, y])
    if k.__name__ == "keras":
        scores = scores + k.ops.matmul(x, k.ops.transpose(y, (0, 2, 1)))
        mixed = mixed + k.layers.Flatten()(k.ops.matmul(k.layers.Reshape((1, 6))(weights), x))
    return k.Model(data, [k.layers.Dense(3)(mixed), k.layers.Dense(2)(scores)])


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_products_shrink_on_both_sides(package):
    test_the_cost_of_what_is_left_is_the_stripped_models(_products(pytest.importorskip(package)))


def test_the_cost_of_what_is_left_is_the_stripped_models(model):
    reading = read(model)
    dependencies = find_dependencies(reading.graph)
    keep = np.ones(dependencies.count, bool)
    for group in dependencies.groups:
        keep[group.channels[: len(group.channels) // 2]] = False
    smaller = build(reading, compact(dependencies, keep))
    again = cost(find_dependencies(read(smaller).graph))
    left = cost(dependencies, keep)
    assert left.params == smaller.count_params()
    assert (left.params, left.macs, left.neurons) == (again.params, again.macs, again.neurons)
    counts = np.array([keep[group.channels].sum() for group in dependencies.groups], float)
    for kind in ("params", "macs", "neurons"):
        assert cost_model(dependencies, kind)(counts) == pytest.approx(getattr(left, kind), rel=1e-9)


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_fixed_batch_is_counted_as_one_sample(package):
    k = pytest.importorskip(package)
    found = []
    for batch in (None, 4):
        data = k.Input(batch_shape=(batch, 6, 4))
        x, y = (k.layers.Conv1D(8, 3, padding="same")(data) for _ in range(2))
        x = k.layers.EinsumDense("abc,cd->abd", output_shape=(6, 5))(k.layers.Dense(7)(x))
        x = k.layers.Dot(1)([k.layers.TimeDistributed(k.layers.Dense(5))(x), y])
        x = x @ k.layers.SimpleRNN(8, return_sequences=True)(data)[:, :1, :, None][:, 0]
        model = k.Model(data, k.layers.Dense(3)(k.layers.Flatten()(x)))
        found.append(cost(find_dependencies(read(model).graph)).macs)
    assert found[0] == found[1]
