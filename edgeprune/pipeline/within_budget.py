"""Strategy: the widths that a budget allows on the user's device, proved with the file that ships.

profile → search widths → tune → deploy → measure    once more, narrower, where the last figure says so
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator

from device_runners.session import Session
from device_runners.transports import open_transport
from edgeprune.budget.explain import Round, show_cost
from edgeprune.budget.measurement import BudgetMeasurement
from edgeprune.budget.resources import ResourceBudget
from edgeprune.budget.search import BudgetOutcome, BudgetSearch, budget_search
from edgeprune.conversion import Converted
from edgeprune.errors import DeviceError, InputError, VerificationError
from edgeprune.pipeline.artifacts import Baseline, DeployedModel, ModelInBudget, PrunedModel, TunedModel
from edgeprune.pipeline.context import BuildContext
from edgeprune.pipeline.deploy import as_timed, deploy
from edgeprune.pipeline.prune import analysis_of, constraints_of, pruned_model
from edgeprune.pipeline.strategies import largest
from edgeprune.pipeline.tune import tune
from edgeprune.recipe import Recipe

_CONNECT_S = 30.0
_TRIES = 2
_TRIALS, _TRIAL_S = 48, 90.0
"""Plans whose networks are tried at most, and for how long."""
_SEARCH_TRIALS, _SEARCH_S = 16, 30.0
"""The same for each speed on the way to the fastest model."""


def reach_device(recipe: Recipe, context: BuildContext) -> None:
    """Connects once, so that a device that is not there is told before anything is trained.

    Raises:
        InputError: a bad device name.
        DeviceError: it cannot be reached.
    """
    budget = recipe.budget
    if budget.max_drop is not None or {"latency_ms", "memory_bytes"} & budget.limits().keys():
        transport = open_transport(budget.device or "local")
        options = context.bench_options
        with Session(transport, _CONNECT_S, options.lock_wait_s, options.waiting):
            pass


def within_budget(
    baseline: Baseline, original: Converted, recipe: Recipe, context: BuildContext
) -> tuple[TunedModel, DeployedModel]:
    """The tuned and deployed model inside the recipe's budget, or the fastest that keeps the accuracy.

    Raises:
        DeviceError: the device refused, failed or went away; the same command goes on.
        VerificationError: the budget cannot be met.
    """
    search = _WidthSearch(baseline, recipe, context)
    fastest = recipe.budget.max_drop is not None
    with _resumable():
        tuned, found = search.fastest() if fastest else search.inside()
        # Narrower ones than the fastest that keeps the accuracy do not keep it.
        tries = 1 if fastest else _TRIES
        for number in range(1, tries + 1):
            shipped = deploy(baseline, tuned, original, recipe.quantize, recipe.train, context)
            last = search.confirm(found, shipped)
            if last.inside:
                explanation = dataclasses.replace(found.explanation, deployed=last)
                return dataclasses.replace(tuned, explanation=explanation), shipped
            missed = _missed(last, recipe.budget.limits())
            if number < tries:
                context.notes.append(
                    f"After training and quantization the model took {missed}, so it was narrowed and "
                    "trained again."
                )
                tuned, found = search.narrower(found, last)
    raise VerificationError(
        f"The model was inside the budget before it was trained and quantized, and after that took {missed}.",
        "The last measurement must be inside, too.",
        "Close other programs on the device, let it cool, or allow a few percent more.",
    )


class _WidthSearch:
    def __init__(self, baseline: Baseline, recipe: Recipe, context: BuildContext) -> None:
        self._baseline, self._recipe, self._context = baseline, recipe, context
        self._limits = recipe.budget.limits()
        self._device = recipe.budget.device or "local"

    @functools.cached_property
    def _profiled(self) -> BudgetSearch:
        """The model's profile on the device; an interrupted build that had found widths does without it."""
        baseline, recipe, context = self._baseline, self._recipe, self._context
        analysis = analysis_of(baseline, recipe.prune, context)
        with context.stage("profile") as tell:
            return budget_search(
                analysis,
                lambda model: as_timed(
                    baseline, model, recipe.quantize, recipe.prune.calibration, context.seed
                ),
                timed=recipe.budget.max_drop is not None or "latency_ms" in self._limits,
                device=self._device,
                options=context.bench_options,
                limits=constraints_of(recipe.prune),
                held=baseline.validation,
                progress=tell,
            )

    def inside(self) -> tuple[TunedModel, ModelInBudget]:
        """Inside the limits; as an interrupted build had it, if there was one."""

        def find() -> ModelInBudget:
            profiled = self._profiled
            with self._context.stage("fit") as tell:
                return _in_budget(
                    profiled.find(
                        ResourceBudget(**self._limits), plans=_TRIALS, seconds=_TRIAL_S, progress=tell
                    )
                )

        found = self._context.made("fit", ModelInBudget, find)
        return self._tuned(found), found

    def narrower(self, found: ModelInBudget, last: Round) -> tuple[TunedModel, ModelInBudget]:
        """Found again, to what the file that ships took."""
        profiled = self._profiled
        with self._context.stage("fit"):
            narrower = _in_budget(profiled.narrower(found.explanation, last, ResourceBudget(**self._limits)))
        self._context.store.clear()
        self._context.store.keep("fit", narrower)
        return self._tuned(narrower), narrower

    def fastest(self) -> tuple[TunedModel, ModelInBudget]:
        """The fastest model that keeps the accuracy after training, and is inside the limits.

        Raises:
            VerificationError: none is.
        """
        profiled, tried = self._profiled, list[ModelInBudget]()
        whole = profiled.profile.baseline_ms or 0.0
        top = min(self._limits.get("latency_ms", whole), whole)

        def make(ratio: float) -> PrunedModel:
            budget = ResourceBudget(**{**self._limits, "latency_ms": top * (1 - ratio)})
            with self._context.stage("fit") as tell:
                try:
                    fitted = profiled.find(budget, plans=_SEARCH_TRIALS, seconds=_SEARCH_S, progress=tell)
                except VerificationError as error:
                    raise InputError(*error.args) from error  # not so fast: the search goes on
            tried.append(_in_budget(fitted))
            return tried[-1].pruned

        tuned = largest(self._baseline, self._recipe, self._context, make, "faster")
        return tuned, next(one for one in tried if one.pruned.model is tuned.model)

    def confirm(self, found: ModelInBudget, shipped: DeployedModel) -> Round:
        """The file that ships, measured on the device."""
        before = found.explanation.rounds[-1]
        budget = ResourceBudget(**found.explanation.limits)
        measurement = BudgetMeasurement(
            self._device, self._context.bench_options, found.baseline,
            found.explanation.baseline.get("latency_ms"),
        )
        with self._context.stage("measure"):
            last = measurement.measure(
                budget, shipped.files["deployed"].tflite, found.pruned.report.after.macs, before.counts,
                before.predicted,
            )
        # The search for the fastest sets itself limits that nobody asked for.
        asked = all(last.measured[name] <= limit for name, limit in self._limits.items())
        within = "latency_ms" not in self._limits or (last.high or 0.0) <= self._limits["latency_ms"]
        return dataclasses.replace(last, inside=asked and within)

    def _tuned(self, found: ModelInBudget) -> TunedModel:
        return tune(self._baseline, found.pruned, self._recipe.prune, self._recipe.train, self._context)


def _in_budget(found: BudgetOutcome) -> ModelInBudget:
    return ModelInBudget(pruned_model(found.result), found.explanation, found.baseline)


def _missed(last: Round, limits: dict[str, float]) -> str:
    taken = {**last.measured, **({"latency_ms": last.high} if last.high is not None else {})}
    return ", ".join(
        f"{show_cost(name, taken[name])} of {show_cost(name, limit)}"
        for name, limit in limits.items()
        if taken[name] > limit
    )


@contextlib.contextmanager
def _resumable() -> Iterator[None]:
    """Tells that nothing is lost when a device goes away."""
    try:
        yield
    except DeviceError as error:
        way_out = f"{error.way_out} What was done is kept: the same command continues from there.".strip()
        raise DeviceError(error.found, error.expected, way_out) from error
