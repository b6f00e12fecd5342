"""Multiply-accumulates of layers that no rule can follow, against the textbook's products."""

import numpy as np
import pytest

from edgeprune.graph.cost import cost, layer_costs
from edgeprune.keras_bridge.read import read
from edgeprune.pruning.dependencies import find_dependencies
from edgeprune.pruning.unpruned_layers import unpruned_layers

KERAS = ["keras", "tf_keras"]


def closed(package, compute, shapes=((3, 3, 4, 6),)):
    """A layer of the user's own that calls TensorFlow, between two of Keras'."""
    k = pytest.importorskip(package)

    class Closed(k.layers.Layer):
        def build(self, _):
            # Keras 2 and 3 both take a shape by its name.
            self.own = [self.add_weight(shape=shape, name=f"w{n}") for n, shape in enumerate(shapes)]
            super().build(_)

        def call(self, x):
            return compute(x, *self.own)

    inputs = k.Input((8, 8, 2))
    x = k.layers.Conv2D(4, 3, name="before")(inputs)
    x = Closed(name="closed")(x)
    x = k.layers.GlobalAveragePooling2D()(x)
    return find_dependencies(read(k.Model(inputs, k.layers.Dense(3, name="after")(x))).graph)


def strided(x, w):
    import tensorflow as tf

    return tf.nn.conv2d(x, tf.convert_to_tensor(w), 2, "SAME")


def depthwise(x, w):
    import tensorflow as tf

    return tf.nn.depthwise_conv2d(x, tf.convert_to_tensor(w), [1, 1, 1, 1], "VALID")


def products(x, a, b):
    import tensorflow as tf

    flat = tf.reshape(x, [-1, 36, 4])
    scores = tf.matmul(tf.matmul(flat, tf.convert_to_tensor(a)), flat, transpose_b=True)
    mixed = tf.einsum("bij,bjc->bic", tf.nn.softmax(scores), tf.einsum("bjc,cd->bjd", flat, b))
    return tf.reshape(mixed, [-1, 6, 6, 5])


def transposed(x, w):
    import tensorflow as tf

    shape = tf.stack([tf.shape(x)[0], 12, 12, 7])
    return tf.ensure_shape(tf.nn.conv2d_transpose(x, tf.convert_to_tensor(w), shape, 2), [None, 12, 12, 7])


def in_a_function(x, w):
    import tensorflow as tf

    inside = tf.function(lambda y, kernel: tf.nn.conv2d(y, kernel, 1, "VALID"))
    return inside(x, tf.convert_to_tensor(w))


CASES = {
    "strided": (strided, [(3, 3, 4, 6)], 3 * 3 * 6 * 3 * 3 * 4),
    "depthwise": (depthwise, [(3, 3, 4, 2)], 4 * 4 * 8 * 3 * 3),
    "products": (products, [(4, 4), (4, 5)], 36 * 4 * 4 + 36 * 36 * 4 + 36 * 4 * 5 + 36 * 36 * 5),
    "transposed": (transposed, [(3, 3, 7, 4)], 6 * 6 * 4 * 3 * 3 * 7),
    "in a function": (in_a_function, [(3, 3, 4, 6)], 4 * 4 * 6 * 3 * 3 * 4),
}


RUNS = [
    pytest.param(case, package, marks=[] if (case, package) == ("products", "keras") else [pytest.mark.heavy])
    for case in CASES for package in KERAS
]


@pytest.mark.parametrize(("case", "package"), RUNS)
def test_products_are_those_of_the_textbook(case, package):
    compute, shapes, expected = CASES[case]
    dependencies = closed(package, compute, shapes)
    costs = layer_costs(dependencies)
    assert (costs["closed"].macs, costs["closed"].counted) == (expected, True)
    assert costs["closed"].params == sum(map(np.prod, shapes))
    assert cost(dependencies).macs == sum(one.macs for one in costs.values())
    # Nothing goes of it, whatever goes around it.
    least = layer_costs(dependencies, np.arange(dependencies.count) == 0)
    assert least["closed"] == costs["closed"]


def looping(x, w):
    import tensorflow as tf

    kernel = tf.convert_to_tensor(w)

    def step(n, y):
        return n + 1, tf.nn.conv2d(y, kernel, 1, "SAME")

    return tf.while_loop(lambda n, _: n < 3, step, (0, x))[1]


@pytest.mark.heavy
@pytest.mark.parametrize("package", KERAS)
def test_loops_are_unknown_and_never_nothing(package):
    dependencies = closed(package, looping, [(3, 3, 4, 4)])
    assert dependencies.uncounted == {"closed"}
    assert not layer_costs(dependencies)["closed"].counted
    (whole,) = [one for one in unpruned_layers(dependencies) if one.layer == "closed"]
    assert whole.macs_fraction is None
    assert "nobody can count its MACs" in whole.sentence


def test_large_layers_that_stay_whole_are_named_with_their_reason():
    dependencies = closed("keras", strided)
    found = {one.layer: one for one in unpruned_layers(dependencies)}
    costs = layer_costs(dependencies)
    total = cost(dependencies)
    assert found["closed"].params_fraction == pytest.approx(costs["closed"].params / total.params)
    assert found["closed"].macs_fraction == pytest.approx(costs["closed"].macs / total.macs)
    assert "layer without a pruning rule" in found["closed"].reason
    assert "layer 'closed'" in found["before"].reason
    assert all(max(one.params_fraction, one.macs_fraction) >= 0.05 for one in found.values())


@pytest.mark.heavy
@pytest.mark.parametrize("package", KERAS)
def test_counting_leaves_no_trace_in_the_layer(package):
    k = pytest.importorskip(package)

    class Penalized(k.layers.Layer):
        def build(self, shape):
            self.own = self.add_weight(shape=(shape[-1], 3), name="own")
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")
            super().build(shape)

        def call(self, x):
            import tensorflow as tf

            self.calls.assign(self.calls + 1.0)
            self.add_loss(tf.reduce_sum(tf.square(x)))
            return tf.matmul(x, tf.convert_to_tensor(self.own))

    layer = Penalized(name="closed")
    inputs = k.Input((4,))
    model = k.Model(inputs, k.layers.Dense(2)(layer(k.layers.Dense(5)(inputs))))
    before, losses = [np.array(one) for one in model.get_weights()], list(layer.losses)
    costs = layer_costs(find_dependencies(read(model).graph))
    assert costs["closed"].macs == 5 * 3
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [id(one) for one in layer.losses] == [id(one) for one in losses]
