"""Cross-validation: how well the recipe does on parts of the data that it does not see."""

from __future__ import annotations

import dataclasses

import numpy as np

from edgeprune.data.dataset import Split
from edgeprune.data.splits import choose
from edgeprune.data.streamed import in_memory
from edgeprune.keras_types import KerasModel
from edgeprune.pipeline.artifacts import Baseline
from edgeprune.pipeline.context import BuildContext
from edgeprune.pipeline.strategies import tuned_model
from edgeprune.recipe import Recipe
from edgeprune.training.prediction import predict


def cross_validate(baseline: Baseline, recipe: Recipe, context: BuildContext) -> tuple[float, ...]:
    """The task's metric of the pruned, fine-tuned float model on each held-out part; empty without folds.

    The parts are of the training data: the test split stays unseen. The original was trained on
    all of them, so figures compare recipes rather than stand for unseen data.
    """
    folds, data = recipe.train.folds, baseline.data
    if not folds:
        return ()
    parts = np.random.default_rng(context.seed).permutation(len(data.train)) % folds
    figures = []
    for number in range(folds):
        kept = data.train.take(np.flatnonzero(parts != number))
        held = data.train.take(np.flatnonzero(parts == number))
        calibration = in_memory(data.model_input(choose(kept, recipe.prune.calibration, context.seed).x))
        fold = dataclasses.replace(
            baseline, data=dataclasses.replace(data, train=kept), calibration=calibration
        )
        figures.append(_figure(baseline, tuned_model(fold, recipe, context.fork()).model, held))
        context.progress("cross_validate", (number + 1) / folds)
    return tuple(figures)


def _figure(baseline: Baseline, model: KerasModel, held: Split) -> float:
    x = baseline.data.model_input(held.x)
    outputs = predict(model, x)
    if held.y is None:
        from edgeprune.conversion.parity import default_kinds, parity

        kinds = default_kinds(outputs)
        kinds = kinds if baseline.classes else ("values", *kinds[1:])
        return parity(predict(baseline.model, x), outputs, kinds=kinds).agreement_fraction
    return baseline.primary_metric(held, outputs, x)
