"""Linear algebra while pruning: on one thread, and as many as before afterwards."""

import numpy as np
import pytest
import scipy.linalg  # noqa: F401 - it has a BLAS of its own, which would come with its own number of threads
from threadpoolctl import threadpool_info, threadpool_limits

import edgeprune
from edgeprune.pruning.blas_threads import one_blas_thread
from edgeprune.training.environment import deterministic


def threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def a_model():
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    return tf_keras.Sequential([
        tf_keras.Input((12, 12, 3)), layers.Conv2D(24, 3, activation="relu"), layers.Flatten(),
        layers.Dense(32, activation="relu"), layers.Dense(4, activation="softmax"),
    ])


def test_every_step_of_pruning_has_one_thread_and_gives_the_others_back():
    x = np.random.default_rng(0).normal(size=(64, 12, 12, 3)).astype(np.float32)
    inside: dict[str, set[int]] = {}

    def watch(step: str, fraction: float) -> None:
        if 0 < fraction < 1:  # the beginning and the end are told outside of a step
            inside[step] = threads()

    with threadpool_limits(3, user_api="blas"):
        edgeprune.prune(a_model(), 0.5, calibration=x, progress=watch)
        assert threads() == {3}
    assert set(inside) >= {"measure", "repair"}
    assert set().union(*inside.values()) == {1}


def test_a_build_has_one_thread_and_an_error_gives_the_others_back():
    def failing() -> None:
        with deterministic(0):
            raise ZeroDivisionError(threads())

    with threadpool_limits(2, user_api="blas"):
        with pytest.raises(ZeroDivisionError, match=r"\{1\}"):
            failing()
        assert threads() == {2}


@pytest.mark.heavy
def test_the_number_of_threads_decides_no_weight():
    x = np.random.default_rng(1).normal(size=(96, 12, 12, 3)).astype(np.float32)
    found = []
    for number in (1, 3):
        with threadpool_limits(number, user_api="blas"):
            found.append(edgeprune.prune(a_model(), 0.5, calibration=x))
    assert (found[0].keep == found[1].keep).all()
    for one, other in zip(*(result.model.get_weights() for result in found), strict=True):
        np.testing.assert_array_equal(one, other)


def test_limits_nest():
    with threadpool_limits(3, user_api="blas"), one_blas_thread():
        with one_blas_thread():
            assert threads() == {1}
        assert threads() == {1}
