"""`keras.ops.dot_product_attention`: query (N, T, heads, width), key and value (N, S, heads, width).

    softmax(Q·Kᵀ · scale)·V        scale = 1/√width, unless it is given

Heads go together in all three, and so do the dimensions of a head, since the result has the query's shape.
"""

import numpy as np

from edgeprune.graph import Arguments, CallView, ChannelSpace, Flow, KeepMask, MacTerm, channel_ids
from edgeprune.layers.barrier import barrier_flow
from edgeprune.layers.dot import summed_line
from edgeprune.layers.rule import Rule

_HEADS, _WIDTH = 2, 3
_SCALE = 5
"""Place of the argument `scale`."""


class DotProductAttentionRule(Rule):
    """Heads or dimensions of heads pass; positions, masks and biases are no neurons."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        if len(view.inputs) < 3 or any(map(channel_ids.varying_axes, view.inputs[3:])):
            return barrier_flow(view, space, "attends with a bias or a mask that neurons make")
        three = view.inputs[:3]
        output = channel_ids.none(view.output)
        varying = {axis for ids in three for axis in channel_ids.varying_axes(ids)}
        if varying - {_HEADS, _WIDTH} or len(varying) > 1:
            return barrier_flow(view, space, "attends from neuron to neuron")
        elements = int(np.prod(channel_ids.static(view.output)[1:])) * three[1].shape[1]
        for axis in varying:
            lines = [summed_line(ids, axis, space, view.layer.path) for ids in three]
            if len({len(line) for line in lines}) > 1:
                return barrier_flow(view, space, "shares heads of keys and values between several queries")
            space.unite(lines[0], lines[1])
            space.unite(lines[0], lines[2])
            output = channel_ids.along(lines[0], axis, view.output)
            return Flow((output,), mac_terms=(MacTerm((lines[0],), 2 * elements // len(lines[0])),))
        return Flow((output,), mac_terms=(MacTerm((), 2 * elements),))

    def resize_arguments(self, view: CallView, flow: Flow, kept: KeepMask) -> Arguments | None:
        """Narrower heads keep the scale of the original's width."""
        width = view.call.inputs[0].shape[_WIDTH]
        given = view.argument("scale", _SCALE)
        if width is None or given is not None or kept.shape(view.inputs[0])[_WIDTH] == width:
            return None
        return view.call.args[:_SCALE], {**view.call.kwargs, "scale": float(width) ** -0.5}
