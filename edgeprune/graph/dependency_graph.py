"""Which channels there are, and which must go together.

Classes of united ids are the channels (neurons), and channels that come from the same producers form a
group, among whose members a criterion may choose.
"""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from edgeprune.graph.channel_ids import ChannelIds, collapse
from edgeprune.graph.flow import CallView, Flow, WeightFlow
from edgeprune.graph.model_graph import ModelGraph


@dataclasses.dataclass(frozen=True)
class Refusal:
    """How many neurons of a layer cannot be removed, because of which layer that needs them, and why."""

    layer: str
    channels: int
    because_of: str
    reason: str

    @property
    def sentence(self) -> str:
        """Which layer stays, and why."""
        if self.because_of in ("", self.layer):
            return f"layer '{self.layer}' {self.reason}"
        return f"layer '{self.layer}' stays because layer '{self.because_of}' {self.reason}"


@dataclasses.dataclass(frozen=True)
class ChannelGroup:
    """Channel numbers among which a choice can be made, and every layer that makes them.

    A producer comes with its kind of channel where it has several; the first one gives the name.
    """

    name: str
    channels: np.ndarray
    producers: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class DependencyGraph:
    """The traced model.

    Attributes:
        views: every call as its rule saw it, aligned with ``graph.calls`` as `flows` is, whose ids are raw.
        layer_flows: layer path to its weights' flows, with the reuse of all calls added up.
        channel_of: raw id to channel number; 0 is "no channel, always there".
        groups: in the order of the model.
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

    def marks(self, arrays: Iterable[ChannelIds]) -> np.ndarray:
        """(count,) true for the channels behind some ids."""
        marks = np.zeros(self.count, bool)
        for ids in arrays:
            marks[self.channel_of[collapse(ids)]] = True
        return marks

    @property
    def uncounted(self) -> frozenset[str]:
        """Paths of layers that take more multiply-accumulates than anybody can count."""
        calls = zip(self.graph.calls, self.flows, strict=True)
        return frozenset(call.layer for call, flow in calls if not flow.counted)

    @property
    def neurons(self) -> int:
        """Prunable neurons: the sum over all groups."""
        return sum(len(group.channels) for group in self.groups)
