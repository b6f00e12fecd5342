"""ConvLSTM: kernel (*window, in, 4·f), recurrent kernel (*window, f, 4·f), bias (4·f)."""

import functools

import numpy as np

from edgeprune.graph import CallView, ChannelSpace, Flow, LinearRead, WeightFlow, channel_ids
from edgeprune.layers.activation import made_channels
from edgeprune.layers.convolution import window_of
from edgeprune.layers.patches import Window, patches
from edgeprune.layers.recurrent import sequence_and_states
from edgeprune.layers.rule import Rule, with_bias


class ConvLSTMRule(Rule):
    """ConvLSTM1D, ConvLSTM2D, ConvLSTM3D over (N, T, *space, in); a neuron is one channel of the state."""

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        name = view.layer.path
        sequence, initial = sequence_and_states(view)
        kernel = view.layer.weight_shapes[0]
        first = view.option("data_format") == "channels_first"
        channel = 2 if first else len(sequence.shape) - 1
        read = space.fix_unless_vector(view.ids(sequence), channel, name)
        made = made_channels(view, "filters", space)
        outputs = [
            channel_ids.along(made, -len(kernel) + 1 if first else -1, tensor.shape)
            for tensor in view.call.outputs
        ]
        for tensor in initial:
            ids = view.ids(tensor)
            space.unite(space.fix_unless_vector(ids, 1 if first else ids.ndim - 1, name), made)
        columns = np.tile(made, 4)
        sizes = channel_ids.static(view.call.outputs[-1].shape)[-len(kernel) + 1 :]
        reuse = int(np.prod(sizes)) // len(made) * int(sequence.shape[1] or 1)
        window = (None,) * (len(kernel) - 2)
        kernels = [WeightFlow((*window, rows, columns), reuse=reuse) for rows in (read, made)]
        weights, bias = with_bias(view, kernels, columns)
        draw = functools.partial(frame_patches, window=window_of(view, kernel))
        reads = (LinearRead(view.place(sequence), 0, bias, tuple(range(len(window) + 1)), draw),)
        return Flow(tuple(outputs), weights, reads, sizes={"filters": made})


def frame_patches(
    x: np.ndarray, generator: np.random.Generator, number: int, *, window: Window
) -> np.ndarray:
    """`patches` of a sequence's frames, (N, T, …) taken as (N·T, …)."""
    return patches(x.reshape(-1, *x.shape[2:]), generator, number, window=window)
