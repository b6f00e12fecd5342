"""Finds the widths that a budget allows on the user's device, and proves them with the file that ships.

profile → fit → fine-tune → quantize → measure       once more, narrower, where the last measurement says so
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from device_runners.session import Session
from device_runners.transports import open_transport
from edgeprune import jsonable
from edgeprune.budget.explain import Explanation
from edgeprune.budget.measurement import BudgetMeasurement
from edgeprune.budget.resources import ResourceBudget, show_amount
from edgeprune.budget.search import BudgetOutcome, BudgetSearch, budget_search
from edgeprune.data.calibration import choose
from edgeprune.data.streamed import in_memory
from edgeprune.errors import DeviceError, InputError, VerificationError
from edgeprune.pipeline.pruning import keep, kept, limits_of, prepared_of
from edgeprune.pipeline.quantizing import deployed, finished
from edgeprune.pipeline.training import Trained, largest, trained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgeprune.budget.explain import Round
    from edgeprune.conversion import Converted
    from edgeprune.pipeline.inputs import Inputs
    from edgeprune.pipeline.job import Job
    from edgeprune.pipeline.quantizing import Deployed
    from edgeprune.pruning.result import PruneResult

_CONNECT_S = 30.0
_RANGES = 128
"""Calibration samples for files that are only timed."""
_TRIES = 2
_TRIALS, _TRIAL_S = 48, 90.0
"""Plans whose networks are tried at most, and for how long."""
_SEARCH_TRIALS, _SEARCH_S = 16, 30.0
"""The same for each speed on the way to the fastest model."""


def reach_device(job: Job) -> None:
    """Connects once, so that a device that is not there is said before anything is trained.

    Raises:
        InputError: a bad device name.
        DeviceError: it cannot be reached.
    """
    if job.recipe.max_drop is not None or {"latency_ms", "memory_bytes"} & job.recipe.limits().keys():
        with Session(open_transport(job.device), _CONNECT_S, job.bench_options().lock_wait_s):
            pass


def within_budget(job: Job, inputs: Inputs, baseline: Converted) -> tuple[Trained, Deployed]:
    """The trained and quantized model inside the recipe's budget, or the fastest that keeps the accuracy.

    Raises:
        DeviceError: the device refused, failed or went away; the same command goes on.
        VerificationError: the budget cannot be met.
    """
    stage = _Stage(job, inputs)
    with _resumable():
        made, fitted = stage.fastest() if job.recipe.max_drop is not None else stage.fitted()
        # Narrower ones than the fastest that keeps the accuracy do not keep it.
        tries = _TRIES if job.recipe.max_drop is None else 1
        for number in range(1, tries + 1):
            shipped = deployed(job, inputs, made, baseline)
            last = stage.proof(fitted, shipped)
            if last.inside:
                explanation = dataclasses.replace(fitted.explanation, deployed=last)
                return dataclasses.replace(made, explanation=explanation), shipped
            missed = _missed(last, job.recipe.limits())
            if number < tries:
                job.notes.append(
                    f"Trained and quantized, the model took {missed}: narrowed and trained again."
                )
                made, fitted = stage.narrower(fitted, last)
    raise VerificationError(
        f"The model was inside the budget before it was trained and quantized, and after that took {missed}.",
        "A last measurement inside.",
        "Quieten the device (other programs, heat), or allow a few percent more.",
    )


class _Stage:
    def __init__(self, job: Job, inputs: Inputs) -> None:
        self._job, self._inputs = job, inputs
        self._limits = job.recipe.limits()
        self._search = job.recipe.max_drop is not None

    @functools.cached_property
    def _fitter(self) -> BudgetSearch:
        job, inputs = self._job, self._inputs
        with job.clock("prune") as tell:
            prepared = prepared_of(job, inputs, tell)
        with job.clock("profile") as tell:
            return budget_search(
                prepared,
                self._convert,
                timed=self._search or "latency_ms" in self._limits,
                device=job.device,
                options=job.bench_options(),
                limits=limits_of(job.recipe),
                held=inputs.validation,
                progress=tell,
            )

    def _convert(self, model: Any) -> bytes:
        """As the build will, without what does not change the time."""
        from edgeprune.conversion import QuantizeOptions, quantize_for_timing

        recipe, data = self._job.recipe, self._inputs.data
        few = in_memory(data.model_input(choose(data.train, min(recipe.calibration, _RANGES), recipe.seed).x))
        several = few if isinstance(few, tuple) else (few,)
        options = QuantizeOptions(recipe.quantize, io=recipe.io, allow_flex=recipe.allow_flex)
        return finished(self._job, self._inputs, quantize_for_timing(model, options, several))[0].tflite

    def fitted(self) -> tuple[Trained, BudgetOutcome]:
        """Inside the limits; as an interrupted build had it, if there was one."""
        job, done = self._job, self._job.state.finished("fit")
        if done is None:
            known = self._fitter
            with job.clock("fit") as tell:
                budget = ResourceBudget(**self._limits)
                fitted = known.find(budget, plans=_TRIALS, seconds=_TRIAL_S, progress=tell)
            self._keep(fitted)
        else:
            explanation = jsonable.loads(
                Explanation, (done / "explanation.json").read_bytes(), "The interrupted build's explanation"
            )
            fitted = BudgetOutcome(
                kept(job, done, self._inputs.model), explanation, (done / "baseline.tflite").read_bytes()
            )
        return trained(job, self._inputs, fitted.result), fitted

    def narrower(self, fitted: BudgetOutcome, last: Round) -> tuple[Trained, BudgetOutcome]:
        """Searched again with what the file that ships took."""
        known = self._fitter
        with self._job.clock("fit"):
            fitted = known.narrower(fitted.explanation, last, ResourceBudget(**self._limits))
        self._job.state.clear()
        self._keep(fitted)
        return trained(self._job, self._inputs, fitted.result), fitted

    def fastest(self) -> tuple[Trained, BudgetOutcome]:
        """The fastest model that keeps the accuracy after training, and is inside the limits.

        Raises:
            VerificationError: none is.
        """
        known, found = self._fitter, dict[int, BudgetOutcome]()
        whole = known.profile.baseline_ms or 0.0
        top = min(self._limits.get("latency_ms", whole), whole)

        def prune(amount: float) -> PruneResult:
            budget = ResourceBudget(**{**self._limits, "latency_ms": top * (1 - amount)})
            with self._job.clock("fit") as tell:
                try:
                    fitted = known.find(budget, plans=_SEARCH_TRIALS, seconds=_SEARCH_S, progress=tell)
                except VerificationError as error:
                    raise InputError(*error.args) from error  # not so fast: the search goes on
            found[id(fitted.result)] = fitted
            return fitted.result

        made = largest(self._job, self._inputs, prune)
        return made, found[id(made.pruned)]

    def proof(self, fitted: BudgetOutcome, shipped: Deployed) -> Round:
        """The file that ships, measured on the device."""
        tflite, explanation = shipped.files["deployed"].tflite, fitted.explanation
        before = explanation.rounds[-1]
        budget = ResourceBudget(**explanation.limits)
        measurement = BudgetMeasurement(
            self._job.device,
            self._job.bench_options(),
            fitted.baseline,
            explanation.baseline.get("latency_ms"),
        )
        with self._job.clock("measure"):
            last = measurement.measure(
                budget, tflite, fitted.result.report.after.macs, before.counts, before.predicted
            )
        # The search for the fastest sets itself limits that nobody asked for.
        asked = all(last.measured[name] <= limit for name, limit in self._limits.items())
        within = "latency_ms" not in self._limits or (last.high or 0.0) <= self._limits["latency_ms"]
        return dataclasses.replace(last, inside=asked and within)

    def _keep(self, fitted: BudgetOutcome) -> None:
        with self._job.state.finishing("fit") as room:
            if room is not None:
                keep(room, fitted.result)
                (room / "explanation.json").write_text(jsonable.dumps(fitted.explanation), encoding="utf-8")
                (room / "baseline.tflite").write_bytes(fitted.baseline)


def _missed(last: Round, limits: dict[str, float]) -> str:
    taken = {**last.measured, **({"latency_ms": last.high} if last.high is not None else {})}
    return ", ".join(
        f"{show_amount(name, taken[name])} of {show_amount(name, limit)}"
        for name, limit in limits.items()
        if taken[name] > limit
    )


@contextlib.contextmanager
def _resumable() -> Iterator[None]:
    """Says that nothing is lost when a device goes away."""
    try:
        yield
    except DeviceError as error:
        way_out = f"{error.way_out} What was done is kept: the same command goes on from there.".strip()
        raise DeviceError(error.found, error.expected, way_out) from error
