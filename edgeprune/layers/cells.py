"""Recurrent cells: which channel decides over what, and the same cells in numpy.

    kernel (in, g·u), recurrent kernel (u, g·u), bias (g·u), or (2, g·u) for a GRU with reset_after

with g gates side by side, each u wide: 1 for SimpleRNN, 3 for GRU (z, r, h), 4 for LSTM (i, f, c, o).
Channel j owns column j of every gate and row j of the recurrent kernel.

The numpy cells follow Keras' own; they give the states that the recurrent kernels read, which are
no tensors of the graph.
"""

import dataclasses
import itertools

import numpy as np

from edgeprune.graph import Arrays, ChannelIds, Config, Masks, WeightFlow
from edgeprune.layers.activation import NUMPY_ACTIVATIONS

GATES = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}

State = list[np.ndarray]


ACTIVATIONS = {name: NUMPY_ACTIVATIONS[name] for name in ("tanh", "sigmoid", "relu", "linear")}
"""What `Cell.step` can compute; a cell with another activation has no recurrent read."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """A recurrent cell of a kind in `GATES`; `first` is its kernel's index among the layer's weights."""

    kind: str
    config: Config
    first: int = 0

    @property
    def units(self) -> int:
        return int(self.config["units"])

    @property
    def states(self) -> int:
        """Number of states: h, and c for an LSTM."""
        return 2 if self.kind == "LSTM" else 1

    @property
    def bias(self) -> int | None:
        """Index among the layer's weights."""
        return self.first + 2 if self.config.get("use_bias", True) else None

    @property
    def weights(self) -> int:
        """Their number."""
        return 2 if self.bias is None else 3

    @property
    def reset_after(self) -> bool:
        """GRU: the reset gate multiplies h·U instead of h."""
        return self.kind == "GRU" and bool(self.config.get("reset_after", True))

    @property
    def reads_state_linearly(self) -> bool:
        """Whether the recurrent kernel reads h itself, and `step` can follow the cell."""
        names = [self.config.get("activation"), self.config.get("recurrent_activation", "linear")]
        known = all(isinstance(name, str) and name in ACTIVATIONS for name in names)
        return known and (self.kind != "GRU" or self.reset_after)

    def flow(self, read: ChannelIds, made: ChannelIds, steps: int) -> list[WeightFlow]:
        """Weights of the cell, used once a time step."""
        columns = np.tile(made, GATES[self.kind])
        flows = [WeightFlow((read, columns), reuse=steps), WeightFlow((made, columns), reuse=steps)]
        if self.bias is not None:
            flows.append(WeightFlow((None, columns) if self.reset_after else (columns,)))
        return flows

    def step(self, x: np.ndarray, states: State, weights: Arrays) -> State:
        """One time step in numpy: (N, in) and the states to the new states, h first."""
        act = ACTIVATIONS[self.config["activation"]]
        gate = ACTIVATIONS[self.config.get("recurrent_activation", "linear")]
        kernel, recurrent = weights[self.first], weights[self.first + 1]
        bias = np.zeros((), x.dtype) if self.bias is None else weights[self.bias]
        h = states[0]
        if self.kind == "SimpleRNN":
            return [act(x @ kernel + h @ recurrent + bias)]
        if self.kind == "LSTM":
            i, f, c, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=1)
            carry = gate(f) * states[1] + gate(i) * act(c)
            return [gate(o) * act(carry), carry]
        from_x, from_h = (bias[0], bias[1]) if bias.ndim == 2 else (bias, bias)
        xz, xr, xh = np.split(x @ kernel + from_x, 3, axis=1)
        hz, hr, hh = np.split(h @ recurrent + from_h, 3, axis=1)
        z = gate(xz + hz)
        return [z * h + (1 - z) * act(xh + gate(xr + hr) * hh)]


@dataclasses.dataclass(frozen=True)
class Stack:
    """Cells on top of each other, the lowest first, run over time, which may run backwards."""

    cells: tuple[Cell, ...]
    backwards: bool = False

    def read_by(
        self, number: int, what: str, source: int, inputs: Arrays, weights: Arrays, masks: Masks
    ) -> np.ndarray:
        """(steps, width): what cell `number` reads over time, unmasked steps only.

        That is its input at each step or, where `what` is "state", its h before the step. The inputs are the
        sequence (N, T, in), at the place `source`, and the initial states if there are any.
        """
        x, mask = inputs[source], masks[source]
        if number == 0 and what == "input":
            return x.reshape(-1, x.shape[-1]) if mask is None else x[mask]
        # Keras 3 also passes the mask as an input.
        given = [np.asarray(one) for one in inputs if one.ndim == 2 and one.dtype != bool]
        states = given[: sum(cell.states for cell in self.cells)] or [
            np.zeros((len(x), weights[cell.first + 1].shape[0]), x.dtype)
            for cell in self.cells for _ in range(cell.states)
        ]
        order = range(x.shape[1])
        seen = []
        for time in reversed(order) if self.backwards else order:
            valid = np.ones(len(x), bool) if mask is None else np.asarray(mask[:, time])
            now = self._step(x[:, time], states, weights)
            seen.append(now[number][0 if what == "input" else 2][valid])
            new = [state for _, states_now, _ in now for state in states_now]
            states = [np.where(valid[:, None], a, b) for a, b in zip(new, states, strict=True)]
        return np.concatenate(seen)

    def _step(
        self, x: np.ndarray, states: State, weights: Arrays
    ) -> list[tuple[np.ndarray, State, np.ndarray]]:
        """For each cell its input, new states and previous h."""
        done, rest = [], iter(states)
        for cell in self.cells:
            mine = list(itertools.islice(rest, cell.states))
            new = cell.step(x, mine, weights)
            done.append((x, new, mine[0]))
            x = new[0]
        return done
