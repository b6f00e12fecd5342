"""The model as values: layers with numpy weights, the calls made to them, the tensors between.

A layer may be called several times (a shared layer), so calls and layers are apart. Nested models
are inlined: their layers carry a path such as ``"encoder/dense"``. No TensorFlow in here; the
weights are read from the framework when they are first asked for.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

Shape: TypeAlias = tuple[int | None, ...]
Config: TypeAlias = Mapping[str, Any]
"""A layer's configuration, or a part of it, as Keras' ``get_config`` writes it."""
Argument: TypeAlias = Any
"""A call's argument: any nesting of lists, tuples and dictionaries, with `Tensor` where a tensor goes."""
Arguments: TypeAlias = tuple[tuple[Argument, ...], Mapping[str, Argument]]
"""Positional and keyword arguments."""


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A symbolic tensor: an index into `ModelGraph.tensors`, where it stands in for a value."""

    index: int
    shape: Shape
    dtype: str


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer of the model, whichever Keras it came from.

    Attributes:
        path: name, with the names of the nested models around it.
        kind: class name, the key into the table of rules.
        weight_shapes: in the order of the layer's ``get_weights``.
        weight_names: the framework's own short names, in the same order.
        module: the module that defines the class; tells a built-in layer from a user's.
        barrier: why this very layer cannot be followed, whatever its kind; empty where it can.
    """

    path: str
    kind: str
    config: Config
    weight_shapes: tuple[tuple[int, ...], ...] = ()
    weight_names: tuple[str, ...] = ()
    read_weights: Callable[[], Sequence[np.ndarray]] = tuple
    module: str = ""
    barrier: str = ""


@dataclasses.dataclass(frozen=True)
class Call:
    """One use of the layer at a path.

    Attributes:
        inputs: the tensors of `args` and `kwargs`, in order.
        key: identifies the call to the framework bridge that made the graph.
        steps: how often the call is made for one sample: once for each step of the sequences around it,
            open lengths counted as 1.
        count_macs: multiply-accumulates of this one call as it is, for a layer that no rule can follow; None
            where nobody knows.
    """

    layer: str
    args: tuple[Argument, ...]
    kwargs: Mapping[str, Argument]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    key: object = None
    steps: int = 1
    count_macs: Callable[[], int | None] = int


@dataclasses.dataclass(frozen=True)
class ModelGraph:
    """A whole model; `calls` are in an order in which they can run."""

    name: str
    layers: Mapping[str, Layer]
    calls: tuple[Call, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def only_consumer(self, call: Call) -> Call | None:
        """The one call that uses a call's first result; None for several, or where the model returns it."""
        index = call.outputs[0].index
        users = [other for other in self.calls if any(tensor.index == index for tensor in other.inputs)]
        is_returned = any(tensor.index == index for tensor in self.outputs)
        return users[0] if len(users) == 1 and not is_returned else None
