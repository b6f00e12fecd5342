"""Embedding: a table (vocabulary, units); each unit is one column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeprune.graph import ids as unit_ids
from edgeprune.graph.flow import CallView, Flow, WeightFlow
from edgeprune.layers.rule import BaseRule

if TYPE_CHECKING:
    from edgeprune.graph.ids import IdSpace


class EmbeddingRule(BaseRule):
    """Looks rows up: no multiply-accumulates."""

    def flow(self, view: CallView, space: IdSpace) -> Flow:
        """Fresh units along the last axis; indices cannot carry units."""
        name = view.layer.path
        space.fix(view.inputs[0], name, "is used as an index")
        made = space.fresh(name, int(view.option("output_dim")))
        output = unit_ids.along(made, -1, view.output)
        return Flow((output,), (WeightFlow((None, made)),), sizes={"output_dim": made})
