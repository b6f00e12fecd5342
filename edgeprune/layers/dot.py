"""Dot: a batched product of two tensors over one axis of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgeprune.graph import ids as unit_ids
from edgeprune.graph.flow import CallView, Flow, MacTerm
from edgeprune.layers.rule import BaseRule

if TYPE_CHECKING:
    from edgeprune.graph.ids import Ids, IdSpace
    from edgeprune.graph.model_graph import Shape


class DotRule(BaseRule):
    """Units along the summed axes go together; those along other axes pass."""

    def flow(self, view: CallView, space: IdSpace) -> Flow:
        """Output axes: the first tensor's without the summed one, then the second's."""
        axes = view.option("axes")
        axes = axes if isinstance(axes, (list, tuple)) else (axes, axes)
        one, other = view.inputs
        places = (int(axes[0]) % one.ndim, int(axes[1]) % other.ndim)
        return contract(one, other, places, view.output, space, view.layer.path)


def contract(
    one: Ids, other: Ids, axes: tuple[int, int], output: Shape, space: IdSpace, layer: str
) -> Flow:
    """Sums over one axis of each tensor, batch axis 0 shared."""
    lines = [_summed(ids, axis, space, layer) for ids, axis in zip((one, other), axes, strict=True)]
    space.unite(lines[0], lines[1])
    left = [
        unit_ids.none(ids.shape) if axis in unit_ids.varying_axes(ids) else ids
        for ids, axis in zip((one, other), axes, strict=True)
    ]
    left = [np.take(ids, 0, axis=axis) for ids, axis in zip(left, axes, strict=True)]
    first = left[0].reshape(left[0].shape + (1,) * (left[1].ndim - 1))
    second = left[1].reshape((left[1].shape[0],) + (1,) * (left[0].ndim - 1) + left[1].shape[1:])
    shape = np.broadcast_shapes(first.shape, second.shape)
    sizes = unit_ids.static(output)
    if unit_ids.varying_axes(first) and unit_ids.varying_axes(second):
        space.fix(second, layer, "multiplies two kinds of units")
        second = unit_ids.none(second.shape)
    # Where neither varies, what each holds is one neuron at most, which no group gives up.
    ids = np.broadcast_to(second if unit_ids.varying_axes(second) else first, shape)
    made = np.broadcast_to(ids.reshape(sizes), sizes)
    return Flow((made,), mac_terms=(product_term(lines[0], made),))


def product_term(summed: Ids, output: Ids) -> MacTerm:
    """As many multiply-accumulates as elements of an output times elements summed; both may shrink."""
    elements = int(np.prod(output.shape[1:]))
    varying = unit_ids.varying_axes(output)
    line = unit_ids.vector(output, varying[0]) if len(varying) == 1 else None
    if line is None:
        return MacTerm((summed,), elements)
    return MacTerm((summed, line), elements // len(line))


def _summed(ids: Ids, axis: int, space: IdSpace, layer: str) -> Ids:
    """Ids along the summed axis; units along another axis do not matter to it."""
    if axis in unit_ids.varying_axes(ids):
        return space.fix_unless_vector(ids, axis, layer)
    return np.broadcast_to(np.int64(0), (ids.shape[axis],))
