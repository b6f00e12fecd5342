"""How neurons leave: at once, as many as the accuracy allows, or round by round."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune import jsonable
from edgeprune.graph.cost import Cost
from edgeprune.graph.dependency_graph import Refusal
from edgeprune.pruning.equivalence import Equivalence
from edgeprune.pruning.result import GroupReport, PruneReport, PruneResult, Removed, removed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edgeprune.pipeline.inputs import Inputs
    from edgeprune.pipeline.job import Job
    from edgeprune.pruning.allocation import Constraints
    from edgeprune.pruning.analysis import PruningAnalysis
    from edgeprune.recipe import Recipe

_ORDER = ("rank", "measure", "strip", "repair")


def pruned(job: Job, inputs: Inputs) -> PruneResult:
    """Chooses, strips, proves and repairs; or takes what an earlier try had.

    Raises:
        InputError: a setting is not understood, or not so much can go.
        VerificationError: the stripped model is not the masked original.
    """
    with job.clock("prune") as tell:
        done = job.state.finished("prune")
        if done is not None:
            return kept(job, done, inputs.model)
        result = prune_by(job, inputs, job.recipe.prune if job.recipe.method != "weight" else 0.0, tell)
        with job.state.finishing("prune") as room:
            if room is not None:
                keep(room, result)
    return result


def prune_by(job: Job, inputs: Inputs, amount: float, tell: Any, model: Any = None) -> PruneResult:
    """Prunes the baseline, or another model, by the recipe's settings and some amount."""
    from edgeprune.keras_bridge.prune import prune

    recipe = job.recipe
    some = bool(amount or recipe.ratios or recipe.threshold)

    def step(name: str, done: float) -> None:
        at = _ORDER.index(name) if name in _ORDER else 0
        tell((at + done) / len(_ORDER))

    return prune(
        inputs.model if model is None else model, amount,
        # Nothing to choose: nothing to look at.
        calibration=inputs.calibration if some else None,
        criterion=recipe.criterion if some else "l2",
        allocation=recipe.allocation, unit=recipe.unit, min_width=recipe.min_width, round_to=recipe.round_to,
        protect=recipe.protect, ratios=recipe.ratios or None, threshold=recipe.threshold, seed=recipe.seed,
        progress=step,
    )


def prepared_of(job: Job, inputs: Inputs, tell: Callable[[float], None]) -> PruningAnalysis:
    """The baseline with all that does not depend on how much is to go."""
    from edgeprune.keras_bridge.prune import analyze

    recipe = job.recipe
    steps = ("read", "rank", "measure")
    return analyze(
        inputs.model, inputs.calibration, criterion=recipe.criterion, allocation=recipe.allocation,
        seed=recipe.seed,
        progress=lambda name, done: tell((steps.index(name) + done) / len(steps)) if name in steps else None,
    )


def limits_of(recipe: Recipe) -> Constraints:
    """What the recipe wants kept."""
    from edgeprune.pruning.allocation import Constraints

    return Constraints(recipe.min_width, recipe.round_to, recipe.protect, recipe.ratios or {})


def keep(room: Path, result: PruneResult) -> None:
    """Writes a result into a stage's folder."""
    from edgeprune.keras_bridge.load import saved_bytes

    (room / "model.keras").write_bytes(saved_bytes(result.model))
    np.save(room / "keep.npy", result.keep)
    (room / "report.json").write_text(jsonable.dumps(result.report), encoding="utf-8")


def kept(job: Job, folder: Path, original: Any) -> PruneResult:
    """Reads what `keep` has written."""
    from edgeprune.keras_bridge.read import read
    from edgeprune.pruning.dependencies import find_dependencies

    content = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    report = PruneReport(
        **{
            **content,
            "groups": tuple(GroupReport(**group) for group in content["groups"]),
            "before": Cost(**content["before"]),
            "after": Cost(**content["after"]),
            "removed": Removed(**content["removed"]),
            "refusals": tuple(Refusal(**_tuples(refusal)) for refusal in content["refusals"]),
            "equivalence": Equivalence(**content["equivalence"]),
            "notes": tuple(content["notes"]),
        }
    )
    mask = np.load(folder / "keep.npy", allow_pickle=False)
    dependencies = find_dependencies(read(original).graph)
    return PruneResult(job.load(folder / "model.keras"), report, dependencies, mask)


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def joined(rounds: list[PruneResult]) -> PruneResult:
    """Several rounds of pruning as one: from the first one's original to the last one's model."""
    first, last = rounds[0].report, rounds[-1].report
    after = {group.name: group.units_after for group in last.groups}
    groups = tuple(
        dataclasses.replace(group, units_after=after.get(group.name, group.units_after))
        for group in first.groups
    )
    worst = max((one.report.equivalence for one in rounds), key=lambda found: found.max_abs_error)
    report = dataclasses.replace(
        last, groups=groups, before=first.before, removed=removed(first.before, last.after),
        equivalence=worst, refusals=first.refusals,
    )
    return dataclasses.replace(rounds[0], model=rounds[-1].model, report=report)
