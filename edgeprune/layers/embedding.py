"""Embedding: a table (vocabulary, channels); each channel is one column."""

from edgeprune.graph import Arrays, CallView, ChannelSpace, Flow, Layer, WeightFlow, channel_ids
from edgeprune.layers.rule import ConstantElements, Rule


class EmbeddingRule(Rule):
    """Looks rows up: no multiply-accumulates."""

    reads_are_complete = True
    channels_alike = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        space.fix(view.inputs[0], view.layer.path, "is used as an index")
        made = space.fresh(view.layer.path, int(view.option("output_dim")))
        output = channel_ids.along(made, -1, view.output)
        return Flow((output,), (WeightFlow((None, made)),), sizes={"output_dim": made})

    def constant_elements(self, layer: Layer, flow: Flow, weights: Arrays) -> ConstantElements | None:
        return flow.sizes["output_dim"], (weights[0] == weights[0][:1]).all(axis=0)

    def table_size(self, layer: Layer) -> int:
        return int(layer.config["input_dim"])
