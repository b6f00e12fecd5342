"""MultiHeadAttention: three kinds of neurons inside, and the ones of its output.

    query, key kernels (in, H, K)      heads along H, query/key dimensions along K
    value kernel       (in, H, V)      heads along H, value dimensions along V
    output kernel      (H, V, out)     reads Σ softmax(QKᵀ/√K)·values

The scale 1/√K follows from the configured size: when K shrinks to K', the query is multiplied by
√(K'/K), which makes up for it exactly.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from edgeprune.graph import ChannelIds, ChannelSpace, Config, KeepMask, Tensor, channel_ids
from edgeprune.graph.flow import CallView, Flow, LinearRead, MacTerm, WeightFlow
from edgeprune.layers.attention_in_numpy import Attention, heads_of
from edgeprune.layers.barrier import barrier_flow
from edgeprune.layers.dense import vectors
from edgeprune.layers.einsum_dense import flattened
from edgeprune.layers.rule import Rule

AttentionInputs: TypeAlias = Mapping[str, Tensor]
"""The tensors under "query", "key" and "value"; the key is the value where it was not given."""


class MultiHeadAttentionRule(Rule):
    """Heads, query/key dimensions, value dimensions, output channels."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        name = view.layer.path
        inputs = attention_inputs(view)
        rank, attended = len(inputs["query"].shape), _attended(view)
        if max(attended) >= rank - 1:
            return barrier_flow(view, space, "attends from channel to channel")
        heads = space.fresh(name, int(view.option("num_heads")), "heads")
        key_dim = int(view.option("key_dim"))
        keys = space.fresh(name, key_dim, "key dimensions")
        values = space.fresh(name, int(view.option("value_dim") or key_dim), "value dimensions")
        shape = view.option("output_shape")
        width = view.output[-1] or 0
        if isinstance(shape, (list, tuple)) and len(shape) > 1:
            made = np.zeros(width, int)
        else:
            made = space.fresh(name, width, "output")
        reads = {side: space.fix_unless_vector(view.ids(one), -1, name) for side, one in inputs.items()}
        fix_masks(view, inputs, space)
        axes = {"query": (heads, keys), "key": (heads, keys), "value": (heads, values)}
        weights = weight_flows(view, inputs, reads, axes, made)
        terms = score_terms(inputs, heads, keys, values, attended)
        outputs = [channel_ids.along(made, -1, view.output)]
        scores = view.call.outputs[1:]
        if scores and len(attended) < rank - 2:
            space.fix(heads, name, "gives its scores with other axes before the heads")
            outputs += [channel_ids.none(tensor.shape) for tensor in scores]
        else:
            outputs += [channel_ids.along(heads, 1, tensor.shape) for tensor in scores]
        sizes = {"num_heads": heads, "key_dim": keys, "value_dim": values, "output_shape": made}
        return Flow(tuple(outputs), weights, attention_reads(view, inputs), terms, sizes)

    def resize(self, view: CallView, flow: Flow, kept: KeepMask) -> Config:
        """The output's width is written out; shapes that Keras 2 remembers are refreshed."""
        if not flow.sizes:
            return {}
        changed = dict(super().resize(view, flow, kept))
        shape = view.option("output_shape")
        several = isinstance(shape, (list, tuple)) and len(shape) > 1
        changed["output_shape"] = shape if several else [changed["output_shape"]]
        for side, tensor in attention_inputs(view).items():
            if view.option(f"{side}_shape") is not None:
                now = kept.shape(view.ids(tensor))
                changed[f"{side}_shape"] = [
                    None if was is None else size for was, size in zip(tensor.shape, now, strict=True)
                ]
        return changed

    def factors(self, view: CallView, flow: Flow, kept: KeepMask) -> Mapping[int, float]:
        """Makes up for the changed 1/√key_dim, on the query's kernel and bias."""
        if not flow.sizes:
            return {}
        return query_factors(view, kept.count(flow.sizes["key_dim"]) / len(flow.sizes["key_dim"]))


def attention_inputs(view: CallView) -> AttentionInputs:
    """Query, value and key of a call."""
    query, value = view.argument("query", 0), view.argument("value", 1)
    key = view.argument("key", 2)
    return {"query": query, "key": key if isinstance(key, Tensor) else value, "value": value}


