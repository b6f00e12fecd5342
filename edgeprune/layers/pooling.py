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
        """The channel axis of the output is the last one, or the second."""
        first = view.option("data_format") == "channels_first"
        line = space.fix_unless_vector(view.inputs[0], 1 if first else -1, view.layer.path)
        axis = 1 if first else len(view.output) - 1
        return Flow((channel_ids.along(line, axis, view.output),))
