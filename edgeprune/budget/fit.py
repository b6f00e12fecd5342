"""Finds the widths that keep the most inside a budget, and proves it with a measured run.

profile → plan → try the plans' networks → build → measure → correct, at most three rounds
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from device_runners.options import DEFAULT_OPTIONS, BenchOptions
from edgeprune.budget.aims import TIGHT, aimed, out_of_reach, undershot, unmet, used
from edgeprune.budget.allocate import cut, path
from edgeprune.budget.breakdown import rows_of
from edgeprune.budget.candidates import Convert, candidates_of
from edgeprune.budget.design import design
from edgeprune.budget.explain import Explanation, Round
from edgeprune.budget.limits import Budget, Resource, cost_of, resources_of
from edgeprune.budget.meter import Meter
from edgeprune.budget.plans import Judge, Planner, choose, starts
from edgeprune.budget.profile import profile, unmeasured
from edgeprune.errors import InputError
from edgeprune.graph.cost_model import cost_model
from edgeprune.pruning.allocation import Constraints, allowed_widths

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgeprune.budget.profile import Profile
    from edgeprune.pruning.analysis import PruningAnalysis
    from edgeprune.pruning.result import PruneResult

ROUNDS = 3
_REFINEMENTS = 2


@dataclasses.dataclass(frozen=True, eq=False)
class Fitted:
    """The outcome.

    Attributes:
        result: the pruned model, repaired, not trained.
        explanation: why it is what it is.
        baseline: the original's `.tflite`, which latencies are measured beside.
        tflite: the file that was measured.
    """

    result: PruneResult
    explanation: Explanation
    baseline: bytes
    tflite: bytes = b""


def fitter(
    prepared: PruningAnalysis,
    convert: Convert,
    *,
    timed: bool = True,
    device: str = "local",
    options: BenchOptions = DEFAULT_OPTIONS,
    limits: Constraints | None = None,
    held: Any = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Fitter:
    """Profiles a model on a device, so that it can be fitted into budgets.

    Args:
        prepared: the original.
        convert: a Keras model to `.tflite`, quantized as the build will.
        timed: whether budgets will limit latency; without, the device is not asked for it.
        device: where it is to run.
        options: threads and the like.
        limits: what the caller wants kept.
        held: samples that plans are judged on, see `PruningAnalysis.evaluator`.
        progress: told the fraction done.

    Raises:
        InputError: the model has no neurons to remove.
        DeviceError: the device refused, failed or went away; what was measured is kept.
    """
    if not prepared.dependencies.groups:
        raise InputError("The model has no neurons that can be removed.", "", "See `edgeprune inspect`.")
    choices = allowed_widths(prepared.dependencies.groups, limits or Constraints())
    candidates = candidates_of(prepared, convert)
    if not timed:
        return Fitter(unmeasured(candidates, device, options), choices, held)
    least = np.array([choice[-1] for choice in choices])
    return Fitter(profile(candidates, device, options, least, progress=progress), choices, held)


class Fitter:
    """Fits one model into budgets.

    Args:
        known: the model's profile.
        choices: for each group the counts it may keep, the full one first.
        held: see `PruningAnalysis.evaluator`.
    """

    def __init__(self, known: Profile, choices: Sequence[np.ndarray], held: Any = None) -> None:
        prepared = known.candidates.prepared
        self.known, self._choices = known, choices
        self.planner = Planner(choices, prepared.sensitivity, cost_model(prepared.dependencies, "macs"))
        self.judge = Judge(prepared.evaluator(held))

    @property
    def meter(self) -> Meter:
        """For models of this device."""
        known = self.known
        return Meter(known.device, known.options, known.candidates.baseline, known.baseline_ms)

    def fit(
        self,
        budget: Budget,
        *,
        trials: int,
        seconds: float,
        progress: Callable[[float], None] = lambda _: None,
    ) -> Fitted:
        """The model that keeps the most inside a budget, measured on the device.

        Args:
            budget: the limits.
            trials: networks that are built to see what a plan does to the outputs, at most.
            seconds: none is begun later than that.
            progress: told the fraction done.

        Raises:
            DeviceError: the device refused, failed or went away.
            VerificationError: the budget cannot be met; says what can, and which layers hold it back.
        """
        plans = design(self.known.full, np.array([choice[-1] for choice in self._choices]), 24, 0)
        resources = resources_of(budget, self.known, plans, self.meter.memory)
        resources = self._refined(resources, budget, plans)
        progress(0.1)
        self.judge.begin(trials, seconds, lambda done: progress(0.1 + 0.6 * done))
        chosen = choose(self.planner, aimed(resources, ()), self.judge)
        if chosen is None:
            # Hardly a model is fast enough: the table has to be right there, and the margin small.
            narrowest, resources = self._narrowest(resources, budget)
            tight = [dataclasses.replace(one, aim=TIGHT) for one in resources]
            chosen = choose(self.planner, tight, self.judge)
        counts, how = (
            (narrowest, ("narrowest", {}))
            if chosen is None
            else (chosen.counts, (chosen.family, chosen.harms))
        )
        return self._fitted(counts, resources, budget, how, lambda done: progress(0.7 + 0.3 * done))

    def again(self, fitted: Fitted, missed: Round, budget: Budget) -> Fitted:
        """Narrower: the trained and quantized file took more than was measured before.

        Args:
            fitted: what it was made from.
            missed: how that file was measured.
            budget: the limits.

        Raises:
            DeviceError: the device refused, failed or went away.
            VerificationError: there is nothing narrower.
        """
        counts = np.array([row.units_after for row in fitted.explanation.rows])
        resources = resources_of(budget, self.known, np.zeros((0, len(counts)), int), self.meter.memory)
        resources = [one.corrected(counts, missed.measured[one.name]) for one in resources]
        after = self.planner.near(counts, aimed(resources, (missed,)))
        if after is None:
            raise out_of_reach(self.known, counts, resources)
        how = (fitted.explanation.family, fitted.explanation.harms)
        return self._fitted(after, resources, budget, how, lambda _: None)

    def _fitted(
        self,
        counts: np.ndarray,
        resources: list[Resource],
        budget: Budget,
        how: tuple[str, Any],
        progress: Callable[[float], None],
    ) -> Fitted:
        """Builds, measures and corrects."""
        rounds: list[Round] = []
        best: tuple[PruneResult, bytes, Round] | None = None
        for number in range(ROUNDS):
            progress(number / ROUNDS)
            result, tflite, latest = self._built(counts, resources, budget)
            rounds.append(latest)
            if latest.inside and (best is None or used(latest, budget) > used(best[2], budget)):
                best = (result, tflite, latest)
            if latest.inside and not undershot(latest, budget):
                break
            resources = [one.corrected(counts, latest.measured[one.name]) for one in resources]
            after = self.planner.near(counts, aimed(resources, rounds))
            if after is None or tuple(int(count) for count in after) in {one.counts for one in rounds}:
                break
            counts = after
        if best is None:
            raise unmet(rounds, budget)
        rounds = [*(one for one in rounds if one is not best[2]), best[2]]
        return Fitted(
            best[0], self._explanation(rounds, budget, how), self.known.candidates.baseline, best[1]
        )

    def _refined(self, resources: list[Resource], budget: Budget, plans: np.ndarray) -> list[Resource]:
        """Measures the plans themselves before one is built, where that is cheap."""
        limit = budget.latency_ms
        if limit is None or not self.known.candidates.cheap:
            return resources
        for _ in range(_REFINEMENTS):
            made = starts(self.planner, aimed(resources, ())).values()
            there = {one.counts for one in self.known.measured}
            new = [one for one in made if tuple(int(count) for count in one) not in there]
            if not new:
                break
            self.known = self.known.with_more(new)
            latency = resources_of(Budget(latency_ms=limit), self.known, plans, self.meter.memory)
            resources = [*latency, *(one for one in resources if one.name != "latency_ms")]
        return resources

    def _narrowest(self, resources: list[Resource], budget: Budget) -> tuple[np.ndarray, list[Resource]]:
        """The cheapest model that there is, if it is inside after all.

        Raises:
            VerificationError: it is not.
        """
        cost = cost_of(aimed(resources, ()))
        found = path(self._choices, cost, self.planner.curves)
        # Or one that fills the tiles.
        full_tiles = cut(found, self._choices, cost, self.planner.curves, 1.005 * float(found.costs.min()))
        plans = [np.array([choice[-1] for choice in self._choices])]
        plans += [] if full_tiles is None else [full_tiles]
        best = min(plans, key=lambda plan: float(cost(plan[None].astype(float))[0]))
        if budget.latency_ms is not None and self.known.candidates.cheap:
            self.known = self.known.with_more(plans)
            ratios = {one.counts: one.ratio for one in self.known.measured}
            best = min(plans, key=lambda plan: ratios[tuple(int(count) for count in plan)])
            measured = ratios[tuple(int(count) for count in best)] * (self.known.baseline_ms or 0.0)
            resources = [
                one.corrected(best, measured) if one.name == "latency_ms" else one for one in resources
            ]
        if any(one.value(best) > one.limit for one in resources):
            raise out_of_reach(self.known, best, resources)
        return best, resources

    def _built(
        self, counts: np.ndarray, resources: Sequence[Resource], budget: Budget
    ) -> tuple[PruneResult, bytes, Round]:
        result = self.known.candidates.prepared.prune_to(counts)
        tflite = self.known.candidates.convert(result.model)
        predicted = {one.name: one.value(counts) for one in resources}
        kept = tuple(int(count) for count in counts)
        return result, tflite, self.meter.round(budget, tflite, result.report.after.macs, kept, predicted)

    def _explanation(self, rounds: Sequence[Round], budget: Budget, how: tuple[str, Any]) -> Explanation:
        known, last = self.known, rounds[-1]
        whole = known.full[None].astype(float)
        resources = (
            resources_of(
                dataclasses.replace(budget, memory_bytes=None),
                known,
                np.zeros((0, len(known.full)), int),
                len,
            )
            if budget.given().keys() - {"memory_bytes"}
            else []
        )
        return Explanation(
            known.device,
            known.runtime,
            {one.name: float(one.predict(whole)[0]) for one in resources},
            dict(budget.given()),
            rows_of(known, self.planner, np.array(last.counts), self.judge.known),
            tuple(rounds),
            how[0],
            dict(how[1]),
            len(self.judge.known),
            len(known.measured),
            float(np.median(np.abs(known.table.left_out))) if known.measured else None,
        )
