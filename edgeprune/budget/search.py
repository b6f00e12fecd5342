"""Finds the widths that keep the most inside a budget, and proves it with a measured run.

profile → plan → evaluate the plans' networks → build → measure → correct, at most three rounds
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from device_runners.options import DEFAULT_OPTIONS, BenchOptions
from edgeprune.budget import safety_margin
from edgeprune.budget.allocation import descend, widest
from edgeprune.budget.candidates import Convert, candidates_of, design
from edgeprune.budget.cost_attribution import attribute_costs
from edgeprune.budget.explain import Explanation, Round
from edgeprune.budget.measurement import BudgetMeasurement
from edgeprune.budget.plans import ChosenPlan, PlanEvaluator, Planner, choose_plan, initial_plans, plan_key
from edgeprune.budget.profile import LatencyProfile, measured_profile, unmeasured_profile
from edgeprune.budget.resources import Resource, ResourceBudget, relative_cost, resources_of
from edgeprune.errors import InputError
from edgeprune.graph.cost_model import cost_model
from edgeprune.pruning.analysis import PruningAnalysis
from edgeprune.pruning.constraints import Constraints, allowed_widths
from edgeprune.pruning.result import PruneResult

ROUNDS = 3
_REFINEMENTS = 2
_DESIGNED = 24
"""Plans that predictions of the file's size are learned from."""


@dataclasses.dataclass(frozen=True, eq=False)
class BudgetOutcome:
    """The pruned model, reconstructed but not trained, and as the `.tflite` file that was measured.

    `baseline` is the original's `.tflite`, which latencies are measured beside.
    """

    result: PruneResult
    explanation: Explanation
    baseline: bytes
    tflite: bytes = b""


