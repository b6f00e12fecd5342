"""Layers that draw random numbers as they answer draw the same ones at each call.

A smaller copy of such a model can then be compared and refitted call by call like any other: what comes after
the layer gets the same values in both. Of Keras' own generators, see `edgeprune.keras_bridge.inference`.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator, MutableMapping

import numpy as np

from edgeprune.keras_bridge import nodes
from edgeprune.keras_types import KerasLayer

_ROUNDING = 1e-5
"""Of an output's largest magnitude; two calls on the same samples may add up in another order."""
_DRAWS: MutableMapping[KerasLayer, bool] = weakref.WeakKeyDictionary()
"""A layer that was called to whether TensorFlow's generator decides what it returns."""


def may_draw(layer: KerasLayer) -> bool:
    """Whether a layer can draw random numbers in inference mode; Keras' own do only if a call says so."""
    kind, package = type(layer).__name__, type(layer).__module__.split(".", maxsplit=1)[0]
    if kind == "TFOpLambda":
        return "random" in layer.name or "dropout" in layer.name
    if package == "tf_keras" and hasattr(layer, "_random_generator"):
        return True
    return kind == "Lambda" or package not in ("keras", "tf_keras")


def with_same_draws(layer: KerasLayer, call: Callable[[], object]) -> object:
    """What `call`, which calls the layer, returns; what it draws from TensorFlow is the same each time."""
    if layer not in _DRAWS:
        made = call()
        _DRAWS[layer] = any(map(differ, _flat(made), _flat(call())))
        if not _DRAWS[layer]:
            return made
    if not _DRAWS[layer]:
        return call()
    with _tensorflow_seed(0):
        return call()


@contextlib.contextmanager
def _tensorflow_seed(seed: int) -> Iterator[None]:
    """Sets TensorFlow's seed, also within tf.function, and the one that was set before afterwards."""
    import tensorflow as tf

    (before, _), is_eager = tf.compat.v1.get_seed(None), tf.config.functions_run_eagerly()
    tf.random.set_seed(seed)
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(is_eager)
        tf.random.set_seed(before)


def _flat(value: object) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    nodes.map_values(value, lambda one: found.append(np.asarray(one)))
    return [one for one in found if one.dtype != object]


def differ(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether more than rounding lies between two arrays."""
    if one.shape != other.shape or one.dtype.kind not in "fV":
        return not np.array_equal(one, other)
    a, b = one.astype(np.float64), other.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    largest = float(np.max(np.abs(a), initial=0.0, where=np.isfinite(a)))
    return bool((~same & ~(np.abs(a - b) <= _ROUNDING * largest)).any())
