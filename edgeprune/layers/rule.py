"""What a layer's rule says: all that edgeprune knows of a kind of layer.

A rule must answer one question, `Rule.flow`: which channel decides over each element of the outputs and
along each axis of the weights, and where the layer mixes channels. Everything else is a declaration with
a safe default: what is not declared is not done. Nothing in edgeprune asks which class a rule is, so a rule
that a user registers takes part in everything. `README.md` beside this module shows one.
"""

import abc
from collections.abc import Callable, Mapping

import numpy as np

from edgeprune.graph import Arrays, CallView, ChannelIds, ChannelSpace, Flow, KeepMask, LinearRead, WeightFlow
from edgeprune.graph.model_graph import Arguments, Config, Layer

StandIn = Callable[[Arrays, Arrays], list[np.ndarray]]
"""From a call's inputs and the layer's weights to its outputs."""

ConstantElements = tuple[ChannelIds, np.ndarray]
"""The ids along an axis, and where the weights alone make a channel constant (a scale of 0)."""


class Rule(abc.ABC):
    """How pruning goes through one kind of layer."""

    channelwise: bool = False
    """Each output channel is made of the same channel of the inputs alone, so constants pass through."""

    joins: bool = False
    """Of a channelwise layer: an output channel depends on those inputs alone that have it (Concatenate)."""

    elementwise: bool = False
    """Each output element is made of the element at the same place of the one input."""

    crosses: bool = False
    """Elements at the same place meet, so that channels along two axes pass as if each were alone."""

    channels_alike: bool = False
    """Channels with equal weights are treated equally: nothing but weights tells one channel from another."""

    reads_are_complete: bool = False
    """What goes in reaches an output channel only through its columns of the kernels in `Flow.reads`.

    So a channel whose rows are zero in all of them is unread, and one whose columns are zero is constant.
    """

    depends_on_size: bool = False
    """Constant inputs may give other values at another length or image size (softmax over positions)."""

    width_free: bool = False
    """One configuration serves any number of channels: two calls of a layer without weights may differ."""

    may_fix_batch: bool = False
    """The configuration or the arguments may name the number of samples (the target of a reshape)."""

    maskable: bool = False
    """tfmot can wrap the layer, and the kernel of its one read is what tfmot masks."""

    @abc.abstractmethod
    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        """Sends channel ids through one call; unites and fixes in `space` what it must.

        Precondition: every input's ids differ along one axis at most.
        """

    def resize(self, view: CallView, flow: Flow, kept: KeepMask) -> Config:
        """The configuration entries to change; by default the counts of what stays of `Flow.sizes`."""
        return {option: kept.count(ids) for option, ids in flow.sizes.items()}

    def resize_arguments(self, view: CallView, flow: Flow, kept: KeepMask) -> Arguments | None:
        """New positional and keyword arguments of the call; None where none depends on the channels."""
        return None

    def factors(self, view: CallView, flow: Flow, kept: KeepMask) -> Mapping[int, float]:
        """Weight index to a factor that makes up for a constant derived from the size (1/√key_dim)."""
        return {}

    def stand_in(self, view: CallView, kept: KeepMask) -> StandIn | None:
        """Computes the layer at full size where silenced inputs would change it: means over kept channels.

        None: the layer itself gives the right outputs. See `edgeprune.pruning.equivalence`.
        """
        return None

    def channels_may_go(self, view: CallView) -> bool:
        """Whether `shrink` may remove channels that this call makes or passes on."""
        return self.channelwise or self.reads_are_complete

    def constant_elements(self, layer: Layer, flow: Flow, weights: Arrays) -> ConstantElements | None:
        """Which channels are constant by the weights alone, whatever goes in."""
        return None

    def folds_constants(self, view: CallView, read: LinearRead) -> bool:
        """Whether a constant input channel adds the same at every output position, so a bias can take it.

        Without a bias (`read.bias` is None), the layer gets one, its last weight, by ``use_bias=True``.
        """
        return False

    def activation(self, layer: Layer) -> str | None:
        """Keras' name of the function f, for a layer f(x·W + b) or f(x); None for any other layer."""
        return None

    def centre(self, layer: Layer) -> int | None:
        """Index of a weight that is subtracted from each input channel (a batch norm's moving mean)."""
        return None

    def zero_crossing(
        self, layer: Layer, weights: Arrays, rank: int
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Of a layer x·scale + shift along the last of `rank` axes: where it crosses 0, and scale's sign."""
        return None

    def flattens(self, layer: Layer) -> bool:
        """Whether the layer lays (N, *places, channels) out as (N, places·channels), in that order."""
        return False

    def table_size(self, layer: Layer) -> int | None:
        """How many entries the layer looks its input up in; None where the input is no index."""
        return None


def with_bias(
    view: CallView, kernels: list[WeightFlow], columns: ChannelIds
) -> tuple[tuple[WeightFlow, ...], int | None]:
    """A layer's kernels and, where it has one, the bias of the last one's columns; and the bias's index."""
    if not view.option("use_bias", True):
        return tuple(kernels), None
    return (*kernels, WeightFlow((columns,))), len(kernels)


def scaled_to_zero(flow: WeightFlow, weight: np.ndarray) -> ConstantElements | None:
    """Of a weight that multiplies each channel, the ids along its channels' axis, and where it is zero."""
    for axis, ids in enumerate(flow.axes):
        if ids is not None:
            others = tuple(other for other in range(weight.ndim) if other != axis)
            return ids, (weight == 0).all(axis=others)
    return None


class ChannelwiseRule(Rule):
    """Base of rules under which channels stay apart and are treated alike, whatever their number."""

    channelwise = True
    channels_alike = True
    width_free = True


class LinearRule(Rule):
    """Base of rules for f(x·W + b): the configuration names f, and weights alone tell channels apart."""

    reads_are_complete = True
    channels_alike = True

    def activation(self, layer: Layer) -> str | None:
        return named_activation(layer)


def named_activation(layer: Layer) -> str | None:
    """The name of the activation in a layer's configuration; None for a function or layer of the user's."""
    name = layer.config.get("activation") or "linear"
    return name if isinstance(name, str) else None
