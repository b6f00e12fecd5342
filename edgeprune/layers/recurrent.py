"""SimpleRNN, GRU, LSTM, and RNN over such cells, also stacked ones.

A hidden unit is one neuron: its gates, its row of the recurrent kernel and its place in the output
and in the states go together. Inputs are (N, T, in); outputs the sequence (N, T, u) or its last
step (N, u), then the states where asked for.
"""

import functools
from collections.abc import Iterator

import numpy as np

from edgeprune.graph import Argument, ChannelIds, ChannelSpace, Config, KeepMask, Tensor, channel_ids
from edgeprune.graph.flow import CallView, Flow, LinearRead, WeightFlow
from edgeprune.layers.activation import fix_if_mixing
from edgeprune.layers.barrier import barrier_flow
from edgeprune.layers.cells import GATES, Cell, Stack
from edgeprune.layers.dense import vectors
from edgeprune.layers.nested import is_built_in, with_config
from edgeprune.layers.rule import Rule


class RecurrentRule(Rule):
    """SimpleRNN, GRU, LSTM."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        return _flow_through(view, (Cell(view.layer.kind, view.layer.config),), space, ["units"])


class CellsRule(Rule):
    """RNN over SimpleRNNCell, GRUCell, LSTMCell or StackedRNNCells of them."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        cells = self._cells(view)
        if cells is None:
            return barrier_flow(view, space, "runs cells that have no rule")
        return _flow_through(view, cells, space, [str(number) for number in range(len(cells))])

    @staticmethod
    def _cells(view: CallView) -> tuple[Cell, ...] | None:
        cells: list[Cell] = []
        for config in _cell_configs(view):
            kind = str(config["class_name"]).removesuffix("Cell")
            if kind not in GATES or not is_built_in(config):
                return None
            cells.append(Cell(kind, config["config"], first=sum(cell.weights for cell in cells)))
        return tuple(cells)

    def resize(self, view: CallView, flow: Flow, kept: KeepMask) -> Config:
        """``units`` inside of each cell's own configuration."""
        if not flow.sizes:
            return {}
        counts = [kept.count(ids) for ids in flow.sizes.values()]
        cells = [
            with_config(config, {"units": count})
            for config, count in zip(_cell_configs(view), counts, strict=True)
        ]
        cell = view.option("cell")
        return {"cell": with_config(cell, {"cells": cells}) if _is_stacked(view) else cells[0]}


def _is_stacked(view: CallView) -> bool:
    return bool(view.option("cell")["class_name"] == "StackedRNNCells")


def _cell_configs(view: CallView) -> list[Config]:
    cell = view.option("cell")
    return list(cell["config"]["cells"]) if _is_stacked(view) else [cell]


def sequence_and_states(view: CallView) -> tuple[Tensor, list[Tensor]]:
    """The sequence and the initial states; Keras 2 passes them as one list."""
    first = view.call.args[0] if view.call.args else view.call.inputs[0]
    states = view.argument("initial_state", 1)
    if isinstance(first, (list, tuple)):
        first, *states = first
    return first, list(_tensors(states))


def _tensors(states: Argument) -> Iterator[Tensor]:
    """One state, or those of all cells; an LSTM cell's two are a list of their own among stacked cells."""
    if isinstance(states, Tensor):
        yield states
    elif isinstance(states, (list, tuple)):
        for state in states:
            yield from _tensors(state)


def _flow_through(view: CallView, cells: tuple[Cell, ...], space: ChannelSpace, names: list[str]) -> Flow:
    """Sends ids through a stack of cells; `names` are those of the cells' sizes."""
    name = view.layer.path
    sequence, initial = sequence_and_states(view)
    read = space.fix_unless_vector(view.ids(sequence), -1, name)
    steps = int(sequence.shape[1] or 1)
    weights: list[WeightFlow] = []
    made: list[ChannelIds] = []
    for number, cell in enumerate(cells):
        made.append(space.fresh(name, cell.units, part=f"cell {number}" if len(cells) > 1 else ""))
        fix_if_mixing(view, made[-1], space, cell.config)
        weights += cell.flow(read, made[-1], steps)
        read = made[-1]
    states = [channels for cell, channels in zip(cells, made, strict=True) for _ in range(cell.states)]
    if view.option("reverse_state_order"):
        space.fix(np.concatenate(states), name, "keeps its states in reverse order")
    for tensor, channels in zip(initial, states, strict=False):
        space.unite(space.fix_unless_vector(view.ids(tensor), -1, name), channels)
    outputs = [
        channel_ids.along(channels, -1, tensor.shape)
        for tensor, channels in zip(view.call.outputs, [made[-1], *states], strict=False)
    ]
    reads = () if view.option("time_major") else _reads(view, cells, view.place(sequence))
    return Flow(tuple(outputs), tuple(weights), reads, sizes=dict(zip(names, made, strict=True)))


def _reads(view: CallView, cells: tuple[Cell, ...], source: int) -> tuple[LinearRead, ...]:
    """Kernel and recurrent kernel of each cell."""
    stack = Stack(cells, bool(view.option("go_backwards")))
    can_run = all(cell.reads_state_linearly for cell in cells)
    reads = []
    for number, cell in enumerate(cells):
        for place, what in enumerate(("input", "state")):
            if can_run or (number == 0 and what == "input"):
                hidden = functools.partial(stack.read_by, number, what, source)
                reads.append(LinearRead(
                    source, cell.first + place, cell.bias, rows=(0,), samples=vectors, hidden=hidden,
                    bias_row=place if cell.reset_after else None, recurs=what == "state",
                ))
    return tuple(reads)
