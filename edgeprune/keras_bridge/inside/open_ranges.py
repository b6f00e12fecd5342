"""``arange`` over an axis of a tensor whose size the model leaves open, as an operation on that tensor."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from edgeprune.keras_types import KerasTensor


def range_along(given: Sequence[KerasTensor], size: int, dtype: str | None) -> KerasTensor | None:
    """0, 1, … over the first axis of that size, batch aside, of what a layer was given; None without one."""
    places = ((x, axis) for x in given for axis, found in enumerate(x.shape) if axis and found == size)
    x, axis = next(places, (None, 0))
    return None if x is None else _operation()(axis, dtype or "int32").symbolic_call(x)


@functools.cache
def _operation() -> type:
    """The operation, made here since Keras is loaded late."""
    import keras

    class RangeAlong(keras.Operation):  # type: ignore[misc]  # Keras has no types
        """As long as one axis of x."""

        def __init__(self, axis: int, dtype: str, *, name: str | None = None) -> None:
            super().__init__(name=name)
            self.axis, self.dtype = axis, dtype

        def compute_output_spec(self, x: KerasTensor) -> KerasTensor:
            return keras.KerasTensor((x.shape[self.axis],), self.dtype)

        def get_config(self) -> dict[str, object]:
            return {"axis": self.axis, "dtype": self.dtype}

    return RangeAlong
