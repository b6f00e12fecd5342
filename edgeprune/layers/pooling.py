"""Pooling and everything else that moves data within a channel: padding, cropping, up-sampling."""

from edgeprune.graph import CallView, ChannelSpace, Flow, channel_ids
from edgeprune.layers.convolution import channel_axis
from edgeprune.layers.rule import ChannelwiseRule


class WithinChannelRule(ChannelwiseRule):
    """Channels stay apart; the other axes may change their size."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        axis = channel_axis(view)
        line = space.fix_unless_vector(view.inputs[0], axis, view.layer.path)
        return Flow((channel_ids.along(line, axis, view.output),))


class ResizingRule(WithinChannelRule):
    """Resizing may put bars at the sides, as wide as the image's shape needs."""

    depends_on_size = True


class GlobalPoolingRule(ChannelwiseRule):
    """One number per channel is left, with or without axes of length one."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        """The channel axis of input and output is the last one, or the second."""
        axis = 1 if view.option("data_format") == "channels_first" else -1
        line = space.fix_unless_vector(view.inputs[0], axis, view.layer.path)
        return Flow((channel_ids.along(line, axis, view.output),))
