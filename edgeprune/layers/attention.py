"""Attention and AdditiveAttention: no projections; scores from queries (N, T, d) and keys (N, S, d).

Dimension j of the query meets dimension j of the key, so they go together; a removed one adds
nothing to a score, as q·k or as scale·tanh(q + k). The output has the value's channels.
"""

from edgeprune.graph import CallView, ChannelSpace, Flow, MacTerm, WeightFlow, channel_ids
from edgeprune.layers.multi_head_attention import steps_of
from edgeprune.layers.rule import Rule


class AttentionRule(Rule):
    """Inputs are a list [query, value] or [query, value, key]."""

    width_free = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        name = view.layer.path
        given = view.call.args[0] if view.call.args else view.call.kwargs["inputs"]
        query, value, key = given[0], given[1], given[2] if len(given) > 2 else given[1]
        dims, others, line = (space.fix_unless_vector(view.ids(x), -1, name) for x in (query, key, value))
        space.unite(dims, others)
        scale = dims
        if any(view.layer.weight_shapes) and view.layer.module.startswith("tf_keras"):
            scale = line  # Keras 2 takes the scale's length from the value
            space.unite(dims, line)
        for tensor, ids in zip(view.call.inputs, view.inputs, strict=True):
            if tensor.index not in (query.index, value.index, key.index):
                space.fix(ids, name, "is used as an attention mask")
        pairs = steps_of(query) * steps_of(value)
        outputs = [channel_ids.along(line, -1, view.output)]
        outputs += [channel_ids.none(tensor.shape) for tensor in view.call.outputs[1:]]
        weights = tuple(WeightFlow((scale,) if shape else ()) for shape in view.layer.weight_shapes)
        return Flow(tuple(outputs), weights, mac_terms=(MacTerm((dims,), pairs), MacTerm((line,), pairs)))
