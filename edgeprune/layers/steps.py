"""A whole model at each time step, (N, T, …) as if it were (N·T, …).

    x (N, T, …)  →  FoldSteps  →  (N·T, …)  →  the model's layers  →  UnfoldSteps(·, x)  →  (N, T, …)

The reader puts these two calls in place of a `TimeDistributed` around a model and inlines the model
between them. To its layers a step is a sample, so their rules are the same as anywhere.
"""

import numpy as np

from edgeprune.graph import CallView, ChannelIds, ChannelSpace, Flow, channel_ids
from edgeprune.layers.rule import ChannelwiseRule


class FoldStepsRule(ChannelwiseRule):
    """(N, T, …) to (N·T, …)."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        return Flow((one_step(view.inputs[0], view.layer.path, space),))


class UnfoldStepsRule(ChannelwiseRule):
    """(N·T, …), and what was folded, to (N, T, …)."""

    joins = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        return Flow((np.broadcast_to(view.inputs[0][:, None], channel_ids.static(view.output)),))


def one_step(ids: ChannelIds, layer: str, space: ChannelSpace | None) -> ChannelIds:
    """The ids of every step; channels that differ between steps are fixed where there is a `space`."""
    if 1 in channel_ids.varying_axes(ids):
        if space is not None:
            space.fix(ids, layer, "has neurons spread over time")
        ids = channel_ids.none(ids.shape)
    return ids[:, 0]
