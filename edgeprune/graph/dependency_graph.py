"""Which channels there are, and which must go together.

Classes of united ids are the channels (neurons), and channels that come from the same producers form a
group, among whose members a criterion may choose.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from edgeprune.graph.flow import CallView, Flow, WeightFlow
from edgeprune.graph.model_graph import ModelGraph


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Neurons that cannot be removed, and why.

    Attributes:
        layer: the layer that makes them.
        channels: how many.
        because_of: the layer that needs them.
        reason: in words.
    """

    layer: str
    channels: int
    because_of: str
    reason: str


@dataclasses.dataclass(frozen=True)
class ChannelGroup:
    """Channels among which a choice can be made.

    Attributes:
        name: the first producer; with its kind of channel where it has several.
        channels: channel numbers, see `DependencyGraph`.
        producers: every layer (and kind of channel) that makes them.
    """

    name: str
    channels: np.ndarray
    producers: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class DependencyGraph:
    """The traced model.

    Attributes:
        views: every call as its rule saw it, aligned with ``graph.calls``.
        flows: what the rules answered, aligned likewise; ids are raw.
        layer_flows: layer path to its weights' flows, with the reuse of all calls added up.
        channel_of: raw id to channel number; 0 is "no channel, always there".
        groups: the prunable groups, in the order of the model.
        refusals: what must stay.
        count: highest channel number + 1.
    """

    graph: ModelGraph
    views: tuple[CallView, ...]
    flows: tuple[Flow, ...]
    layer_flows: Mapping[str, tuple[WeightFlow, ...]]
    channel_of: np.ndarray
    groups: tuple[ChannelGroup, ...]
    refusals: tuple[Refusal, ...]
    count: int

    @property
    def neurons(self) -> int:
        """Prunable neurons: the sum over all groups."""
        return sum(len(group.channels) for group in self.groups)
