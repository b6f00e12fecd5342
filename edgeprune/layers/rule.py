"""What a layer's rule has to say.

A rule answers two questions, apart from each other:

    flow    which channel decides over each element of the outputs and along each axis of the weights,
            and where the layer mixes channels (what reconstruction can change weights of)
    resize  the layer's configuration once some of those channels are gone
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from edgeprune.graph.flow import Arrays, CallView, Flow

if TYPE_CHECKING:
    from edgeprune.graph.channels import ChannelSpace
    from edgeprune.graph.keep_mask import KeepMask


class Rule(Protocol):
    """How pruning goes through one kind of layer."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        """Sends channel ids through one call; unites and fixes in `space` what it has to.

        Precondition: every input's ids differ along one axis at most.
        """

    def resize(self, view: CallView, flow: Flow, kept: KeepMask) -> Mapping[str, Any]:
        """The configuration entries to change; empty where the layer has no size of its own."""


class Resized(Protocol):
    """A rule whose call arguments change too: slices, sizes given to an operation."""

    def resize_arguments(
        self, view: CallView, flow: Flow, kept: KeepMask
    ) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """New positional and keyword arguments."""


class Rescaled(Protocol):
    """A rule whose layer derives a constant from its size (attention: 1/√key_dim)."""

    def factors(self, view: CallView, flow: Flow, kept: KeepMask) -> Mapping[int, float]:
        """Weight index to the factor that makes up for the changed constant."""


class Masked(Protocol):
    """A rule whose layer takes means over channels; see `edgeprune.pruning.equivalence`."""

    def masked(
        self, view: CallView, kept: KeepMask, inputs: Arrays, weights: Arrays
    ) -> list[np.ndarray] | None:
        """The layer's outputs at full size, with means over the kept channels alone; None: its own do."""


class BaseRule:
    """Base of the rules: a layer's sizes are the numbers of channels that stay."""

    def resize(self, view: CallView, flow: Flow, kept: KeepMask) -> Mapping[str, Any]:
        """Counts what stays of `Flow.sizes`."""
        del view
        return {option: kept.count(ids) for option, ids in flow.sizes.items()}
