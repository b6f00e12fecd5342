"""Recurrent kernels are refitted so that the states of a whole run stay near the original's."""

import numpy as np
import pytest

from edgeprune.keras_bridge.prune import analyze

KINDS = ("SimpleRNN", "LSTM", "GRU", "GRU without bias", "backwards", "both ways", "masked")


def _model(k, kind):
    """A recurrent layer whose states hang together, as trained ones do, and a head that reads their mean."""
    generator = np.random.default_rng(3)
    data = k.Input((20, 5))
    x = k.layers.Masking()(data) if kind == "masked" else data
    cell = {"SimpleRNN": k.layers.SimpleRNN, "LSTM": k.layers.LSTM}.get(kind, k.layers.GRU)
    plain, backwards = kind == "GRU without bias", kind == "backwards"
    layer = cell(16, return_sequences=True, use_bias=not plain, go_backwards=backwards)
    states = (k.layers.Bidirectional(layer) if kind == "both ways" else layer)(x)
    model = k.Model(data, k.layers.Dense(6)(k.layers.GlobalAveragePooling1D()(states)))
    for one in model.layers:
        shapes = [weight.shape for weight in one.get_weights()]
        # Rows that hang together: a few directions carry most of the states.
        one.set_weights([
            generator.normal(size=(shape[0], 4)) @ generator.normal(size=(4, shape[1])) / shape[0] ** 0.5 / 2
            + 0.1 * generator.normal(size=shape) if len(shape) == 2 else 0.3 * generator.normal(size=shape)
            for shape in shapes
        ])
    return model, states


def _samples(kind):
    walk = np.cumsum(np.random.default_rng(5).normal(size=(160, 20, 5)) * 0.5, axis=1).astype("float32")
    if kind == "masked":
        walk *= np.arange(20)[None, :, None] < np.random.default_rng(6).integers(8, 21, 160)[:, None, None]
    return walk


def _errors(k, kind):
    """Squared error of the kept states over whole runs: with the original's own weights, and refitted."""
    model, states = _model(k, kind)
    x = _samples(kind)
    fitted_on, seen = x[:100], x[100:]
    analysis = analyze(model, fitted_on)
    name = next(one.name for one in model.layers if one.count_params())
    calls = analysis.dependencies.graph.calls
    place = next(number for number, call in enumerate(calls) if call.layer == name)
    before = np.asarray(k.Model(model.inputs, states)(seen))
    counted = (seen != 0).any(-1)
    found, largest = [], []
    for reconstruct in (False, True):
        result = analysis.prune(0.5, reconstruct=reconstruct)
        layer = result.model.get_layer(name)
        after = np.asarray(k.Model(result.model.inputs, layer.output)(seen))
        group = next(iter(result.dependencies.flows[place].outputs))
        kept = result.keep[result.dependencies.channel_of[group.reshape(-1)[-before.shape[-1]:]]]
        difference = (after - before[..., kept])[counted]
        found.append(float(np.mean(difference**2)))
        largest.append(max(float(np.abs(one).max()) for one in layer.get_weights()))
    return found, largest


@pytest.mark.parametrize("flavour", ["tf_keras", "keras"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.heavy
def test_states_of_unseen_runs_come_nearer(kind, flavour):
    (own, refitted), (plain, largest) = _errors(pytest.importorskip(flavour), kind)
    assert refitted < 0.7 * own
    assert largest < 2 * plain


def test_a_gru_keeps_its_states():
    (own, refitted), (plain, largest) = _errors(pytest.importorskip("keras"), "GRU")
    assert refitted < 0.7 * own
    assert largest < 2 * plain
