"""Embedding: a table (vocabulary, channels); each channel is one column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeprune.graph import channels as channel_ids
from edgeprune.graph.flow import CallView, Flow, WeightFlow
from edgeprune.layers.rule import BaseRule

if TYPE_CHECKING:
    from edgeprune.graph.channels import ChannelSpace


class EmbeddingRule(BaseRule):
    """Looks rows up: no multiply-accumulates."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        """Fresh channels along the last axis; indices cannot carry channels."""
        name = view.layer.path
        space.fix(view.inputs[0], name, "is used as an index")
        made = space.fresh(name, int(view.option("output_dim")))
        output = channel_ids.along(made, -1, view.output)
        return Flow((output,), (WeightFlow((None, made)),), sizes={"output_dim": made})
