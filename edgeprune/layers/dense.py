"""Dense: y = activation(x·W + b), x (…, in), W (in, out), b (out).

Of a transposed tensor (N, channels, positions) it mixes the positions of each channel: the channels pass, and
the kernel stays whole.
"""

import numpy as np

from edgeprune.graph import CallView, ChannelSpace, Flow, LinearRead, MacTerm, WeightFlow, channel_ids
from edgeprune.layers.activation import made_channels
from edgeprune.layers.rule import LinearRule, with_bias


class DenseRule(LinearRule):
    """Reads the channels of the last axis, makes its own."""

    maskable = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        varying = channel_ids.varying_axes(view.inputs[0])
        if varying and view.inputs[0].ndim - 1 not in varying:
            return _mixing_positions(view, varying[0], space)
        rows = space.fix_unless_vector(view.inputs[0], -1, view.layer.path)
        made = made_channels(view, "units", space)
        positions = int(np.prod(channel_ids.static(view.output)[1:-1]))
        weights, bias = with_bias(view, [WeightFlow((rows, made), reuse=positions)], made)
        read = LinearRead(source=0, kernel=0, bias=bias, rows=(0,), samples=vectors, by_step=True)
        return Flow((channel_ids.along(made, -1, view.output),), weights, (read,), sizes={"units": made})

    def folds_constants(self, view: CallView, read: LinearRead) -> bool:
        """Every position has the same bias."""
        return True


def _mixing_positions(view: CallView, axis: int, space: ChannelSpace) -> Flow:
    """The channels lie along another axis than the last one, which alone is read and made."""
    line = space.fix_unless_vector(view.inputs[0], axis, view.layer.path)
    output = channel_ids.along(line, axis, view.output)
    times = int(np.prod(view.layer.weight_shapes[0])) * int(np.prod(output.shape[1:-1])) // len(line)
    weights = tuple(WeightFlow((None,) * len(shape)) for shape in view.layer.weight_shapes)
    return Flow((output,), weights, mac_terms=(MacTerm((line,), times),))


def vectors(x: np.ndarray, generator: np.random.Generator, number: int) -> np.ndarray:
    """Draws `number` of the vectors along the last axis of `x`; all of them where there are fewer."""
    flat = x.reshape(-1, x.shape[-1])
    if len(flat) <= number:
        return flat
    return flat[generator.choice(len(flat), number, replace=False)]
