"""Indexes of symbolic tensors that Keras takes of arrays alone: ``x[None]``, ``x[1:]``, ``x[...]``.

The weights of an opened layer are symbols while it is recorded, and its code indexes them as it always does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from edgeprune.keras_types import KerasTensor


@contextlib.contextmanager
def array_indexing() -> Iterator[None]:
    """Lets Keras 3's symbolic tensors take such indexes, for a time."""
    import keras

    own = keras.KerasTensor.__getitem__

    def get_item(symbol: KerasTensor, key: object) -> KerasTensor:
        if isinstance(key, slice) or key is None or key is Ellipsis:
            key = (key,)
        return own(symbol, key)

    keras.KerasTensor.__getitem__ = get_item
    try:
        yield
    finally:
        keras.KerasTensor.__getitem__ = own
