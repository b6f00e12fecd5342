"""Stage: `Baseline` -> importance scores -> plan -> `PrunedModel`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from edgeprune.keras_bridge.network import KerasNetwork
from edgeprune.keras_bridge.prune import analyze
from edgeprune.pipeline.artifacts import Baseline, PrunedModel
from edgeprune.pipeline.context import BuildContext
from edgeprune.pruning.analysis import PruningAnalysis
from edgeprune.pruning.constraints import Constraints
from edgeprune.pruning.result import PruneResult, removed
from edgeprune.recipe import PruneSettings

_STEPS = ("rank", "measure", "strip", "repair")
_ANALYSIS = ("read", "rank", "measure")


def prune(
    network: KerasNetwork, baseline: Baseline, settings: PruneSettings, context: BuildContext
) -> PruneResult:
    """Chooses, removes, proves and reconstructs.

    Args:
        network: the baseline's, or what an earlier round left of it.
        baseline: whose calibration data decides.
        settings: how much goes, and by what.

    Raises:
        InputError: a setting is not understood, or not so much can go.
        VerificationError: the smaller model is not the masked original.
    """
    # Nothing to choose: nothing to look at.
    some = bool(settings.ratio or settings.ratios or settings.threshold)
    constraints = constraints_of(settings)
    with context.stage("prune") as tell:
        analysis = analyze(
            network, baseline.calibration if some else None,
            criterion=settings.criterion if some else "l2",
            allocation=settings.allocation if settings.threshold is None else "uniform", seed=context.seed,
            progress=lambda name, done: tell(
                ((_STEPS.index(name) if name in _STEPS else 0) + done) / len(_STEPS)
            ),
        )
        if settings.threshold is not None:
            return analysis.prune_to(analysis.allocate_above(settings.threshold, constraints))
        return analysis.prune(settings.ratio, unit=settings.unit, constraints=constraints)


def analysis_of(baseline: Baseline, settings: PruneSettings, context: BuildContext) -> PruningAnalysis:
    """All of pruning that does not depend on how much goes, for a search over amounts."""
    with context.stage("prune") as tell:
        return analyze(
            baseline.network, baseline.calibration, criterion=settings.criterion,
            allocation=settings.allocation, seed=context.seed,
            progress=lambda name, done: (
                tell((_ANALYSIS.index(name) + done) / len(_ANALYSIS)) if name in _ANALYSIS else None
            ),
        )


def constraints_of(settings: PruneSettings) -> Constraints:
    """What allocation must respect."""
    return Constraints(settings.min_width, settings.round_to, settings.protect, settings.ratios)


def pruned_model(result: PruneResult) -> PrunedModel:
    """The artifact of a pruning of the baseline."""
    return PrunedModel(result.model, result.keep, result.report)


def joined(rounds: Sequence[PruneResult]) -> PrunedModel:
    """Several rounds of pruning as one: from the first one's original to the last one's model.

    Args:
        rounds: in their order; each one's channels are those of the model that it started from.
    """
    first, last = rounds[0], rounds[-1]
    keep = first.keep.copy()
    groups = {group.name: group for group in first.dependencies.groups}
    for result in rounds[1:]:
        for group in result.dependencies.groups:
            # What the rounds before left of a group is the whole group now, in the same order.
            left = groups[group.name].channels
            left = left[keep[left]]
            keep[left[~result.keep[group.channels]]] = False
    report = dataclasses.replace(
        last.report,
        groups=tuple(
            dataclasses.replace(one, units_after=int(keep[groups[one.name].channels].sum()))
            for one in first.report.groups
        ),
        before=first.report.before,
        removed=removed(first.report.before, last.report.after),
        equivalence=max((one.report.equivalence for one in rounds), key=lambda found: found.max_abs_error),
        refusals=first.report.refusals,
    )
    return PrunedModel(last.model, keep, report)
