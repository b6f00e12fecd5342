"""Einsum of two tensors, letter by letter: attention by ``"btnh,bsnh->bnts"``.

in both tensors                    what meets goes together
in one tensor and not in the output    summed over: a silenced channel adds nothing
in the output                          the channels of one letter pass, first those of samples
"""

from collections.abc import Mapping

import numpy as np

from edgeprune.graph import CallView, ChannelIds, ChannelSpace, Flow, MacTerm, channel_ids
from edgeprune.layers.barrier import barrier_flow
from edgeprune.layers.dot import summed_line
from edgeprune.layers.operation import OperationRule, Parameter

_EQUATION = Parameter(("subscripts", "equation"), 0)


class EinsumRule(OperationRule):
    """A product of two tensors; channels of one letter of the output pass, those of a second one stay."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        letters = _letters(str(_EQUATION.of(view, "")), view)
        if letters is None:
            return barrier_flow(view, space, "is an einsum that cannot be followed")
        *given, made = letters
        lines: dict[str, ChannelIds] = {}
        sizes: dict[str, int] = {}
        for one, ids in zip(given, view.inputs, strict=True):
            for axis, letter in enumerate(one):
                line = summed_line(ids, axis, space, view.layer.path)
                if letter in lines:
                    space.unite(lines[letter], line)
                if letter not in lines or _varies(line):
                    lines[letter] = line
                sizes[letter] = len(line)
        passing = [letter for letter in made if _varies(lines[letter])]
        passing.sort(key=lambda letter: not any(letter in one and made[0] in one for one in given))
        for letter in passing[1:]:
            space.fix(lines[letter], view.layer.path, "multiplies two kinds of neurons")
            lines[letter] = channel_ids.none((sizes[letter],))
        output = channel_ids.none(view.output)
        if passing:
            output = channel_ids.along(lines[passing[0]], made.index(passing[0]), view.output)
        return Flow((output,), mac_terms=(_term(lines, sizes),))


def _varies(line: ChannelIds) -> bool:
    return bool(channel_ids.varying_axes(line))


def _letters(equation: str, view: CallView) -> list[str] | None:
    """Letters of both tensors and of the output; None for anything else."""
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    parts = [*inputs.split(","), output]
    ranks = [ids.ndim for ids in view.inputs]
    plain = all(part.isalpha() and len(set(part)) == len(part) for part in parts)
    fits = [len(part) for part in parts[:-1]] == ranks and len(output) == len(view.output)
    return parts if arrow and plain and fits and len(ranks) == 2 else None


def _term(lines: Mapping[str, ChannelIds], sizes: Mapping[str, int]) -> MacTerm:
    """One multiply-accumulate for each combination of positions along all letters."""
    varying = [letter for letter, line in lines.items() if _varies(line)]
    rest = [size for letter, size in sizes.items() if letter not in varying]
    return MacTerm(tuple(lines[letter] for letter in varying), int(np.prod(rest)))
