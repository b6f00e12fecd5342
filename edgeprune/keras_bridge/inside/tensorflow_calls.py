"""TensorFlow's functions on the symbolic tensors of Keras 3, as operations of Keras that compute the same.

    tf.matmul(a, b, transpose_b=True)    ops.matmul(a, ops.swapaxes(b, -1, -2))
    tf.shape(x)                          the sizes of the recording, as numbers

Keras 3 refuses its symbols to TensorFlow; TensorFlow then asks whoever registered for calls that it refuses.
A function, or an option of one, that `tensorflow_functions` does not have closes its layer.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence

from edgeprune.keras_bridge.inside.tensorflow_functions import (
    Function,
    NotFollowedError,
    functions_of_keras,
)
from edgeprune.keras_bridge.nodes import SYMBOLS, Identity
from edgeprune.keras_types import KerasTensor

_RANDOM = ("normal", "uniform", "truncated_normal", "shuffle", "gamma")


@contextlib.contextmanager
def tensorflow_calls(open_range: Function, is_closed: Callable[[], bool]) -> Iterator[None]:
    """For a time, TensorFlow's functions take symbols.

    ``tf.range`` asks `open_range` for a symbol of its (start, stop, step, dtype), and functions that draw
    random numbers fail; not inside of TensorFlow's own graphs, and not while `is_closed`.
    """
    import tensorflow as tf

    def symbol_or_range(
        start: int, limit: int | None = None, delta: int = 1, dtype: object = None, name: str = "range"
    ) -> object:
        del name
        wanted = None if dtype is None else tf.as_dtype(dtype).name
        symbol = open_range(start, limit, delta, wanted) if is_mine() else None
        limits = (start,) if limit is None else (start, limit)
        return counted(*limits, delta=delta, dtype=dtype) if symbol is None else symbol

    def refusing(function: Function) -> Function:
        def call(*args: object, **kwargs: object) -> object:
            if is_mine():
                raise NotFollowedError("it draws random numbers")
            return function(*args, **kwargs)

        return call

    def is_mine() -> bool:
        return tf.executing_eagerly() and not is_closed()

    dispatcher, counted = _dispatcher(), tf.range
    drawing = {name: getattr(tf.random, name) for name in _RANDOM}
    was, dispatcher.is_on = dispatcher.is_on, True
    try:
        tf.range = symbol_or_range
        for name, function in drawing.items():
            setattr(tf.random, name, refusing(function))
        yield
    finally:
        dispatcher.is_on, tf.range = was, counted
        for name, function in drawing.items():
            setattr(tf.random, name, function)


_REGISTERED: list[KerasTensor] = []


def _dispatcher() -> KerasTensor:
    """TensorFlow has no way to take one away, so there is one for good; it acts while `is_on`."""
    if _REGISTERED:
        return _REGISTERED[0]
    import tensorflow as tf

    functions = functions_of_keras()
    not_mine = tf.__internal__.dispatch.OpDispatcher.NOT_SUPPORTED

    class Translator(tf.__internal__.dispatch.GlobalOpDispatcher):  # type: ignore[misc]
        is_on = False

        def handle(self, op: Function, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
            function = functions.get(Identity(inspect.unwrap(op))) if self.is_on else None
            if function is None or not _has_symbol((args, kwargs)):
                return not_mine
            options = {name: one for name, one in kwargs.items() if name != "name"}
            try:
                return function(*args, **options)
            except TypeError as error:
                raise NotFollowedError(f"tf.{op.__name__} with these options cannot be followed") from error

    made = Translator()
    made.register()
    _REGISTERED.append(made)
    return made


def _has_symbol(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_symbol, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_has_symbol, value))
    return type(value).__name__ in SYMBOLS