def budget_search(
    analysis: PruningAnalysis, convert: Convert, *, timed: bool = True, device: str = "local",
    options: BenchOptions = DEFAULT_OPTIONS, limits: Constraints | None = None,
    held: np.ndarray | Sequence[np.ndarray] | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> "BudgetSearch":  # fmt: skip
    """Profiles a model on a device, so that widths for budgets can be searched.

    Args:
        timed: whether budgets will limit latency; without, nothing runs on the device.
        held: samples that plans are judged on, see `PruningAnalysis.evaluator`.

    Raises:
        InputError: the model has no neurons to remove.
        DeviceError: the device refused, failed or went away; what was measured is kept.
    """
    if not analysis.dependencies.groups:
        raise InputError("The model has no neurons that can be removed.", "", "See `edgeprune inspect`.")
    choices = allowed_widths(analysis.dependencies.groups, limits or Constraints())
    candidates = candidates_of(analysis, convert)
    if not timed:
        return BudgetSearch(unmeasured_profile(candidates, device, options), choices, held)
    least = np.array([choice[-1] for choice in choices])
    profile = measured_profile(candidates, device, options, least, progress=progress)
    return BudgetSearch(profile, choices, held)


class BudgetSearch:
    """Searches one model's widths for budgets; `choices` are as `Planner` takes them."""

    def __init__(
        self, profile: LatencyProfile, choices: Sequence[np.ndarray],
        held: np.ndarray | Sequence[np.ndarray] | None = None,
    ) -> None:  # fmt: skip
        analysis = profile.candidates.analysis
        self.profile, self._choices = profile, choices
        self.planner = Planner(choices, analysis.sensitivity, cost_model(analysis.dependencies, "macs"))
        self.evaluator = PlanEvaluator(analysis.evaluator(held))

    @property
    def measurement(self) -> BudgetMeasurement:
        """Of models on this device."""
        one = self.profile
        return BudgetMeasurement(one.device, one.options, one.candidates.baseline, one.baseline_ms)

    def find(
        self, budget: ResourceBudget, *, plans: int, seconds: float,
        progress: Callable[[float], None] = lambda _: None,
    ) -> BudgetOutcome:  # fmt: skip
        """The model that keeps the most inside a budget, measured on the device.

        At most `plans` networks are built to see what a plan does to the outputs, none after `seconds`.

        Raises:
            DeviceError: the device refused, failed or went away.
            VerificationError: the budget cannot be met; names the best figure and the slowest layers.
        """
        narrowest = np.array([choice[-1] for choice in self._choices])
        designed = design(self.profile.full, narrowest, _DESIGNED, 0)
        resources = resources_of(budget, self.profile, designed, self.measurement.memory)
        resources = self._refined(resources, budget)
        progress(0.1)
        self.evaluator.allow(plans, seconds, lambda done: progress(0.1 + 0.6 * done))
        chosen = choose_plan(self.planner, safety_margin.cost_with_margin(resources), self.evaluator)
        if chosen is None:
            # Hardly any model is fast enough: the table has to be right there, and the margin small.
            cheapest, resources = self._cheapest(resources, budget)
            tight = relative_cost([dataclasses.replace(one, aim=safety_margin.TIGHT) for one in resources])
            chosen = choose_plan(self.planner, tight, self.evaluator) or ChosenPlan("narrowest", cheapest)
        return self._proven(chosen, resources, budget, lambda done: progress(0.7 + 0.3 * done))

    def narrower(self, found: Explanation, missed: Round, budget: ResourceBudget) -> BudgetOutcome:
        """Narrower widths than those whose trained file missed the budget; errors as of `find`."""
        counts = np.array([row.units_after for row in found.rows])
        resources = resources_of(budget, self.profile, memory=self.measurement.memory)
        resources = [one.corrected(counts, missed.measured[one.name]) for one in resources]
        after = self.planner.nearest(counts, safety_margin.cost_with_margin(resources, (missed,)))
        if after is None:
            raise safety_margin.out_of_reach(self.profile, counts, resources)
        return self._proven(ChosenPlan(found.family, after, found.divergences), resources, budget)

    def _proven(
        self, chosen: ChosenPlan, resources: list[Resource], budget: ResourceBudget,
        progress: Callable[[float], None] = lambda _: None,
    ) -> BudgetOutcome:  # fmt: skip
        """Builds, measures and corrects."""
        rounds: list[Round] = []
        best: tuple[PruneResult, bytes, Round] | None = None
        counts = chosen.counts
        for number in range(ROUNDS):
            progress(number / ROUNDS)
            result, tflite, latest = self._built(counts, resources, budget)
            rounds.append(latest)
            used = safety_margin.used_fraction(latest, budget)
            if latest.inside and (best is None or used > safety_margin.used_fraction(best[2], budget)):
                best = (result, tflite, latest)
            if latest.inside and not safety_margin.is_underused(latest, budget):
                break
            resources = [one.corrected(counts, latest.measured[one.name]) for one in resources]
            after = self.planner.nearest(counts, safety_margin.cost_with_margin(resources, rounds))
            if after is None or plan_key(after) in {one.counts for one in rounds}:
                break
            counts = after
        if best is None:
            raise safety_margin.not_met(rounds, budget)
        result, tflite, last = best
        rounds = [*(one for one in rounds if one is not last), last]
        baseline = self.profile.candidates.baseline
        return BudgetOutcome(result, self._explanation(rounds, budget, chosen), baseline, tflite)

    def _refined(self, resources: list[Resource], budget: ResourceBudget) -> list[Resource]:
        """Measures the plans themselves before one is built, where that is cheap."""
        limit = budget.latency_ms
        if limit is None or not self.profile.candidates.cheap:
            return resources
        for _ in range(_REFINEMENTS):
            made = initial_plans(self.planner, safety_margin.cost_with_margin(resources)).values()
            there = {one.counts for one in self.profile.measured}
            new = [one for one in made if plan_key(one) not in there]
            if not new:
                break
            self.profile = self.profile.with_more(new)
            latency = resources_of(ResourceBudget(latency_ms=limit), self.profile)
            resources = [*latency, *(one for one in resources if one.name != "latency_ms")]
        return resources

    def _cheapest(
        self, resources: list[Resource], budget: ResourceBudget
    ) -> tuple[np.ndarray, list[Resource]]:
        """The cheapest model that there is, if it is inside after all; raises if not."""
        cost = safety_margin.cost_with_margin(resources)
        sensitivity = self.planner.sensitivity
        found = descend(self._choices, cost, sensitivity)
        # Or one that fills the tiles.
        full_tiles = widest(found, self._choices, cost, sensitivity, 1.005 * float(found.costs.min()))
        plans = [np.array([choice[-1] for choice in self._choices])]
        plans += [] if full_tiles is None else [full_tiles]
        best = min(plans, key=lambda plan: float(cost(plan[None].astype(float))[0]))
        if budget.latency_ms is not None and self.profile.candidates.cheap:
            self.profile = self.profile.with_more(plans)
            ratios = {one.counts: one.ratio for one in self.profile.measured}
            best = min(plans, key=lambda plan: ratios[plan_key(plan)])
            measured = ratios[plan_key(best)] * (self.profile.baseline_ms or 0.0)
            resources = [
                one.corrected(best, measured) if one.name == "latency_ms" else one for one in resources
            ]
        if any(one.value(best) > one.limit for one in resources):
            raise safety_margin.out_of_reach(self.profile, best, resources)
        return best, resources

    def _built(
        self, counts: np.ndarray, resources: Sequence[Resource], budget: ResourceBudget
    ) -> tuple[PruneResult, bytes, Round]:
        result = self.profile.candidates.analysis.prune_to(counts)
        tflite = self.profile.candidates.convert(result.model)
        predicted = {one.name: one.value(counts) for one in resources}
        macs = result.report.after.macs
        return result, tflite, self.measurement.measure(budget, tflite, macs, plan_key(counts), predicted)

    def _explanation(self, rounds: list[Round], budget: ResourceBudget, chosen: ChosenPlan) -> Explanation:
        profile, evaluated = self.profile, self.evaluator.evaluated
        original = profile.full[None].astype(float)
        counts = np.array(rounds[-1].counts)
        return Explanation(
            profile.device, profile.runtime,
            {one.name: float(one.predict(original)[0]) for one in resources_of(budget, profile)},
            dict(budget.given()), attribute_costs(profile, self.planner, counts, evaluated), tuple(rounds),
            chosen.family, dict(chosen.divergences), len(evaluated), len(profile.measured),
            float(np.median(np.abs(profile.table.left_out))) if profile.measured else None,
        )  # fmt: skip
