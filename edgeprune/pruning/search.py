"""Ways to arrive at an amount: the largest that holds the accuracy, and little by little.

dynamic     prune → evaluate → adjust, by bisection, until the largest share is found that loses no
            more than allowed
iterative   prune a little → train → prune again
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from edgeprune.errors import InputError, VerificationError
from edgeprune.pruning.result import PruneResult

LARGEST = 0.98


@dataclasses.dataclass(frozen=True)
class Trial:
    """One amount that was tried.

    Attributes:
        amount: share removed.
        score: of the pruned model, in the evaluation's own channel.
        drop: what was lost against the original.
        holds: whether that is within the limit.
    """

    amount: float
    score: float
    drop: float
    holds: bool


@dataclasses.dataclass(frozen=True)
class Found:
    """The outcome of a dynamic search.

    Attributes:
        amount: the largest share that held.
        result: of pruning by it.
        baseline: the original's score.
        trials: all that was tried, in order.
    """

    amount: float
    result: PruneResult
    baseline: float
    trials: tuple[Trial, ...]


def largest_amount(
    prune: Callable[[float], PruneResult],
    evaluate: Callable[[Any], float],
    baseline: float,
    max_drop: float,
    *,
    precision: float = 0.02,
    show: Callable[[Trial], None] = lambda _: None,
) -> Found:
    """Bisects for the largest amount whose score is within `max_drop` of the baseline.

    Args:
        prune: prunes by an amount; `PruningAnalysis.prune` shares the work between trials.
        evaluate: scores a model, higher is better. Use data that no accuracy is claimed on.
        baseline: the original's score.
        max_drop: allowed loss, in the same channel.
        precision: width of the last step.
        show: told every trial.

    Raises:
        InputError: the limit is negative.
        VerificationError: not even the smallest step holds.
    """
    if max_drop < 0:
        raise InputError(f"A drop of {max_drop} was allowed.", "0 or more is expected.")
    trials: list[Trial] = []
    best: tuple[float, PruneResult] | None = None
    low, high = 0.0, 1.0
    amount = 0.5
    while high - low > precision and low < LARGEST:
        try:
            result = prune(min(amount, LARGEST))
        except InputError:
            high = amount
        else:
            score = evaluate(result.model)
            trials.append(Trial(amount, score, baseline - score, baseline - score <= max_drop))
            show(trials[-1])
            if trials[-1].holds:
                low, best = amount, (amount, result)
            else:
                high = amount
        amount = (low + high) / 2
    if best is None:
        raise VerificationError(
            f"Removing {high:.1%} already loses more than {max_drop} points.",
            "The model has no slack at this limit.",
            "Allow a larger drop, or fine-tune after pruning.",
        )
    return Found(best[0], best[1], baseline, tuple(trials))


def prune_in_rounds(
    prune: Callable[[Any, float], PruneResult],
    train: Callable[[Any], Any],
    model: Any,
    amount: float,
    rounds: int,
) -> list[PruneResult]:
    """Removes `amount` of the neurons in equal proportions, training after every round.

    Args:
        prune: prunes a model by a share of what it has now.
        train: trains a pruned model and gives it back.
        model: the original.
        amount: share of the original's neurons to remove in all.
        rounds: how many.

    Returns:
        The result of each round; the last one's model is trained.
    """
    if rounds < 1:
        raise InputError(f"{rounds} rounds were asked for.", "1 or more is expected.")
    results: list[PruneResult] = []
    left = 1.0
    for number in range(1, rounds + 1):
        target = (1 - amount) ** (number / rounds)
        result = prune(model, max(0.0, 1 - target / left))
        model = train(result.model)
        left *= 1 - result.report.removed.neurons
        results.append(dataclasses.replace(result, model=model))
    return results
