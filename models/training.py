"""Trains a model of the zoo by its recipe, and measures it with the project's own metrics.

Fine-tuning after pruning may use the same losses and the same augmented epochs.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.streamed import ModelInput, is_streamed, unless_streamed
from edgeprune.errors import InputError
from edgeprune.keras_bridge.keras_version import keras_of
from edgeprune.keras_types import KerasLoss, KerasModel, KerasTensor
from edgeprune.metrics import METRICS
from edgeprune.tasks import figures
from edgeprune.tasks.greedy import sure_of_one_pass
from edgeprune.training.prediction import predict
from edgeprune.training.sequence import sequence_of
from edgeprune_models.augmentation import FEATURES, RAW, augment
from edgeprune_models.box_loss import box_loss
from edgeprune_models.entry import TrainingRecipe


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """A trained tf_keras model, what it reaches on validation data, and how long training took."""

    model: KerasModel
    validation: Mapping[str, float]
    seconds: float


def train(
    model: KerasModel, data: Dataset, recipe: TrainingRecipe, seed: int,
    progress: Callable[[float], None] = lambda _: None,
) -> TrainingResult:
    """Train `model` (changed in place) and keep the weights of the best epoch by validation."""
    import tf_keras

    started = time.perf_counter()
    tf_keras.utils.set_random_seed(seed)  # decides order, dropout and augmentation
    compile_model(model, recipe, steps=recipe.epochs * -(-len(data.train) // recipe.batch_size))
    validation_x = data.model_input(data.validation.x)
    metric = METRICS[data.tasks[0].metrics[0]]
    best, best_figures, weights = -np.inf, dict[str, float](), model.get_weights()
    for epoch, (x, y) in enumerate(augmented_epochs(data, recipe, seed)):
        _fit_epoch(model, x, y, recipe, seed, epoch)
        found = measure(model, data, data.validation, inputs=validation_x)
        if (score := metric.score(found)) >= best:
            best, best_figures, weights = score, found, model.get_weights()
        progress((epoch + 1) / recipe.epochs)
    model.set_weights(weights)
    return TrainingResult(model, best_figures, time.perf_counter() - started)


def _fit_epoch(
    model: KerasModel, x: ModelInput, y: ModelInput, recipe: TrainingRecipe, seed: int, epoch: int
) -> None:
    if is_streamed(x):
        order = np.random.default_rng((seed, epoch)).permutation(len(y))
        source = {"x": sequence_of(keras_of(model), x, y, None, recipe.batch_size, order), "shuffle": False}
    else:
        source = {"x": x, "y": y, "batch_size": recipe.batch_size, "shuffle": True}
    model.fit(**source, epochs=epoch + 1, initial_epoch=epoch, verbose=0)


def compile_model(model: KerasModel, recipe: TrainingRecipe, steps: int) -> None:
    """Compile with the recipe's loss, and AdamW under a cosine decay over `steps` batches."""
    import tf_keras

    if recipe.optimizer != "adamw":
        raise InputError(
            f"The optimizer {recipe.optimizer!r} is not known.", "Expected adamw.", "Correct the recipe."
        )
    rate = tf_keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps)
    optimizer = tf_keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay, clipnorm=5.0)
    # Biases and normalization parameters are no weights to decay.
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(optimizer, loss_function(recipe, model.output_shape[-1]))


def loss_function(recipe: TrainingRecipe, units: int) -> KerasLoss:
    """The tf_keras loss of a recipe for a model with `units` outputs."""
    import tf_keras

    losses = tf_keras.losses
    if recipe.loss == "reconstruction":
        return losses.MeanSquaredError()
    if recipe.loss == "ctc":
        return ctc_loss
    if recipe.loss == "boxes":
        return box_loss
    if recipe.loss != "crossentropy":
        raise InputError(
            f"The loss {recipe.loss!r} is not known.", "Expected crossentropy, reconstruction, ctc or boxes.",
            "Correct the recipe.",
        )
    if units == 1:
        return losses.BinaryCrossentropy(label_smoothing=recipe.label_smoothing)
    return losses.SparseCategoricalCrossentropy(ignore_class=-1)


def ctc_loss(y_true: KerasTensor, probabilities: KerasTensor) -> KerasTensor:
    """CTC (Graves et al. 2006) of (N, L) words, -1 after the last, and (N, T, C + 1), blank last."""
    import tensorflow as tf

    labels = tf.cast(y_true, tf.int32)
    return tf.nn.ctc_loss(
        tf.maximum(labels, 0), tf.math.log(probabilities + 1e-7),
        tf.reduce_sum(tf.cast(labels >= 0, tf.int32), axis=1),
        tf.fill([tf.shape(probabilities)[0]], tf.shape(probabilities)[1]),
        logits_time_major=False, blank_index=-1,
    )


OWN_LOSSES = (ctc_loss, box_loss)
"""Which a kept model was compiled with, and Keras does not know."""


def augmented_epochs(
    data: Dataset, recipe: TrainingRecipe, seed: int
) -> Iterator[tuple[ModelInput, ModelInput]]:
    """Model inputs and targets of each epoch; preprocessed once where nothing is augmented on raw samples."""
    # Background noise comes out of the data's own recordings, where it has some.
    noise = {"recordings": data.noise} if data.noise else {}
    steps = [{**step, **(noise if step["op"] == "background_noise" else {})} for step in recipe.augmentation]
    rng = np.random.default_rng(seed)
    changes = any(step["op"] in RAW for step in steps)
    plain = None if changes else data.model_input(data.train.x)
    for _ in range(recipe.epochs):
        x = data.model_input(augment(data.train.x, steps, RAW, rng)) if changes else plain
        x = augment(x, steps, FEATURES, rng)
        if recipe.loss == "reconstruction":
            yield x, x
        elif data.train.labels is not None:
            yield x, data.train.labels
        else:
            needs = f"The loss {recipe.loss} needs them."
            raise InputError("The training data has no labels.", needs, "Add labels.")


def measure(
    model: KerasModel, data: Dataset, split: Split, inputs: ModelInput | None = None
) -> dict[str, float]:
    """The data's metrics of `model` on `split`; `inputs` are its preprocessed samples, if at hand."""
    x = data.model_input(split.x) if inputs is None else inputs
    held = unless_streamed(x)
    tasks = sure_of_one_pass(data.tasks)
    return figures(tasks, split.y, predict(model, x), None if isinstance(held, tuple) else held)
