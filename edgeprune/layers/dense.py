"""Dense: y = activation(x·W + b), x (…, in), W (in, out), b (out).

Of a transposed tensor (N, channels, positions) it mixes the positions of each channel, see
`edgeprune.layers.position_mixing`.
"""

import numpy as np

from edgeprune.graph import CallView, ChannelSpace, Flow, LinearRead, WeightFlow, channel_ids
from edgeprune.layers.activation import made_channels
from edgeprune.layers.position_mixing import mixing, passing_axis
from edgeprune.layers.rule import LinearRule, with_bias


class DenseRule(LinearRule):
    """Reads the channels of the last axis, makes its own."""

    maskable = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        passing = passing_axis(view, -1)
        if passing is not None:
            return mixing(view, (passing, passing), space, self._own)
        return self._own(view, space)

    @staticmethod
    def _own(view: CallView, space: ChannelSpace) -> Flow:
        rows = space.fix_unless_vector(view.inputs[0], -1, view.layer.path)
        made = made_channels(view, "units", space)
        positions = int(np.prod(channel_ids.static(view.output)[1:-1]))
        weights, bias = with_bias(view, [WeightFlow((rows, made), reuse=positions)], made)
        read = LinearRead(source=0, kernel=0, bias=bias, rows=(0,), samples=vectors, by_step=True)
        return Flow((channel_ids.along(made, -1, view.output),), weights, (read,), sizes={"units": made})

    def folds_constants(self, view: CallView, read: LinearRead) -> bool:
        """Every position has the same bias."""
        return True


def vectors(x: np.ndarray, generator: np.random.Generator, number: int) -> np.ndarray:
    """Draws `number` of the vectors along the last axis of `x`; all of them where there are fewer."""
    flat = x.reshape(-1, x.shape[-1])
    if len(flat) <= number:
        return flat
    return flat[generator.choice(len(flat), number, replace=False)]
