# ruff: noqa: ARG001, C901 - every block takes the same two numbers; one table of blocks
"""Random graphs: keep-all is the identity, stripping twice equals once, strip equals mask."""

import functools
import importlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeprune.keras_bridge.build import build
from edgeprune.keras_bridge.masked import equivalence
from edgeprune.keras_bridge.read import read
from edgeprune.keras_bridge.run import predict
from edgeprune.pruning.compaction import compact
from edgeprune.pruning.dependencies import find_dependencies
from tests.layers.pruned import random_keep, with_weights

SIDE = 6
WIDTHS = (2, 4, 6)


def _blocks(k):
    """Name to a function from a pool of (N, 6, 6, C) tensors and two integers to another such tensor."""
    layers = k.layers

    def pick(pool, number):
        return pool[number % len(pool)]

    def width(number):
        return WIDTHS[number % len(WIDTHS)]

    def conv(pool, a, b):
        return layers.Conv2D(width(b), 1 + b % 3, padding="same", activation="tanh")(pick(pool, a))

    def grouped(pool, a, b):
        return layers.Conv2D(2 * width(b), 3, padding="same", groups=2)(pick(pool, a))

    def depthwise(pool, a, b):
        return layers.DepthwiseConv2D(3, padding="same", depth_multiplier=1 + b % 2)(pick(pool, a))

    def transposed(pool, a, b):
        return layers.Conv2DTranspose(width(b), 3, padding="same")(pick(pool, a))

    def norm(pool, a, b):
        make = (layers.BatchNormalization, layers.LayerNormalization, layers.UnitNormalization)[b % 3]
        return make()(pick(pool, a))

    def merged(pool, a, b):
        x = pick(pool, a)
        same = [one for one in pool if one.shape == x.shape]
        make = (layers.Add, layers.Multiply, layers.Maximum)[b % 3]
        return make()([x, same[b % len(same)]])

    def joined(pool, a, b):
        return layers.Concatenate()([pick(pool, a), pick(pool, b)])

    def gated(pool, a, b):
        x = pick(pool, a)
        gate = layers.Dense(x.shape[-1], activation="sigmoid")(layers.GlobalAveragePooling2D()(x))
        return layers.Multiply()([x, layers.Reshape((1, 1, x.shape[-1]))(gate)])

    def folded(pool, a, b):
        x = pick(pool, a)
        x = layers.Reshape((SIDE * SIDE, x.shape[-1]))(x)
        x = layers.GRU(width(b), return_sequences=True)(x) if b % 2 else layers.Dense(width(b))(x)
        return layers.Reshape((SIDE, SIDE, x.shape[-1]))(x)

    def attended(pool, a, b):
        x = pick(pool, a)
        x = layers.Reshape((SIDE * SIDE, x.shape[-1]))(x)
        x = layers.MultiHeadAttention(2, 2 + b % 2)(x, x)
        return layers.Reshape((SIDE, SIDE, x.shape[-1]))(x)

    def operated(pool, a, b):
        x = pick(pool, a)
        return x * 0.5 + (b - 3)

    def sliced(pool, a, b):
        x = pick(pool, a)
        return layers.Concatenate()([x[..., :1], x[..., 1:]]) if x.shape[-1] > 1 else x

    def stepped(pool, a, b):
        """Row by row a model with a way around, and the rows' own residual where it fits."""
        x = pick(pool, a)
        row = layers.Input((SIDE, x.shape[-1]))
        y = layers.Conv1D(width(b), 3, padding="same", activation="tanh")(row)
        y = layers.Concatenate()([y, row]) if b % 2 else layers.Dense(x.shape[-1])(y)
        y = layers.TimeDistributed(k.Model(row, y))(x)
        return y if b % 2 else layers.Add()([x, y])

    return [
        conv,
        grouped,
        depthwise,
        transposed,
        norm,
        merged,
        joined,
        gated,
        folded,
        attended,
        operated,
        sliced,
        stepped,
    ]


PLANS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 7), st.integers(0, 7)), min_size=2, max_size=6)


@functools.lru_cache(maxsize=1)
def _images():
    return np.random.default_rng(0).normal(size=(2, SIDE, SIDE, 3)).astype("float32")


def _model(flavour, plan):
    k = importlib.import_module(flavour)
    k.backend.clear_session()
    inputs = k.Input((SIDE, SIDE, 3))
    blocks = _blocks(k)
    pool = [k.layers.Conv2D(4, 3, padding="same")(inputs)]
    for kind, a, b in plan:
        pool.append(blocks[kind](pool, a, b))
    head = k.layers.Dense(3)(k.layers.Flatten()(pool[-1]))
    return with_weights(k.Model(inputs, head), seed=len(plan))


def _close(found, expected):
    scale = max(float(np.abs(expected).max()), 1e-6)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * scale)


def _check(flavour, plan, seed):
    model = _model(flavour, plan)
    reading = read(model)
    units = find_dependencies(reading.graph)
    before = predict(reading, _images())[0]
    whole = build(reading, compact(units, np.ones(units.count, bool)))
    np.testing.assert_array_equal(predict(read(whole), _images())[0], before)
    keep = random_keep(units, 0.4, seed)
    smaller = build(reading, compact(units, keep))
    assert equivalence(reading, units, keep, read(smaller), _images()).holds
    if any(layer.config.get("groups", 1) > 1 for layer in reading.graph.layers.values()):
        return  # a group that is down to one channel is a depthwise convolution, whose groups may go
    again = read(smaller)
    rest = find_dependencies(again.graph)
    assert rest.neurons == sum(int(keep[group.channels].sum()) for group in units.groups)
    twice = build(again, compact(rest, np.ones(rest.count, bool)))
    _close(predict(read(twice), _images())[0], predict(again, _images())[0])
    then = random_keep(rest, 0.4, seed + 1)
    both = build(again, compact(rest, then))
    composed = _composed(units, keep, rest, then)
    at_once = build(reading, compact(units, composed))
    _close(predict(read(both), _images())[0], predict(read(at_once), _images())[0])


def _composed(units, keep, rest, then):
    """Both steps as one mask: the kept units of a layer are the smaller model's, in order."""
    mask = keep.copy()
    for path, flows in units.layer_flows.items():
        for flow, smaller in zip(flows, rest.layer_flows[path], strict=True):
            for ids, left in zip(flow.axes, smaller.axes, strict=True):
                if ids is not None and left is not None:
                    numbers = units.channel_of[ids]
                    numbers = numbers[keep[numbers]]
                    mask[numbers[~then[rest.channel_of[left]]]] = False
    return mask


RELAXED = settings(suppress_health_check=list(HealthCheck))


@settings(RELAXED, max_examples=6)
@given(plan=PLANS, seed=st.integers(0, 99), flavour=st.sampled_from(["keras", "tf_keras"]))
def test_random_graphs(plan, seed, flavour):
    _check(flavour, plan, seed)


@pytest.mark.heavy
@settings(RELAXED, max_examples=150)
@given(plan=PLANS, seed=st.integers(0, 99), flavour=st.sampled_from(["keras", "tf_keras"]))
def test_many_random_graphs(plan, seed, flavour):
    _check(flavour, plan, seed)
