"""One model around every row of the rules' table, for both Keras versions.

A case takes the Keras package and gives (input shapes, function from input tensors to outputs). The
row under test stands between a layer with prunable neurons and one that reads what comes out.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Case:
    """A model to prune.

    Attributes:
        row: the key in `edgeprune.layers.RULES` that the case is for.
        shapes: of the inputs, without the batch.
        build: from the Keras package and the list of inputs to the output(s).
        note: tells cases of one row apart.
        keras_versions: which Keras versions have the layer.
        tokens: inputs are integers below 10.
    """

    row: str
    shapes: tuple[tuple[int, ...], ...]
    build: Callable[[Any, list[Any]], Any]
    note: str = ""
    keras_versions: tuple[str, ...] = ("keras", "tf_keras")
    tokens: bool = False

    @property
    def name(self) -> str:
        """For the test's id."""
        return f"{self.row}-{self.note}" if self.note else self.row


SEQUENCE = (6, 4)
IMAGE = (8, 8, 3)
K3 = ("keras",)


def dense(k: Any, x: Any, units: int = 8) -> Any:
    """Makes prunable neurons along the last axis."""
    return k.layers.Dense(units, activation="tanh")(x)


def read(k: Any, x: Any) -> Any:
    """Reads whatever there is with a Dense of the output."""
    return k.layers.Dense(3)(k.layers.Flatten()(x) if len(x.shape) > 2 else x)


def between(
    row: str, make: Callable[[Any], Any], shape: tuple[int, ...] = SEQUENCE, units: int = 8, **options: Any
) -> Case:
    """Dense → the layer → Dense."""

    def build(k: Any, inputs: list[Any]) -> Any:
        return read(k, make(k)(dense(k, inputs[0], units)))

    return Case(row, (shape,), build, **options)


def layer(
    row: str,
    *args: Any,
    shape: tuple[int, ...] = SEQUENCE,
    units: int = 8,
    note: str = "",
    keras_versions: tuple[str, ...] = ("keras", "tf_keras"),
    **kwargs: Any,
) -> Case:
    """`between` with a layer of the row's own name."""

    def make(k: Any) -> Any:
        return getattr(k.layers, row)(*args, **kwargs)

    return between(row, make, shape, units, note=note, keras_versions=keras_versions)


def merge(row: str, **kwargs: Any) -> Case:
    """Two dense layers → the merge → Dense."""

    def build(k: Any, inputs: list[Any]) -> Any:
        merged = getattr(k.layers, row)(**kwargs)([dense(k, inputs[0]), dense(k, inputs[1])])
        return read(k, merged)

    return Case(row, (SEQUENCE, SEQUENCE), build)


def model(row: str, build: Callable[[Any, list[Any]], Any], *shapes: tuple[int, ...], **options: Any) -> Case:
    """A case with a graph of its own."""
    return Case(row, shapes or (SEQUENCE,), build, **options)
