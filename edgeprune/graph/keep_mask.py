"""Which channels stay, and what shape that leaves a tensor."""

from __future__ import annotations

import dataclasses

import numpy as np

from edgeprune.graph import channels as channel_ids
from edgeprune.graph.channels import ChannelIds


@dataclasses.dataclass(frozen=True)
class KeepMask:
    """Which channels stay, asked by their ids.

    Attributes:
        channel_of: raw id to channel number, see `DependencyGraph`.
        keep: (channels,) true where a channel stays; channel 0, "no channel", always does.
    """

    channel_of: np.ndarray
    keep: np.ndarray

    def mask(self, ids: ChannelIds) -> np.ndarray:
        """True where the channel behind the id stays."""
        return np.asarray(self.keep[self.channel_of[ids]])

    def count(self, ids: ChannelIds) -> int:
        """How many elements of a vector of ids stay."""
        return int(self.mask(ids).sum())

    def shape(self, ids: ChannelIds) -> tuple[int, ...]:
        """Afterwards: along each axis, the positions at which anything stays."""
        mask = self.mask(channel_ids.collapse(ids))
        axes = range(mask.ndim)
        left = [int(mask.any(axis=tuple(o for o in axes if o != axis)).sum()) for axis in axes]
        return tuple(
            size if stride == 0 else kept
            for size, stride, kept in zip(ids.shape, ids.strides, left, strict=True)
        )
