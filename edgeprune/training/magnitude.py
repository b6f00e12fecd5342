"""Weight pruning: tfmot zeroes the smallest weights while the model trains; the file stays as large."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

import numpy as np

from edgeprune.keras_bridge.clone import clone
from edgeprune.keras_bridge.tfmot import import_tfmot
from edgeprune.keras_types import KerasLayer, KerasModel
from edgeprune.training.fine_tune import EpochData, FineTuning, fine_tune
from edgeprune.training.objective import TrainingObjective
from edgeprune.training.tfmot_wrapper import wrapped_for_pruning

_END = 0.75  # of the steps; the rest trains what stays


def prune_weights(
    model: KerasModel, teacher: KerasModel, epochs: Iterable[EpochData], settings: FineTuning,
    objective: TrainingObjective, ratio: float, steps_per_epoch: int, progress: Callable[[float], None],
) -> KerasModel:
    """A copy of a model, trained while `ratio` of the weights of each kernel go to zero.

    tfmot's `prune_low_magnitude` under `PolynomialDecay` (Zhu & Gupta 2017, arXiv 1710.01878);
    layers tfmot does not know keep their weights. Penalties, precision and frozen layers of the settings are
    left out. The model is of tf_keras; `ratio` is 0 to below 1.
    """
    tfmot = import_tfmot()
    import tf_keras

    sparsity = tfmot.sparsity.keras
    end = max(round(_END * steps_per_epoch * settings.epochs), 1)
    schedule = sparsity.PolynomialDecay(0.0, ratio, 0, end, frequency=max(end // 20, 1))

    def wrap(layer: KerasLayer) -> KerasLayer:
        prunable = type(layer).__name__ in ("Dense", "Conv1D", "Conv2D", "Conv3D", "Embedding")
        return wrapped_for_pruning(layer, schedule) if prunable else layer

    wrapped = tf_keras.models.clone_model(clone(model), clone_function=wrap)
    plain = dataclasses.replace(settings, l1=0.0, l2=0.0, precision="float32", freeze=())
    fine_tune(
        wrapped, teacher, epochs, plain, objective, None,
        callbacks=[sparsity.UpdatePruningStep()], progress=progress,
    )
    result = clone(model)
    result.set_weights(sparsity.strip_pruning(wrapped).get_weights())
    return result


def zero_ratio(model: KerasModel) -> float:
    """Ratio of a model's kernel weights that are exactly zero."""
    kernels = [np.asarray(weight) for weight in model.get_weights() if np.ndim(weight) > 1]
    total = sum(kernel.size for kernel in kernels)
    return sum(int((kernel == 0).sum()) for kernel in kernels) / total if total else 0.0
