"""Ways of asking for a smaller model, each a loop over the same stages: `Baseline` -> `TunedModel`.

    ratio      prune by a ratio, tune
    rounds     prune a little, train, prune again: the iterative schedule
    max-drop   prune, tune, evaluate, adjust the ratio by bisection: the largest that keeps the accuracy

The fourth, a budget on a device, is `edgeprune.pipeline.within_budget`.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Sequence

from edgeprune.errors import InputError, VerificationError
from edgeprune.keras_bridge.network import network_of
from edgeprune.pipeline.artifacts import Baseline, PrunedModel, TunedModel
from edgeprune.pipeline.context import BuildContext
from edgeprune.pipeline.prune import analysis_of, constraints_of, joined, prune, pruned_model
from edgeprune.pipeline.tune import learn, tune
from edgeprune.pruning.result import PruneResult
from edgeprune.recipe import Recipe
from edgeprune.report.schema import RatioReport
from edgeprune.tasks import worst_drop
from edgeprune.training.checkpoint import Epoch
from edgeprune.training.prediction import predict

_LARGEST = 0.98
_PRECISION = 0.02
"""Width of the bisection's last step."""


def tuned_model(baseline: Baseline, recipe: Recipe, context: BuildContext) -> TunedModel:
    """The model that a recipe without a budget asks for.

    Raises:
        InputError: not so much can go.
        VerificationError: no ratio keeps the accuracy, or the smaller model is not the masked original.
    """
    if recipe.budget.max_drop is not None:
        return _by_accuracy(baseline, recipe, context)
    if recipe.prune.schedule == "iterative" and recipe.prune.ratio:
        return _in_rounds(baseline, recipe, context)
    # tfmot's magnitude pruning leaves every neuron where it is.
    settings = (
        dataclasses.replace(recipe.prune, ratio=0.0) if recipe.prune.method == "weight" else recipe.prune
    )
    pruned = context.made(
        "prune", PrunedModel, lambda: pruned_model(prune(baseline.network, baseline, settings, context))
    )
    return tune(baseline, pruned, recipe.prune, recipe.train, context)


def _in_rounds(baseline: Baseline, recipe: Recipe, context: BuildContext) -> TunedModel:
    """Removes the neurons in equal proportions, training after every round."""
    ratio, number_of_rounds = recipe.prune.ratio, recipe.prune.rounds
    results: list[PruneResult] = []
    curve: list[Epoch] = []
    network, left = baseline.network, 1.0
    for number in range(number_of_rounds):
        target = (1 - ratio) ** ((number + 1) / number_of_rounds)
        settings = dataclasses.replace(recipe.prune, ratio=max(0.0, 1 - target / left))
        result = prune(network, baseline, settings, context)
        with context.stage("fine_tune") as tell:
            pruned = pruned_model(result)
            curve.extend(learn(
                baseline, pruned, recipe.train, context, tell, name=f"round_{number}", number=number
            ))
        left *= 1 - result.report.removed.neurons
        results.append(result)
        network = network_of(result.model)
    whole = joined(results)
    return TunedModel(whole.model, whole.keep, whole.report, tuple(curve))


def _by_accuracy(baseline: Baseline, recipe: Recipe, context: BuildContext) -> TunedModel:
    analysis = analysis_of(baseline, recipe.prune, context)
    constraints = constraints_of(recipe.prune)

    def by_ratio(ratio: float) -> PrunedModel:
        return pruned_model(analysis.prune(ratio, unit=recipe.prune.unit, constraints=constraints))

    return largest(baseline, recipe, context, by_ratio, "removed")


def largest(
    baseline: Baseline, recipe: Recipe, context: BuildContext, make: Callable[[float], PrunedModel], what: str
) -> TunedModel:
    """Bisects for the largest ratio whose tuned model keeps the accuracy on validation data.

    Args:
        make: prunes by a ratio, 0 to 1; raises `InputError` where not so much can go.
        what: a ratio is of, in words, such as "removed".

    Raises:
        VerificationError: not even the smallest ratio keeps it.
    """
    max_drop = recipe.budget.max_drop or 0.0
    split, inputs = baseline.data.validation, baseline.validation
    before = baseline.scores(split, baseline.predictions, inputs)
    tuned: list[TunedModel] = []

    def attempt(ratio: float) -> RatioReport | None:
        try:
            pruned = make(ratio)
        except InputError:
            return None
        tuned.append(_trial(baseline, pruned, recipe, context, len(tuned)))
        after = baseline.scores(split, predict(tuned[-1].model, inputs), inputs)
        # The part that lost most decides, where several are judged.
        name, lost = worst_drop(before, after)
        drop = 100 * lost
        where = f" of {name}" if len(before) > 1 else ""
        context.notes.append(
            f"With {100 * ratio:.1f} % {what}, the model {'loses' if drop >= 0 else 'gains'} {abs(drop):.2f} "
            f"points{where} on validation data: {'within' if drop <= max_drop else 'above'} the limit of "
            f"{max_drop:g}."
        )
        return RatioReport(ratio, 100 * after[name], drop, drop <= max_drop)

    trials = bisect(attempt)
    if not any(trial.holds for trial in trials):
        raise _no_ratio_holds(trials, what, max_drop)
    best = max(range(len(trials)), key=lambda number: trials[number].ratio * trials[number].holds)
    return dataclasses.replace(tuned[best], trials=trials)


def _no_ratio_holds(trials: Sequence[RatioReport], what: str, max_drop: float) -> VerificationError:
    if not trials:
        return VerificationError(
            f"No smaller model could be made, not even one with {_PRECISION:.0%} {what}.",
            "A model whose layers can be narrowed is expected.", "Use --prune, or see `edgeprune inspect`.",
        )
    least = min(trial.ratio for trial in trials)
    return VerificationError(
        f"A model with {least:.1%} {what} already loses more than {max_drop:g} points.",
        "The model has no slack at this limit.", "Allow a larger drop, or fine-tune after pruning.",
    )


def bisect(
    attempt: Callable[[float], RatioReport | None], precision: float = _PRECISION
) -> tuple[RatioReport, ...]:
    """Tries ratios from 0 to 1, each halfway between the largest that held and the smallest that did not.

    Args:
        attempt: what came of a ratio; None where not so much can go.
        precision: width of the last step.

    Returns:
        All trials, in their order; the largest ratio that holds is the result.
    """
    trials: list[RatioReport] = []
    low, high, ratio = 0.0, 1.0, 0.5
    while high - low > precision and low < _LARGEST:
        trial = attempt(min(ratio, _LARGEST))
        if trial is not None:
            trials.append(trial)
        if trial is not None and trial.holds:
            low = ratio
        else:
            high = ratio
        ratio = (low + high) / 2
    return tuple(trials)


def _trial(
    baseline: Baseline, pruned: PrunedModel, recipe: Recipe, context: BuildContext, number: int
) -> TunedModel:
    with context.stage("fine_tune") as tell:
        # Another model than in an interrupted try begins anew.
        shapes = zlib.crc32(str([weights.shape for weights in pruned.model.get_weights()]).encode())
        curve = learn(
            baseline, pruned, recipe.train, context, tell, name=f"trial_{number}_{shapes}", number=number
        )
    return TunedModel(pruned.model, pruned.keep, pruned.report, curve)
