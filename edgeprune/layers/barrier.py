"""A layer that nothing is known about: its neighbours keep their neurons, which is always safe."""

from edgeprune.graph import CallView, ChannelSpace, Config, Flow, KeepMask, MacTerm, WeightFlow, channel_ids
from edgeprune.layers.rule import ChannelwiseRule, Rule


class BarrierRule(Rule):
    """Lambda and unknown layers: every channel that reaches one stays, and nothing it makes could go."""

    width_free = True
    may_fix_batch = True

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        return barrier_flow(view, space, self.reason)


class SourceRule(ChannelwiseRule):
    """InputLayer: the model's inputs are never touched; a nested model's carry what they are given."""

    width_free = False

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        return Flow(view.inputs or tuple(channel_ids.none(tensor.shape) for tensor in view.call.outputs))

    def resize(self, view: CallView, flow: Flow, kept: KeepMask) -> Config:
        name = "batch_shape" if "batch_shape" in view.layer.config else "batch_input_shape"
        now = kept.shape(flow.outputs[0])
        return {name: [None if was is None else size for was, size in zip(view.output, now, strict=True)]}


def barrier_flow(view: CallView, space: ChannelSpace, reason: str) -> Flow:
    """Keeps everything around a call as it is."""
    for ids in view.inputs:
        space.fix(ids, view.layer.path, reason)
    if view.layer.weight_shapes:
        space.close(view.layer.path, (view.output or (0,))[-1] or 0, reason)
    outputs = tuple(channel_ids.none(tensor.shape) for tensor in view.call.outputs)
    weights = tuple(WeightFlow((None,) * len(shape)) for shape in view.layer.weight_shapes)
    macs = view.call.count_macs()
    terms = (MacTerm((), macs),) if macs else ()
    return Flow(outputs, weights, mac_terms=terms, counted=macs is not None)