def _attended(view: CallView) -> list[int]:
    """The axes that are attended over; those of the queries once they are projected, with one more axis."""
    rank = len(attention_inputs(view)["query"].shape)
    return [axis % (rank + 1) for axis in view.option("attention_axes") or range(1, rank - 1)]


def projections(view: CallView) -> list[str]:
    """Names of the projections in the order of the weights, the output's last."""
    names = ["query", "key", "value"]
    if view.option("use_gate"):
        names.insert(2, "gate")
    return [*names, "output"]


def weight_index(view: CallView, projection: str) -> int:
    """Index of a projection's kernel; its bias follows."""
    return projections(view).index(projection) * (2 if view.option("use_bias", True) else 1)


def weight_flows(
    view: CallView, inputs: AttentionInputs, reads: Mapping[str, ChannelIds],
    made: Mapping[str, tuple[ChannelIds, ChannelIds]], output: ChannelIds,
) -> tuple[WeightFlow, ...]:
    """Kernels (and biases) of all projections, in order; `made` are the two axes each one makes."""
    bias = bool(view.option("use_bias", True))
    flows: list[WeightFlow] = []
    for name in projections(view)[:-1]:
        source, pair = "query" if name == "gate" else name, made.get(name, made["value"])
        flows.append(WeightFlow((reads[source], *pair), reuse=steps_of(inputs[source])))
        flows += [WeightFlow(pair)] if bias else []
    extra = len(view.layer.weight_shapes[len(flows)]) - 2
    ends: tuple[ChannelIds | None, ...] = (output,) if extra == 1 else (None,) * extra
    flows.append(WeightFlow((*made.get("gate", made["value"]), *ends), reuse=steps_of(inputs["query"])))
    return (*flows, WeightFlow(ends)) if bias else tuple(flows)


def steps_of(tensor: Tensor) -> int:
    """Positions that are attended from or to; unknown ones count as one."""
    return int(np.prod(channel_ids.static(tensor.shape)[1:-1]))


def score_terms(
    inputs: AttentionInputs, heads: ChannelIds, keys: ChannelIds, values: ChannelIds,
    attended: Sequence[int] = (1,),
) -> tuple[MacTerm, MacTerm]:
    """Q·Kᵀ and its product with the values; every position meets those along the attended axes."""
    sizes = channel_ids.static(inputs["value"].shape)
    pairs = steps_of(inputs["query"]) * int(np.prod([sizes[axis] for axis in attended]))
    return MacTerm((heads, keys), pairs), MacTerm((heads, values), pairs)


def fix_masks(view: CallView, inputs: AttentionInputs, space: ChannelSpace) -> None:
    """Whatever else goes in is no data that could shrink."""
    data = {tensor.index for tensor in inputs.values()}
    for tensor, ids in zip(view.call.inputs, view.inputs, strict=True):
        if tensor.index not in data:
            space.fix(ids, view.layer.path, "is used as an attention mask")


def query_factors(view: CallView, left: float) -> Mapping[int, float]:
    """√left on the query's kernel and bias."""
    first = weight_index(view, "query")
    count = 2 if view.option("use_bias", True) else 1
    return {} if left == 1 else dict.fromkeys(range(first, first + count), math.sqrt(left))


def attention_reads(view: CallView, inputs: AttentionInputs) -> tuple[LinearRead, ...]:
    """Inputs of the projections; then the output projection, by heads and by value dimensions.

    The two reads of the output kernel see the same numbers in two orders of columns.
    """
    kernels = [weight_index(view, name) for name in projections(view)]
    biases = [kernel + 1 if view.option("use_bias", True) else None for kernel in kernels]
    reads = []
    for name, kernel, bias in zip(projections(view)[:-1], kernels, biases, strict=False):
        source = view.place(inputs["query" if name == "gate" else name])
        reads.append(LinearRead(source, kernel, bias, (0,), vectors, by_step=True))
    attention = Attention.of(view, inputs["query"], inputs["value"], inputs["key"])
    if attention is None:
        return tuple(reads)
    hidden = functools.partial(heads_of, attention)
    for rows, axes in (((1, 0), (3, 2)), ((0, 1), (2, 3))):
        draw = functools.partial(flattened, axes=axes)
        reads.append(LinearRead(attention.query, kernels[-1], biases[-1], rows, draw, hidden))
    return tuple(reads)
