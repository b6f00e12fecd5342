"""Embedding tables that read token numbers, and the model with fewer of their rows.

    token numbers (N, T) of a vocabulary --Embedding (V, D)-->    becomes    (V', D), the rows that stay

That is exact where the numbers are used for nothing but to look rows up: numbers of the smaller vocabulary
then find the same rows. Comparing them with padding or with the unknown token, which keep their numbers, is
allowed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping

import numpy as np

from edgeprune.graph.model_graph import Call, ModelGraph
from edgeprune.keras_bridge.build import build
from edgeprune.keras_bridge.read import Reading, shared_weights
from edgeprune.keras_types import KerasModel
from edgeprune.pruning.compaction import unchanged
from edgeprune.pruning.vocabulary import PADDING, UNKNOWN

_PASSED_ON = {"InputLayer", "Identity", "Cast"}
_COMPARING = {"NotEqual", "Equal"}
_SHAPE_ALONE = {"ZerosLike", "OnesLike"}


@dataclasses.dataclass(frozen=True)
class TokenTables:
    """Paths of the embeddings that read an input's token numbers; or why their rows cannot go."""

    paths: tuple[str, ...] = ()
    reason: str = ""


def token_tables(reading: Reading, inputs: Collection[int]) -> TokenTables:
    """The tables that read the model's inputs at these positions, all of one vocabulary.

    A table that is read by anything else as well, such as one that is tied to the outputs, cannot lose rows.
    """
    graph = reading.graph
    tokens = {graph.inputs[number].index for number in inputs}
    found: dict[str, None] = {}
    for call in graph.calls:
        if not tokens & {tensor.index for tensor in call.inputs}:
            continue
        kind = graph.layers[call.layer].kind
        if kind in _PASSED_ON:
            tokens |= {tensor.index for tensor in call.outputs}
        elif kind == "Embedding":
            found[call.layer] = None
        elif kind not in _SHAPE_ALONE and not _compares_with_kept(call, kind):
            return TokenTables(reason=f"layer '{call.layer}' computes with the token numbers themselves")
    if not found:
        return TokenTables(reason="no Embedding reads the token numbers")
    return TokenTables(tuple(found), _other_use(reading, tokens, found))


def _compares_with_kept(call: Call, kind: str) -> bool:
    """Whether a call compares token numbers with one that stays what it is."""
    values = [value for value in (*call.args, *call.kwargs.values()) if np.ndim(value) == 0]
    numbers = [value for value in values if isinstance(value, (int, float, np.ndarray, np.generic))]
    return kind in _COMPARING and len(numbers) == 1 and float(numbers[0]) in (PADDING, UNKNOWN)


def _other_use(reading: Reading, tokens: Collection[int], found: Collection[str]) -> str:
    """What else reads one of the tables; empty for nothing."""
    graph = reading.graph
    if any(tensor.index in tokens for tensor in graph.outputs):
        return "the model gives the token numbers out"
    for call in graph.calls:
        if call.layer in found and not all(tensor.index in tokens for tensor in call.inputs):
            return f"the table of '{call.layer}' is used for something else too, such as the outputs"
    for pair in shared_weights(reading):
        if set(pair) & set(found):
            return f"layers '{pair[0]}' and '{pair[1]}' share one table"
    if len(rows := {_rows(graph, path) for path in found}) > 1:
        listed = " and ".join(map(str, sorted(rows)))
        return f"the tables that read the tokens have {listed} rows"
    return ""


def _rows(graph: ModelGraph, path: str) -> int:
    return graph.layers[path].weight_shapes[0][0]


def with_rows(reading: Reading, tables: Mapping[str, np.ndarray], kept: np.ndarray) -> KerasModel:
    """A copy of the model with some rows of its tables only.

    Args:
        tables: path to the table (V, D) whose rows are taken.
        kept: numbers of the rows that stay, in their new order.
    """
    plan = unchanged(reading.graph)
    cut = dataclasses.replace(
        plan,
        configs={path: {"input_dim": len(kept)} for path in tables},
        weights={**plan.weights, **dict.fromkeys(tables, ((kept, None),))},
    )
    return build(reading, cut, {path: [table] for path, table in tables.items()})
