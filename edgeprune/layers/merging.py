"""Layers that join several tensors element by element, or end to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgeprune.graph import ids as unit_ids
from edgeprune.graph.flow import CallView, Flow
from edgeprune.layers.rule import BaseRule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgeprune.graph.ids import Ids, IdSpace


class ElementwiseMergeRule(BaseRule):
    """Add, Subtract, Multiply, Maximum, Minimum, Average: elements that meet go together."""

    def flow(self, view: CallView, space: IdSpace) -> Flow:
        """Unites the inputs' ids element by element."""
        return Flow((unite_elementwise(view.inputs, space, view.layer.path),))


class ConcatenateRule(BaseRule):
    """End to end along one axis."""

    def flow(self, view: CallView, space: IdSpace) -> Flow:
        """Ids end to end; along another axis than that of the units, inputs must agree."""
        axis = int(view.option("axis", -1)) % len(view.output)
        return Flow((join(view.inputs, axis, space, view.layer.path),))


def join(inputs: Sequence[Ids], axis: int, space: IdSpace, layer: str) -> Ids:
    """Ids end to end along `axis`; along any other axis the inputs' units go together."""
    varying = {other for ids in inputs for other in unit_ids.varying_axes(ids)}
    joined = unit_ids.concatenate(inputs, axis)
    if varying <= {axis}:
        return joined
    if len(varying) > 1:
        space.fix(joined, layer, "joins tensors whose units lie along different axes")
        return unit_ids.none(joined.shape)
    (other,) = varying
    first, *rest = (space.fix_unless_vector(ids, other, layer) for ids in inputs)
    for line in rest:
        space.unite(first, line)
    return unit_ids.along(first, other, joined.shape)


def unite_elementwise(inputs: Sequence[Ids], space: IdSpace, layer: str) -> Ids:
    """Ids of the element-wise combination of broadcast-compatible tensors.

    A unit that is broadcast over an axis on which another input has units of its own (a spatial
    gate of one channel) reaches all of them and stays.
    """
    rank = max(ids.ndim for ids in inputs)
    padded = [ids.reshape((1,) * (rank - ids.ndim) + ids.shape) for ids in inputs]
    shape = np.broadcast_shapes(*(ids.shape for ids in padded))
    whole: Ids | None = None
    varying = {axis for ids in padded for axis in unit_ids.varying_axes(ids)}
    for ids in padded:
        spread = any(ids.shape[axis] == 1 and shape[axis] > 1 for axis in varying)
        if spread:
            space.fix(ids, layer, "is broadcast over the units of another input")
            continue
        full = np.broadcast_to(ids, shape)
        if whole is None:
            whole = full
        else:
            space.unite(whole, full)
    return np.broadcast_to(np.int64(0), shape) if whole is None else whole
