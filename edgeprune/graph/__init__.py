"""The model as plain values: layers, calls, channel ids, costs."""

from edgeprune.graph.channel_ids import ChannelIds, ChannelSpace, KeepMask
from edgeprune.graph.dependency_graph import ChannelGroup, DependencyGraph, Refusal
from edgeprune.graph.flow import Arrays, CallView, Flow, LinearRead, MacTerm, Masks, Samples, WeightFlow
from edgeprune.graph.model_graph import Argument, Arguments, Call, Config, Layer, ModelGraph, Shape, Tensor

__all__ = [
    "Argument", "Arguments", "Arrays", "Call", "CallView", "ChannelGroup", "ChannelIds", "ChannelSpace",
    "Config", "DependencyGraph", "Flow", "KeepMask", "Layer", "LinearRead", "MacTerm", "Masks", "ModelGraph",
    "Refusal", "Samples", "Shape", "Tensor", "WeightFlow",
]
