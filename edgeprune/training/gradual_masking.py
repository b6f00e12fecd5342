"""Channels are masked step by step while the model trains, by tfmot's schedule and masks.

tfmot's `PruneLowMagnitude` wrapper multiplies kernels by a mask at every training step, and its
schedules say how much is to be gone at which step. On its own it chooses single weights by
magnitude, layer by layer. Here its choice is switched off, and the masks are set from a plan of
coupled channels: in every kernel that reads a channel, the channel's rows go to zero at the same step.

    step      0 ────────────────────── end
    removed   0 % ── PolynomialDecay ── 100 % of the plan, in the order of `mask_schedule`

At the end `strip_pruning` takes the wrappers off; what is masked can then be cut off exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from edgeprune.graph.dependency_graph import DependencyGraph
from edgeprune.keras_bridge.clone import clone
from edgeprune.keras_bridge.read import read
from edgeprune.keras_bridge.tfmot import import_tfmot
from edgeprune.keras_types import KerasLayer, KerasModel, KerasTensor
from edgeprune.layers import rule_for
from edgeprune.training.tfmot_wrapper import wrapped_for_pruning

_END = 0.75  # of the steps; the rest trains the final shape


class _ReadKernel(NamedTuple):
    """A kernel that reads channels: its weight index, and the channel number at each place along `axis`."""

    weight: int
    axis: int
    channels: np.ndarray

    def along(self, values: np.ndarray, rank: int) -> np.ndarray:
        """One value a channel, shaped to multiply the kernel."""
        return values.reshape([-1 if axis == self.axis else 1 for axis in range(rank)])


_MaskedKernels: TypeAlias = dict[str, list[_ReadKernel]]
"""By layer."""
_Schedule: TypeAlias = Callable[[int], tuple[KerasTensor, KerasTensor]]
"""tfmot's: from the training step to whether masks are due, and the sparsity by then."""


