"""GroupedQueryAttention: several query heads share one key and value head.

    query kernel (in, Hq, d)   key, value kernels (in, Hkv, d)   output kernel (Hq, d, in)

A neuron is a key/value head with all of its query heads; with a single key/value head it is a query head. The
head dimension d is one size for queries, keys and values, so position j of all three goes together. The
output is as wide as the query input, and Keras wants the value input to be, so they are tied.
"""

from collections.abc import Mapping

import numpy as np

from edgeprune.graph import CallView, ChannelSpace, Flow, KeepMask, channel_ids
from edgeprune.layers import multi_head_attention as attention
from edgeprune.layers.rule import Rule


class GroupedQueryAttentionRule(Rule):
    """Heads and head dimensions."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        name = view.layer.path
        inputs = attention.attention_inputs(view)
        queries, groups = int(view.option("num_query_heads")), int(view.option("num_key_value_heads"))
        if groups == 1:
            query_heads, heads = space.fresh(name, queries, "heads"), np.zeros(1, int)
        else:
            heads = space.fresh(name, groups, "heads")
            query_heads = np.repeat(heads, queries // groups)
        dims = space.fresh(name, int(view.option("head_dim")), "head dimensions")
        reads = {side: space.fix_unless_vector(view.ids(one), -1, name) for side, one in inputs.items()}
        space.unite(reads["query"], reads["value"])
        attention.fix_masks(view, inputs, space)
        made = dict.fromkeys(("query", "gate"), (query_heads, dims))
        made |= dict.fromkeys(("key", "value"), (heads, dims))
        weights = attention.weight_flows(view, inputs, reads, made, reads["query"])
        outputs = [channel_ids.along(reads["query"], -1, view.output)]
        outputs += [channel_ids.along(query_heads, 1, tensor.shape) for tensor in view.call.outputs[1:]]
        sizes = {"num_query_heads": query_heads, "num_key_value_heads": heads, "head_dim": dims}
        terms = attention.score_terms(inputs, query_heads, dims, dims)
        return Flow(tuple(outputs), weights, attention.attention_reads(view, inputs), terms, sizes)

    def factors(self, view: CallView, flow: Flow, kept: KeepMask) -> Mapping[int, float]:
        """Makes up for the changed 1/√head_dim, on the query's kernel and bias."""
        return attention.query_factors(view, kept.count(flow.sizes["head_dim"]) / len(flow.sizes["head_dim"]))
