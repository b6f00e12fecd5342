"""Names in a plain model, each once: layers keep theirs, because users read them."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence

from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.nodes import Identity
from edgeprune.keras_types import KerasLayer, KerasTensor


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
