"""A rule for a layer of the user's own takes part in everything; the README's gated layer is the example."""

import importlib
import pathlib
import re

import numpy as np
import pytest

import edgeprune.layers
from edgeprune.graph import channel_ids
from edgeprune.graph.flow import Flow, LinearRead, WeightFlow
from edgeprune.keras_bridge.prune import prune
from edgeprune.keras_bridge.read import read
from edgeprune.keras_bridge.shrink import shrink
from edgeprune.layers import register_rule, unregister_rule
from edgeprune.layers.dense import vectors
from edgeprune.layers.rule import ChannelwiseRule, Rule
from edgeprune.pruning.dependencies import find_dependencies
from edgeprune.pruning.heads import heads_of
from tests.layers.pruned import prune as prune_at_random
from tests.layers.pruned import with_weights


@pytest.fixture(params=["keras", "tf_keras"])
def k(request):
    return importlib.import_module(request.param)


@pytest.fixture
def gated(k):
    """The README's layer, with its rule."""
    readme = pathlib.Path(edgeprune.layers.__file__).with_name("README.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    names = {"__name__": "my_layers"}
    exec(code.replace("import keras\n", f"import {k.__name__} as keras\n"), names)  # noqa: S102 - our own README
    yield names["Gated"]
    unregister_rule("Gated")


@pytest.fixture
def rules():
    """Registers rules for one test."""
    kinds = []

    def register(kind, rule):
        register_rule(kind, rule)
        kinds.append(kind)

    yield register
    for kind in kinds:
        unregister_rule(kind)


def _own(k, call, name, **more):
    """A class of the user's."""
    made = type(name, (k.layers.Layer,), {"call": call, "__module__": "my_layers", **more})
    return k.saving.register_keras_serializable("my_layers")(made)


def _gated_model(k, gated):
    inputs = k.Input((16,))
    x = k.layers.Dense(24, activation="relu", name="before")(inputs)
    x = k.layers.Dense(16, activation="relu", name="after")(gated(32, name="gated")(x))
    return with_weights(k.Model(inputs, k.layers.Dense(4, name="out")(x)), seed=1)


def _samples(number=400):
    """On a plane of few dimensions, so that channels can stand in for each other."""
    generator = np.random.default_rng(2)
    return (generator.normal(size=(number, 5)) @ generator.normal(size=(5, 16))).astype("float32")


def _change(model, layer, change):
    weights = model.get_layer(layer).get_weights()
    change(weights)
    model.get_layer(layer).set_weights(weights)


def test_its_neurons_are_pruned_and_equal_the_masked_original(k, gated):
    pruned = prune_at_random(_gated_model(k, gated), [_samples(5)])
    assert [group.name for group in pruned.dependencies.groups] == ["before", "gated", "after"]
    assert pruned.model.get_layer("gated").units == 16
    pruned.check()


def test_reconstruction_improves_it(k, gated):
    model, samples = _gated_model(k, gated), _samples()
    expected = np.asarray(model(samples))
    ratios = {"before": 0.4, "gated": 0.4}

    def error(*, repair):
        found = prune(model, 0.2, calibration=samples, ratios=ratios, protect=["after"], repair=repair)
        return float(np.square(np.asarray(found.model(samples)) - expected).mean())

    assert error(repair=True) < 0.2 * error(repair=False)


def test_shrink_removes_its_dead_constant_and_equal_channels(k, gated):
    model = _gated_model(k, gated)

    def edit(weights):
        for weight in weights[:2]:
            weight[..., 3] = 0  # the gate alone is left
        for weight in weights:
            weight[..., 9] = weight[..., 8]
        for weight in (weights[0], weights[2]):
            weight[5] = 0  # nothing reads channel 5 of the layer before

    _change(model, "gated", edit)
    _change(model, "after", lambda weights: weights[0].__setitem__(6, 0))
    result = shrink(model, _samples(5))
    assert {(one.group, one.reason, one.channels) for one in result.report.removals} == {
        ("gated", "constant", 1),
        ("gated", "unread", 1),
        ("gated", "duplicate", 1),
        ("before", "unread", 1),
    }
    assert result.report.equivalence.holds


def test_without_the_rule_it_is_a_barrier(k, gated):
    model = _gated_model(k, gated)
    unregister_rule("Gated")
    groups = find_dependencies(read(model).graph).groups
    assert [group.name for group in groups] == ["after"]


class _Centred(Rule):
    def flow(self, view, space):
        del space
        return Flow((view.inputs[0],))

    def stand_in(self, view, kept):
        mask = kept.mask(view.inputs[0])

        def centred(inputs, weights):
            assert not len(weights)
            total = (inputs[0] * mask).sum(axis=-1, keepdims=True)
            return [inputs[0] - total / mask.sum(axis=-1, keepdims=True)]

        return centred


def test_its_means_are_taken_over_the_channels_that_stay(k, rules):
    mean = k.ops.mean if k.__name__ == "keras" else importlib.import_module("tensorflow").reduce_mean
    own = _own(k, lambda self, x: x - mean(x, axis=-1, keepdims=True), "Centred")  # noqa: ARG005
    rules("Centred", _Centred())
    inputs = k.Input((16,))
    x = own()(k.layers.Dense(8, activation="tanh", name="before")(inputs))
    model = with_weights(k.Model(inputs, k.layers.Dense(3)(x)), seed=1)
    pruned = prune_at_random(model, [_samples(5)])
    assert [group.name for group in pruned.dependencies.groups] == ["before"]
    pruned.check()


class _Activation(ChannelwiseRule):
    elementwise = True

    def flow(self, view, space):
        del space
        return Flow((view.inputs[0],))

    def activation(self, layer):
        del layer
        return "relu"


class _Linear(Rule):
    reads_are_complete = True

    def flow(self, view, space):
        read_here = space.fix_unless_vector(view.inputs[0], -1, view.layer.path)
        made = space.fresh(view.layer.path, view.option("width"))
        read_at = LinearRead(0, kernel=0, bias=1, rows=(0,), samples=vectors, by_step=True)
        weights = (WeightFlow((read_here, made), reuse=1), WeightFlow((made,)))
        return Flow((channel_ids.along(made, -1, view.output),), weights, (read_at,), sizes={"width": made})

    def folds_constants(self, view, read):
        del view, read
        return True

    def activation(self, layer):
        del layer
        return "linear"


@pytest.fixture
def own_dense(k, rules):
    """A Dense and a ReLU that the user wrote."""

    def init(self, width, **options):
        k.layers.Layer.__init__(self, **options)
        self.width = width

    def build(self, shape):
        self.w = self.add_weight(name="w", shape=(shape[-1], self.width))
        self.b = self.add_weight(name="b", shape=(self.width,), initializer="zeros")

    def config(self):
        return {**k.layers.Layer.get_config(self), "width": self.width}

    rules("Linear", _Linear())
    rules("Positive", _Activation())
    linear = _own(
        k, lambda self, x: x @ self.w + self.b, "Linear", __init__=init, build=build, get_config=config
    )
    return linear, _own(k, lambda self, x: k.activations.relu(x), "Positive")  # noqa: ARG005


def test_it_makes_an_output_head(k, own_dense):
    linear, positive = own_dense
    inputs = k.Input((16,))
    x = positive()(linear(8, name="hidden")(inputs))
    model = k.Model(inputs, k.layers.Activation("softmax")(linear(3, name="last")(k.layers.Dropout(0.5)(x))))
    dependencies = find_dependencies(read(model).graph)
    (head,) = heads_of(dependencies)
    calls = dependencies.graph.calls
    assert (calls[head.last].layer, head.link, head.activation) == ("last", "softmax", "relu")
    assert head.hidden is not None
    assert calls[head.hidden].layer == "hidden"


def test_constants_pass_through_it_and_are_folded(k, own_dense):
    linear, positive = own_dense
    inputs = k.Input((16,))
    x = positive(name="positive")(linear(8, name="hidden")(inputs))
    model = with_weights(k.Model(inputs, linear(3, name="last")(x)), seed=1)
    _change(model, "hidden", lambda weights: weights[0].__setitem__((slice(None), 2), 0))
    _change(model, "hidden", lambda weights: weights[1].__setitem__(2, 1.5))
    result = shrink(model, _samples(5))
    assert [(one.group, one.reason) for one in result.report.removals] == [("hidden", "constant")]
    assert result.model.get_layer("hidden").width == 7
    assert result.report.equivalence.holds


def test_an_activation_without_a_name_makes_no_head(k):
    @k.saving.register_keras_serializable("my_layers")
    def doubled(x):
        return 2 * x

    inputs = k.Input((16,))
    for activation, heads in ((doubled, 0), (None, 1)):
        model = k.Model(inputs, k.layers.Dense(3, activation=activation)(inputs))
        assert len(heads_of(find_dependencies(read(model).graph))) == heads
