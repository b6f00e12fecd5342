"""Memory while pruning: what is freed is used again, then given back; large models run in batches."""

import ctypes
from pathlib import Path

import numpy as np
import pytest

from edgeprune.keras_bridge.network import network_of
from edgeprune.pruning.calibration_effort import BATCH_BYTES, calibration_effort, peak_values, samples_within
from edgeprune.pruning.freed_memory import freed_memory_kept
from edgeprune.pruning.relu_targets import ReluTarget

MB = 1 << 20


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def use(megabytes: int) -> None:
    np.ones(megabytes * MB, np.uint8)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux' /proc")
@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="without glibc nothing is kept")
def test_freed_memory_is_kept_inside_and_given_back_afterwards():
    def failing() -> None:
        with freed_memory_kept():
            use(200)
            raise ZeroDivisionError(resident())

    before = resident()
    with pytest.raises(ZeroDivisionError) as caught:
        failing()
    assert caught.value.args[0] - before > 150 * MB
    assert resident() - before < 50 * MB
    use(200)
    assert resident() - before < 50 * MB


def test_without_glibc_nothing_happens(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    with freed_memory_kept():
        use(1)


@pytest.mark.heavy
def test_a_large_model_gives_the_same_outputs_in_small_batches():
    import tf_keras

    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(1)
    model = tf_keras.Sequential([
        tf_keras.Input((200, 200, 1)), layers.Conv2D(64, 3, activation="relu"), layers.Conv2D(2, 3),
        layers.GlobalMaxPooling2D(),
    ])
    network = network_of(model)
    fit = samples_within(BATCH_BYTES, network.graph)
    assert fit == BATCH_BYTES // (4 * peak_values(network.graph))
    x = np.random.default_rng(2).normal(size=(fit + 3, 200, 200, 1)).astype(np.float32)
    assert fit < len(x) < 256
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(network.outputs(x)[0], expected, rtol=0, atol=1e-6)
    paused = network.paused(x)
    paused.advance(2)
    np.testing.assert_allclose(paused.outputs()[0], expected, rtol=0, atol=1e-6)
    assert len(paused.runs) == 2
    effort = calibration_effort(network.graph, macs=10**6, groups=1)
    assert effort.batch == fit < effort.at_once


def test_relaxed_targets_are_those_of_all_rows_at_once():
    generator = np.random.default_rng(3)
    target, predicted = generator.normal(size=(2, 1000, 7)).astype(np.float32)
    threshold, side = generator.normal(size=7), np.where(generator.random(7) < 0.5, -1.0, 1.0)
    found = ReluTarget(threshold, side).relaxed(target, predicted)
    for row in range(1000):
        for column in range(7):
            t, p, edge, sign = target[row, column], predicted[row, column], threshold[column], side[column]
            counts = sign * (t - edge) > 0
            thrown = p if sign * (p - edge) < 0 else edge
            assert found[row, column] == np.float32(t if counts else thrown), (row, column)
    assert found.dtype == np.float32
