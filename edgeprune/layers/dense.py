"""Dense: y = activation(x·W + b), x (…, in), W (in, out), b (out)."""

import numpy as np

from edgeprune.graph import CallView, ChannelSpace, Flow, LinearRead, WeightFlow, channel_ids
from edgeprune.layers.activation import fix_if_mixing
from edgeprune.layers.rule import LinearRule


class DenseRule(LinearRule):
    """Reads the channels of the last axis, makes its own."""

    maskable = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        name = view.layer.path
        rows = space.fix_unless_vector(view.inputs[0], -1, name)
        made = space.fresh(name, int(view.option("units")))
        fix_if_mixing(view, made, space)
        positions = int(np.prod(channel_ids.static(view.output)[1:-1]))
        weights = [WeightFlow((rows, made), reuse=positions)]
        bias = 1 if view.option("use_bias", True) else None
        if bias:
            weights.append(WeightFlow((made,)))
        read = LinearRead(source=0, kernel=0, bias=bias, rows=(0,), samples=vectors, by_step=True)
        return Flow(
            (channel_ids.along(made, -1, view.output),), tuple(weights), (read,), sizes={"units": made}
        )

    def folds_constants(self, view: CallView, read: LinearRead) -> bool:
        """Every position has the same bias."""
        return True


def vectors(x: np.ndarray, generator: np.random.Generator, number: int) -> np.ndarray:
    """Draws `number` of the vectors along the last axis of `x`; all of them where there are fewer."""
    flat = x.reshape(-1, x.shape[-1])
    if len(flat) <= number:
        return flat
    return flat[generator.choice(len(flat), number, replace=False)]
