"""Cross-validation: how well the recipe does on parts of the data that it does not see."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.data.calibration import choose
from edgeprune.data.dataset import Split
from edgeprune.training.prediction import predict

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgeprune.pipeline.inputs import Inputs
    from edgeprune.pipeline.job import Job
    from edgeprune.pipeline.training import Trained


def cross_validate(
    job: Job, inputs: Inputs, train: Callable[[Job, Inputs], Trained]
) -> tuple[float, ...]:
    """The task's metric of the pruned, fine-tuned float model on each held-out part.

    The parts are of the training data: the test split stays unseen. The original was trained on
    all of them, so figures compare recipes rather than stand for unseen data.

    Args:
        job: keeps no state.
        inputs: of the build.
        train: prunes and fine-tunes.
    """
    data, recipe = inputs.data, job.recipe
    parts = np.random.default_rng(recipe.seed).permutation(len(data.train)) % recipe.folds
    figures = []
    for number in range(recipe.folds):
        kept = data.train.take(np.flatnonzero(parts != number))
        held = data.train.take(np.flatnonzero(parts == number))
        fold = dataclasses.replace(
            inputs, data=dataclasses.replace(data, train=kept),
            calibration=data.model_input(choose(kept, recipe.calibration, recipe.seed).x),
        )
        model = train(job, fold).model
        figures.append(_figure(inputs, model, held))
        job.progress("cross_validate", (number + 1) / recipe.folds)
    return tuple(figures)


def _figure(inputs: Inputs, model: Any, held: Split) -> float:
    x = inputs.data.model_input(held.x)
    answers = predict(model, x)
    if held.y is None:
        from edgeprune.conversion import parity

        return parity(predict(inputs.model, x), answers, classes=inputs.classes).agreement_fraction
    return inputs.worth(held, answers, x)
