"""What one call of a layer does with the channels: the values that a layer's rule answers with.

Slicing the weights, counting parameters and MACs, masking and refitting all follow from `Flow`
and are written once, elsewhere.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edgeprune.graph.channel_ids import ChannelIds
from edgeprune.graph.model_graph import Argument, Call, Layer, Tensor

Arrays = Sequence[np.ndarray]
Masks = Sequence[np.ndarray | None]
Hidden = Callable[[Arrays, Arrays, Masks], np.ndarray]
Samples = Callable[[np.ndarray, np.random.Generator, int], np.ndarray]


@dataclasses.dataclass(frozen=True)
class WeightFlow:
    """One weight array of a layer, in the order of ``get_weights``.

    `axes` holds the ids along each axis, None where the axis never shrinks; `reuse` is the number of
    multiply-accumulates per element and inference (output positions of a convolution).
    """

    axes: tuple[ChannelIds | None, ...]
    reuse: int = 0


@dataclasses.dataclass(frozen=True)
class MacTerm:
    """MACs between activations, such as Q·Kᵀ: `times` for each combination of kept ids."""

    axes: tuple[ChannelIds, ...]
    times: int


@dataclasses.dataclass(frozen=True)
class LinearRead:
    """A place where a layer mixes its input channels linearly: z = X·W + b.

    To observe it, take a call's concrete inputs (`edgeprune.keras_bridge.run.Step`)::

        tensor = step.arrays[read.source]
        if read.hidden is not None:
            tensor = read.hidden(step.arrays, layer.get_weights(), step.masks)
        x = read.samples(tensor, generator, number)

    `hidden` is there where what the kernel reads is no tensor of the graph: the previous state under a
    recurrent kernel, the heads' results under an attention layer's output projection, what a separable
    convolution has between its halves. It computes that in numpy with the weights given, so for a pruned
    layer from the pruned layer's weights.

    Attributes:
        source: which of the call's inputs is read.
        kernel: index of the weight W, as `bias` is of b.
        rows: axes of the kernel that are summed over, in the order of X's columns, the channel axis last.
        samples: from the input (N, …), a random generator and a number, draws X (n, product of the rows'
            sizes). With the same generator state it draws the same positions, so an original and its pruned
            copy can be compared.
        hidden: from all of the call's inputs, the layer's weights and the inputs' Keras masks, the tensor
            that `samples` draws from, without steps that are masked out. None: it is the input itself.
        by_step: whether each row of X is of one time step of an input (N, T, …), so that `samples` may
            be given sequences of one step each: those that a mask lets through.
        bias_row: of a bias that has several, as a GRU's for inputs and states.
        recurs: whether it reads the layer's own result of the step before, so that what the kernel gets wrong
            comes back to it.
        passing: an axis of the input along which channels pass, each of which has rows of its own, and their
            ids (`edgeprune.layers.position_mixing`). A pruned copy has fewer of them.
    """

    source: int
    kernel: int
    bias: int | None
    rows: tuple[int, ...]
    samples: Samples
    hidden: Hidden | None = None
    by_step: bool = False
    bias_row: int | None = None
    recurs: bool = False
    passing: tuple[int, ChannelIds] | None = None


@dataclasses.dataclass(frozen=True)
class Flow:
    """What one call does with the channels: the ids of each output, and what it does with its weights.

    `mac_terms` are multiply-accumulates that no weight takes part in; `sizes` maps a configuration entry
    (``units``, ``filters``) to the ids whose number it is. `counted` is false where the call takes more
    multiply-accumulates than weights and terms tell. `crossing` holds the ids along a second axis of each
    output, where a layer makes neurons for every channel alike (`edgeprune.layers.position_mixing`).
    """

    outputs: tuple[ChannelIds, ...]
    weights: tuple[WeightFlow, ...] = ()
    reads: tuple[LinearRead, ...] = ()
    mac_terms: tuple[MacTerm, ...] = ()
    sizes: Mapping[str, ChannelIds] = dataclasses.field(default_factory=dict)
    counted: bool = True
    crossing: tuple[ChannelIds, ...] = ()


@dataclasses.dataclass(frozen=True)
class CallView:
    """A call as a rule sees it: the layer, and the ids of the tensors that go in.

    `crossing` holds those along a second axis, for each input that has some (see `Flow`), else None.
    """

    layer: Layer
    call: Call
    inputs: tuple[ChannelIds, ...]
    crossing: tuple[ChannelIds | None, ...] = ()

    @property
    def output(self) -> tuple[int | None, ...]:
        """Shape of the first output, batch first."""
        return self.call.outputs[0].shape

    def option(self, name: str, default: Argument = None) -> Argument:
        """A value of the layer's configuration."""
        return self.layer.config.get(name, default)

    def place(self, tensor: Tensor) -> int:
        """Which of the call's inputs a tensor is."""
        return [one.index for one in self.call.inputs].index(tensor.index)

    def ids(self, tensor: Tensor) -> ChannelIds:
        """Ids of one of the call's input tensors."""
        return self.inputs[self.place(tensor)]

    def argument(self, name: str, position: int | None = None) -> Argument:
        """A call argument by its name or place; None where it was not given."""
        if name in self.call.kwargs:
            return self.call.kwargs[name]
        if position is not None and position < len(self.call.args):
            return self.call.args[position]
        return None
