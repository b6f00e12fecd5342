"""Names in a plain model, each once: layers keep theirs, because users read them."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence

from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.inside.composites import is_opened, sublayers
from edgeprune.keras_bridge.nodes import Identity
from edgeprune.keras_types import KerasLayer, KerasModel, KerasModule, KerasTensor


class Names:
    """Gives names that are not taken; `wanted` are those that the original's layers will ask for."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self._wanted, self._taken = frozenset(wanted), set[str]()
        self._tried = collections.Counter[str]()

    def of_layer(self, wanted: str) -> str:
        """This name, of a layer of the original; with a number where it is taken."""
        return self._given(wanted, 0, frozenset())

    def new(self, wanted: str) -> str:
        """A name that no layer of the original asks for."""
        return self._given(wanted, self._tried[wanted], self._wanted)

    def _given(self, wanted: str, number: int, kept: frozenset[str]) -> str:
        name = f"{wanted}_{number}" if number else wanted
        while name in self._taken or name in kept:
            number += 1
            name = f"{wanted}_{number}"
        self._tried[wanted] = number  # the next search goes on from here
        self._taken.add(name)
        return name


def name_operations(outputs: Sequence[KerasTensor]) -> None:
    """Renames operations whose name another operation or layer of the model has.

    Keras names those that a call makes, such as ``x + y``, by a count of its own that starts anew in each
    process: it does not see that a layer from a file is called "add_2".
    """
    waiting, found = list(outputs), dict[Identity, KerasLayer]()
    seen = set[Identity]()
    while waiting:
        symbol = waiting.pop()
        node = nodes.node_of(symbol)
        if node is None or Identity(node) in seen:
            continue
        seen.add(Identity(node))
        operation = nodes.operation_of(node)
        found.setdefault(Identity(operation), operation)
        waiting += nodes.tensors_in(nodes.arguments_of(node))
    ordered = sorted(found.values(), key=lambda operation: not hasattr(operation, "weights"))
    names = Names(())
    for operation in ordered:
        name = names.of_layer(operation.name)
        if name != operation.name:
            operation.name = name


def output_names(model: KerasModel, outputs: object) -> list[str]:
    """What users call a model's outputs, whose nested symbols these are; empty where nothing says it."""
    if nodes.is_graph_model(model) and not is_opened(model):
        return list(getattr(model, "output_names", ()))
    is_named = isinstance(outputs, dict) and len(nodes.tensors_in(list(outputs.values()))) == len(outputs)
    return list(nodes.in_order(outputs)) if isinstance(outputs, dict) and is_named else []


def with_output_names(keras: KerasModule, outputs: object, names: Sequence[str], taken: Names) -> object:
    """The same outputs under these names: those of an opened layer come from a layer inside of it."""
    waiting = iter(names)

    def named(symbol: KerasTensor) -> KerasTensor:
        name, node = next(waiting, ""), nodes.node_of(symbol)
        if not name or node is None or nodes.operation_of(node).name == name:
            return symbol
        return keras.layers.Activation("linear", name=taken.of_layer(name), dtype=symbol.dtype)(symbol)

    return nodes.map_tensors(outputs, named)


def paths_of(model: KerasModel) -> dict[Identity, str]:
    """Layer to its name with the names of the layers around it; the first place where there are several."""
    found: dict[Identity, str] = {}
    waiting = collections.deque((one, one.name) for one in sublayers(model))
    while waiting:
        layer, path = waiting.popleft()
        if Identity(layer) in found:
            continue
        found[Identity(layer)] = path
        waiting.extend((one, f"{path}.{one.name}") for one in sublayers(layer))
    return found