def mask_gradually(
    model: KerasModel, dependencies: DependencyGraph, keep: np.ndarray, steps: int,
    train: Callable[[KerasModel, Sequence[object]], None],
) -> KerasModel:
    """Trains a copy of a tf_keras model while the planned channels are masked.

    `keep` (channels,) tells which of them stay, `steps` how many batches the training will have; `train` gets
    the wrapped model and callbacks. The result has zeros in every row that read a removed channel.
    """
    tfmot = import_tfmot()
    import tf_keras

    sparsity = tfmot.sparsity.keras
    removed_at = mask_schedule(dependencies, keep)
    removed = 1 - sum(keep[group.channels].sum() for group in dependencies.groups) / dependencies.neurons
    schedule = sparsity.PolynomialDecay(
        initial_sparsity=0.0, final_sparsity=removed, begin_step=0,
        end_step=max(int(_END * steps), 1), frequency=max(steps // 50, 1),
    )
    masked = _masked_kernels(dependencies, removed_at)
    never = _never_due()

    def wrap(layer: KerasLayer) -> KerasLayer:
        # Channels that are read by layers which tfmot cannot wrap are zeroed at the end, all at once.
        read_layer = dependencies.graph.layers.get(layer.name)
        wrappable = read_layer is not None and layer.name in masked and rule_for(read_layer).maskable
        return wrapped_for_pruning(layer, never) if wrappable else layer

    wrapped = tf_keras.models.clone_model(clone(model), clone_function=wrap)
    train(wrapped, [_mask_callback(wrapped, removed_at, masked, schedule, removed)])
    return _zeroed(sparsity.strip_pruning(wrapped), masked, removed_at)


def mask_schedule(dependencies: DependencyGraph, keep: np.ndarray) -> np.ndarray:
    """(channels,) when each is masked, in (0, 1] of what its group loses; infinity where it stays.

    Those that the rest of the network reads with the smallest weights are masked first.
    """
    weight = np.zeros(dependencies.count)
    for layer, kernel in _read_kernels(dependencies):
        values = dependencies.graph.layers[layer].read_weights()[kernel.weight]
        squares = np.moveaxis(np.square(values), kernel.axis, 0).reshape(len(kernel.channels), -1)
        np.add.at(weight, kernel.channels, squares.sum(1))
    removed_at = np.full(dependencies.count, np.inf)
    for group in dependencies.groups:
        removed = group.channels[~keep[group.channels]]
        order = removed[np.argsort(weight[removed], kind="stable")]
        removed_at[order] = np.arange(1, len(removed) + 1) / max(len(removed), 1)
    return removed_at


def _read_kernels(dependencies: DependencyGraph) -> Iterator[tuple[str, _ReadKernel]]:
    """Every kernel that reads channels, with its layer."""
    for call, flow in zip(dependencies.graph.calls, dependencies.flows, strict=True):
        for read_at in flow.reads:
            axis = read_at.rows[-1]
            ids = flow.weights[read_at.kernel].axes[axis]
            if ids is not None:
                yield call.layer, _ReadKernel(read_at.kernel, axis, dependencies.channel_of[ids])


def _masked_kernels(dependencies: DependencyGraph, removed_at: np.ndarray) -> _MaskedKernels:
    """The kernels that read a channel which is removed."""
    found: _MaskedKernels = {}
    for layer, kernel in _read_kernels(dependencies):
        weights = [one.weight for one in found.get(layer, [])]
        if kernel.weight not in weights and np.isfinite(removed_at[kernel.channels]).any():
            found.setdefault(layer, []).append(kernel)
    return found


def _never_due() -> _Schedule:
    """A tfmot schedule under which the wrapper never recomputes its mask by magnitude."""
    import tensorflow as tf
    tfmot = import_tfmot()

    class NeverDue(tfmot.sparsity.keras.PruningSchedule):  # type: ignore[misc, name-defined]
        def __call__(self, _step: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
            return tf.constant(False), tf.constant(0.0)

        def get_config(self) -> dict[str, object]:
            return {"class_name": type(self).__name__, "config": {}}

    schedule: _Schedule = NeverDue()
    return schedule


def _mask_callback(
    wrapped: KerasModel, removed_at: np.ndarray, masked: _MaskedKernels, schedule: _Schedule, removed: float
) -> object:
    import tf_keras

    layers: Mapping[str, KerasLayer] = {
        layer.layer.name: layer for layer in wrapped.layers if hasattr(layer, "pruning_vars")
    }

    class ChannelMasks(tf_keras.callbacks.Callback):  # type: ignore[misc]
        """Sets the wrappers' masks from the plan, in place of tfmot's own `UpdatePruningStep`."""

        def __init__(self) -> None:
            super().__init__()
            self.step = 0

        def on_train_begin(self, *_: object) -> None:
            """Training may continue in the middle; the optimizer knows where."""
            self.step = int(self.model.optimizer.iterations)

        def on_train_batch_begin(self, *_: object) -> None:
            due, sparsity = schedule(self.step)
            if bool(due):
                stays = (removed_at > float(sparsity) / removed + 1e-6).astype(np.float32)
                for name, layer in layers.items():
                    for kernel, (_, mask, _) in zip(masked[name], layer.pruning_vars, strict=True):
                        alive = kernel.along(stays[kernel.channels], len(mask.shape))
                        mask.assign(np.broadcast_to(alive, mask.shape))
            self.step += 1

        def on_epoch_begin(self, *_: object) -> None:
            """The wrapper asserts that its own step counter moves."""
            for layer in layers.values():
                layer.pruning_step.assign(self.step)

    return ChannelMasks()


def _zeroed(model: KerasModel, masked: _MaskedKernels, removed_at: np.ndarray) -> KerasModel:
    """Zeros what the last optimizer step changed again, and what tfmot could not wrap."""
    layers = read(model).layers
    for path, kernels in masked.items():
        weights = layers[path].get_weights()
        for kernel in kernels:
            stays = kernel.along(np.isinf(removed_at[kernel.channels]), weights[kernel.weight].ndim)
            weights[kernel.weight] = weights[kernel.weight] * stays
        layers[path].set_weights(weights)
    return model
