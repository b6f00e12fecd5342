"""The fit of a network's end to its outputs, against optimisation by numbers and against plain refits."""

import numpy as np
import pytest

from edgeprune.layers.activation import NUMPY_ACTIVATIONS
from edgeprune.pruning.head_fit import HeadFit, HeadSamples, _hidden_layer, fit_head
from edgeprune.pruning.output_link import OutputLink

LINKS = [OutputLink("softmax"), OutputLink("sigmoid"), OutputLink("linear", 2.5)]


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.name)
def test_gradient_and_curvature_are_those_of_the_error(link):
    generator = np.random.default_rng(0)
    z, s = generator.normal(size=(5, 4)), generator.normal(size=4)
    p = link.outputs(generator.normal(size=(5, 4)))
    step = 1e-3

    def error(t):
        return np.array([link.error(p[n : n + 1], link.outputs(z[n : n + 1] + t * s)) for n in range(5)])

    first = (error(step) - error(-step)) / (2 * step)
    second = (error(step) - 2 * error(0) + error(-step)) / step**2
    q = link.outputs(z)
    np.testing.assert_allclose(link.gradient(p, q) @ s, first, rtol=0, atol=1e-5)
    np.testing.assert_allclose(link.curvature(q, s), second, rtol=0, atol=1e-4)
    entries = [[link.pair(q, one, other) for other in range(4)] for one in range(4)]
    whole = sum(s[a] * s[b] * entries[a][b] for a in range(4) for b in range(4) if entries[a][b] is not None)
    np.testing.assert_allclose(whole, link.curvature(q, s), rtol=1e-9, atol=0)


def _network(samples, *, units=24, kept=8, seed=0):
    """A hidden ReLU layer of which some units are kept, and what its whole gives."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(samples, 10)) @ generator.normal(size=(10, units))
    matrix, constant = generator.normal(size=(units, 3)), generator.normal(size=3)
    link = OutputLink("softmax")
    p = link.outputs(0.3 * (np.maximum(x, 0) @ matrix + constant))
    hidden = x[:, :kept]
    features = np.concatenate([x, np.ones((samples, 1))], axis=1)
    end = HeadSamples(p, hidden, features, NUMPY_ACTIVATIONS["relu"], link)
    return end, 0.3 * matrix[:kept], 0.3 * constant


def _half(end, part):
    return end.some(np.arange(len(end.p))[part])


def _last_only(end):
    return HeadSamples(end.p, np.maximum(end.hidden, 0), None, NUMPY_ACTIVATIONS["linear"], end.link)


def test_head_tuning_helps_on_samples_that_it_has_not_seen():
    end, matrix, constant = _network(1200)
    seen, new = _half(end, slice(0, 800)), _half(end, slice(800, None))
    flat = _last_only(new)
    start = flat.link.error(flat.p, flat.link.outputs(flat.hidden @ matrix + constant))
    last = fit_head(_last_only(seen), _last_only(seen), matrix, constant, seed=0)
    both = fit_head(seen, seen, matrix, constant, seed=0)
    assert last.errors(flat).mean() < 0.8 * start
    assert both.errors(new).mean() < 0.8 * last.errors(flat).mean()


def test_held_out_samples_have_a_veto():
    end, matrix, constant = _network(400)
    good = fit_head(end, end, matrix, constant, seed=0)
    hidden = end.hidden + end.features @ good.correction
    moved = HeadSamples(end.p, hidden, end.features, end.activation, end.link)
    shuffled = HeadSamples(end.p[::-1], moved.hidden, moved.features, end.activation, end.link)
    assert fit_head(shuffled, shuffled, good.matrix, good.constant, seed=0) is not None
    assert fit_head(shuffled, moved, good.matrix, good.constant, seed=0) is None


def test_the_penalty_is_that_of_the_least_error_on_new_samples():
    generator = np.random.default_rng(1)
    hidden, noise = generator.normal(size=(1000, 6)), generator.normal(size=(1000, 80))
    matrix, link = generator.normal(size=(6, 3)), OutputLink("softmax")
    p = link.outputs(np.maximum(hidden, 0) @ matrix + 0.5 * generator.normal(size=(1000, 3)))
    end = HeadSamples(p, hidden, noise, NUMPY_ACTIVATIONS["relu"], link)
    seen, new = _half(end, slice(0, 200)), _half(end, slice(200, None))
    fit = fit_head(seen, seen, 0.5 * matrix, np.zeros(3), seed=0)
    start = HeadFit(np.zeros((80, 6)), 0.5 * matrix, np.zeros(3))
    overfitted = _hidden_layer(seen, fit, 0.1)
    assert overfitted.errors(seen).mean() < fit.errors(seen).mean()
    assert fit.errors(new).mean() < 0.95 * start.errors(new).mean() < overfitted.errors(new).mean()


def test_what_is_exact_or_too_little_stays():
    end, _, constant = _network(400, kept=24)
    generator = np.random.default_rng(0)
    generator.normal(size=(400, 10)) @ generator.normal(size=(10, 24))
    matrix = 0.3 * generator.normal(size=(24, 3))
    assert end.link.error(end.p, end.link.outputs(np.maximum(end.hidden, 0) @ matrix + constant)) < 1e-8
    assert fit_head(end, end, matrix, constant, seed=0) is None
    few = end.some(np.arange(30))
    assert fit_head(few, few, 2 * matrix, constant, seed=0) is None


def test_logits_stay_where_int8_can_hold_them():
    import tf_keras

    import edgeprune

    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(3)
    model = tf_keras.Sequential([
        layers.Input((12,)), layers.Dense(24, activation="relu"), layers.Dense(24, activation="relu"),
        layers.Dense(4, activation="softmax"),
    ])
    rng = np.random.default_rng(3)
    x = rng.normal(size=(160, 12)).astype(np.float32)
    y = (x[:, 0] > 0) * 2 + (x[:, 1] > 0)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=60, verbose=0)
    pruned = edgeprune.prune(model, 0.5, calibration=x, round_to=4).model

    def logits(network):
        kernel, bias = network.layers[-1].get_weights()
        return tf_keras.Model(network.inputs, network.layers[-2].output).predict(x, verbose=0) @ kernel + bias

    # What all logits of a sample share means nothing; it must not drift away.
    before, after = (np.abs(logits(network).mean(axis=1)).max() for network in (model, pruned))
    assert after < 10 * before
    assert np.abs(logits(pruned)).max() < 10 * np.abs(logits(model)).max()
