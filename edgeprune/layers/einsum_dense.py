"""EinsumDense: an equation such as ``"abc,cde->abde"``, letter by letter.

in input and kernel, not in output      summed over: the kernel's rows
in kernel and output, not in input      made here; the largest such axis carries the channels
in all three, or input and output       passes through

Channels along a letter that passes and that the kernel does not have: see `edgeprune.layers.position_mixing`.
"""

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

from edgeprune.graph import ChannelIds, ChannelSpace, Config, KeepMask, channel_ids
from edgeprune.graph.flow import CallView, Flow, LinearRead, WeightFlow
from edgeprune.layers.activation import fix_if_mixing
from edgeprune.layers.dense import vectors
from edgeprune.layers.position_mixing import mixing
from edgeprune.layers.rule import LinearRule


@dataclasses.dataclass(frozen=True)
class Equation:
    """One letter for each axis of the input, the kernel and the output."""

    input: str
    kernel: str
    output: str

    @property
    def summed(self) -> str:
        """Letters of the kernel that the output no longer has."""
        return "".join(letter for letter in self.kernel if letter not in self.output)


class EinsumDenseRule(LinearRule):
    """Reads the channels of one summed letter, makes its own along one new letter."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        equation = parse(view.option("equation"), len(view.call.inputs[0].shape))
        varying = [equation.input[axis] for axis in channel_ids.varying_axes(view.inputs[0])]
        if len(varying) == 1 and varying[0] in equation.output and varying[0] not in equation.kernel:
            axes = equation.input.index(varying[0]), equation.output.index(varying[0])
            return mixing(view, axes, space, self._own)
        return self._own(view, space)

    def _own(self, view: CallView, space: ChannelSpace) -> Flow:
        name = view.layer.path
        equation = parse(view.option("equation"), len(view.call.inputs[0].shape))
        shape = view.layer.weight_shapes[0]
        lines = self._summed(view, equation, space)
        new = [a for a in equation.kernel if a in equation.output and a not in equation.input]
        made_letter = max(new, key=lambda letter: shape[equation.kernel.index(letter)], default="")
        output = channel_ids.none(view.output)
        if made_letter:
            made = space.fresh(name, shape[equation.kernel.index(made_letter)])
            fix_if_mixing(view, made, space)
            lines[made_letter] = made
            output = channel_ids.along(made, equation.output.index(made_letter), view.output)
        kernel = tuple(lines.get(letter) for letter in equation.kernel)
        weights = [WeightFlow(kernel, reuse=_positions(view, equation))]
        columns: str | None = None
        for bias in view.layer.weight_shapes[1:]:
            letters = list(zip(equation.output[len(equation.output) - len(bias) :], bias, strict=True))
            weights.append(WeightFlow(tuple(lines.get(a) if size > 1 else None for a, size in letters)))
            columns = "".join(letter for letter, size in letters if size > 1)
        return Flow((output,), tuple(weights), _reads(equation, lines, columns, shape))

    @staticmethod
    def _summed(view: CallView, equation: Equation, space: ChannelSpace) -> dict[str, ChannelIds]:
        """Ids along the summed letter that carries channels; anything else is kept whole."""
        ids = view.inputs[0]
        read = [letter for letter in equation.summed if letter in equation.input]
        varying = [equation.input[axis] for axis in channel_ids.varying_axes(ids)]
        if any(letter not in read for letter in varying):
            space.fix(ids, view.layer.path, "reads its neurons along an axis that it does not sum over")
            return {}
        return {
            letter: space.fix_unless_vector(ids, equation.input.index(letter), view.layer.path)
            for letter in (varying or read)[-1:]
        }

    def resize(self, view: CallView, flow: Flow, kept: KeepMask) -> Config:
        """``output_shape`` leaves the batch out and may hold None."""
        along = [kept.shape(ids)[1:] for ids in (*flow.outputs, *flow.crossing)]
        sizes = [min(sizes) for sizes in zip(*along, strict=True)]
        old = view.option("output_shape")
        old = old if isinstance(old, (list, tuple)) else [old]
        sizes = sizes[len(sizes) - len(old) :]
        return {"output_shape": [None if was is None else now for was, now in zip(old, sizes, strict=True)]}

    def folds_constants(self, view: CallView, read: LinearRead) -> bool:
        """Where the bias has a number of its own for each column."""
        if read.bias is None:
            return False
        sizes = enumerate(view.layer.weight_shapes[read.kernel])
        columns = tuple(size for axis, size in sizes if axis not in read.rows)
        return view.layer.weight_shapes[read.bias] == columns


def parse(equation: str, rank: int) -> Equation:
    """Splits an equation; an ellipsis becomes capital letters for the axes it stands for."""
    left, output = equation.replace(" ", "").split("->")
    data, kernel = left.split(",")
    missing = "".join(chr(ord("A") + number) for number in range(rank - len(data.replace("...", ""))))
    return Equation(*(part.replace("...", missing) for part in (data, kernel, output)))


def _positions(view: CallView, equation: Equation) -> int:
    """How often each kernel element is used: the input's axes that the kernel does not have, batch aside."""
    sizes = channel_ids.static(view.call.inputs[0].shape)
    axes = list(zip(equation.input, sizes, strict=True))[1:]
    return int(np.prod([size for letter, size in axes if letter not in equation.kernel]))


def _reads(
    equation: Equation, lines: Mapping[str, ChannelIds], bias: str | None, shape: tuple[int, ...]
) -> tuple[LinearRead, ...]:
    """One read where the kernel is a matrix from summed letters to made ones.

    Its bias is one only where it has a number of its own for each column: the letters that it varies
    along are those of the columns, in their order.
    """
    summed = [letter for letter in equation.summed if letter in equation.input]
    channel = next((letter for letter in summed if letter in lines), "")
    shared = any(letter in equation.input and letter in equation.output for letter in equation.kernel)
    if not channel or shared:
        return ()
    order = [letter for letter in summed if letter != channel] + [channel]
    axes = tuple(equation.input.index(letter) for letter in order)
    sizes = zip(equation.kernel, shape, strict=True)
    columns = "".join(letter for letter, size in sizes if letter not in order and size > 1)
    rows = tuple(equation.kernel.index(letter) for letter in order)
    draw = functools.partial(flattened, axes=axes)
    return (LinearRead(0, 0, 1 if bias == columns else None, rows, draw, by_step=1 not in axes),)


def flattened(
    x: np.ndarray, generator: np.random.Generator, number: int, *, axes: tuple[int, ...]
) -> np.ndarray:
    """Draws vectors over several axes of `x`, in the order given."""
    last = np.moveaxis(x, axes, range(x.ndim - len(axes), x.ndim))
    return vectors(last.reshape(*last.shape[: x.ndim - len(axes)], -1), generator, number)
