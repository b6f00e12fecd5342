"""Neurons leave step by step while the model trains: tfmot's schedule and masks, whole channels at a time.

tfmot's `PruneLowMagnitude` wrapper multiplies kernels by a mask at every training step, and its
schedules say how much is to be gone at which step. On its own it chooses single weights by
magnitude, layer by layer. Here its choice is switched off, and the masks are set from a plan of
coupled units: in every kernel that reads a channel, the channel's rows go to zero at the same step.

    step      0 ────────────────────── end
    removed   0 % ── PolynomialDecay ── 100 % of the plan, in the order of the ranking

At the end `strip_pruning` takes the wrappers off; what is masked can then be cut off exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.keras_bridge.read import read
from edgeprune.layers import rule_for
from edgeprune.training.wrapping import with_masks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgeprune.graph.dependency_graph import DependencyGraph

_END = 0.75  # of the steps; the rest trains the final shape


def mask_gradually(
    model: Any,
    dependencies: DependencyGraph,
    keep: np.ndarray,
    steps: int,
    train: Callable[[Any, Sequence[Any]], None],
) -> Any:
    """Trains a copy of a tf_keras model while the planned channels fade out.

    Args:
        model: tf_keras; it is not changed.
        units: its traced channels.
        keep: (channels.count,) which of them stay.
        steps: how many batches the training will have.
        train: trains the wrapped model with the given callbacks.

    Returns:
        A tf_keras model like `model`, trained, with zeros in every row that read a removed channel.
    """
    import tensorflow_model_optimization as tfmot
    import tf_keras

    sparsity = tfmot.sparsity.keras
    leaves_at = departures(dependencies, keep)
    removed = 1 - sum(keep[group.channels].sum() for group in dependencies.groups) / dependencies.neurons
    schedule = sparsity.PolynomialDecay(
        initial_sparsity=0.0, final_sparsity=removed, begin_step=0,
        end_step=max(int(_END * steps), 1), frequency=max(steps // 50, 1),
    )
    copy = tf_keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    masked = _masked_kernels(dependencies, leaves_at)

    def wrap(layer: Any) -> Any:
        # Channels that layers which tfmot cannot wrap read leave at the end, all at once.
        known = dependencies.graph.layers.get(layer.name)
        fades = known is not None and layer.name in masked and rule_for(known).fades
        return with_masks(layer, _no_choice(sparsity)) if fades else layer

    wrapped = tf_keras.models.clone_model(copy, clone_function=wrap)
    masks = _neuron_masks(tf_keras, wrapped, leaves_at, masked, schedule, removed)
    train(wrapped, [masks])
    return _cut(sparsity.strip_pruning(wrapped), masked, leaves_at)


def departures(dependencies: DependencyGraph, keep: np.ndarray) -> np.ndarray:
    """When each channel goes, as a share in (0, 1] of what its group loses; infinity where it stays.

    Those that the rest of the network reads with the smallest weights go first.
    """
    weight = np.zeros(dependencies.count)
    for call, flow in zip(dependencies.graph.calls, dependencies.flows, strict=True):
        arrays = dependencies.graph.layers[call.layer].read_weights() if flow.reads else ()
        for read_at in flow.reads:
            axis = read_at.rows[-1]
            ids = flow.weights[read_at.kernel].axes[axis]
            if ids is not None:
                squares = np.moveaxis(np.square(arrays[read_at.kernel]), axis, 0).reshape(len(ids), -1)
                np.add.at(weight, dependencies.channel_of[ids], squares.sum(1))
    leaves_at = np.full(dependencies.count, np.inf)
    for group in dependencies.groups:
        gone = group.channels[~keep[group.channels]]
        order = gone[np.argsort(weight[gone], kind="stable")]
        leaves_at[order] = np.arange(1, len(gone) + 1) / max(len(gone), 1)
    return leaves_at


def _masked_kernels(
    dependencies: DependencyGraph, leaves_at: np.ndarray
) -> dict[str, list[tuple[int, int, np.ndarray]]]:
    """Layer to (weight index, axis, channel numbers) of the kernels that read a channel which leaves."""
    found: dict[str, list[tuple[int, int, np.ndarray]]] = {}
    for call, flow in zip(dependencies.graph.calls, dependencies.flows, strict=True):
        for read_at in flow.reads:
            axis = read_at.rows[-1]
            ids = flow.weights[read_at.kernel].axes[axis]
            if ids is not None and np.isfinite(leaves_at[dependencies.channel_of[ids]]).any():
                entry = (read_at.kernel, axis, dependencies.channel_of[ids])
                if entry[0] not in [known[0] for known in found.get(call.layer, [])]:
                    found.setdefault(call.layer, []).append(entry)
    return found


def _no_choice(sparsity: Any) -> Any:
    """A tfmot schedule under which the wrapper never recomputes its mask by magnitude."""
    import tensorflow as tf

    class NoChoice(sparsity.PruningSchedule):  # type: ignore[misc]
        """Never the time to choose."""

        def __call__(self, step: Any) -> tuple[Any, Any]:
            """No update, at any step."""
            del step
            return tf.constant(False), tf.constant(0.0)

        def get_config(self) -> dict[str, Any]:
            """Has no settings."""
            return {"class_name": type(self).__name__, "config": {}}

    return NoChoice()


def _neuron_masks(
    keras: Any,
    wrapped: Any,
    leaves_at: np.ndarray,
    masked: dict[str, list[tuple[int, int, np.ndarray]]],
    schedule: Any,
    removed: float,
) -> Any:
    layers = {
        layer.layer.name: layer for layer in wrapped.layers if hasattr(layer, "pruning_vars")
    }

    class NeuronMasks(keras.callbacks.Callback):  # type: ignore[misc]
        """Sets the wrappers' masks from the plan, in place of tfmot's own `UpdatePruningStep`."""

        def __init__(self) -> None:
            super().__init__()
            self.step = 0

        def on_train_begin(self, logs: Any = None) -> None:
            """Training may go on in the middle; the optimizer knows where."""
            del logs
            self.step = int(self.model.optimizer.iterations)

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            """Where the schedule says so, masks what has to be gone by now."""
            del batch, logs
            due, sparsity = schedule(self.step)
            if bool(due):
                gone = leaves_at <= float(sparsity) / removed + 1e-6
                for name, layer in layers.items():
                    for (kernel, axis, numbers), (_, mask, _) in zip(
                        masked[name], layer.pruning_vars, strict=True
                    ):
                        del kernel
                        view = [1] * len(mask.shape)
                        view[axis] = -1
                        alive = (~gone[numbers]).astype(np.float32).reshape(view)
                        mask.assign(np.broadcast_to(alive, mask.shape))
            self.step += 1

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            """The wrapper asserts that its own step counter moves."""
            del epoch, logs
            for layer in layers.values():
                layer.pruning_step.assign(self.step)

    return NeuronMasks()


def _cut(
    model: Any, masked: dict[str, list[tuple[int, int, np.ndarray]]], leaves_at: np.ndarray
) -> Any:
    """Zeros what the last optimizer step touched again, and what tfmot could not wrap."""
    layers = read(model).layers
    for path, entries in masked.items():
        weights = layers[path].get_weights()
        for kernel, axis, numbers in entries:
            view = [1] * weights[kernel].ndim
            view[axis] = -1
            weights[kernel] = weights[kernel] * np.isinf(leaves_at[numbers]).reshape(view)
        layers[path].set_weights(weights)
    return model
