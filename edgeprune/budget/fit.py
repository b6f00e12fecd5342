"""Finds the widths that keep the most inside a budget, and proves it with a measured run.

profile → plan → try the plans' networks → build → measure → correct, at most three rounds
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from device_runners.benchmark import DEFAULT_OPTIONS, BenchOptions, bench
from edgeprune.budget.allocate import cut, path
from edgeprune.budget.candidates import Convert, candidates_of
from edgeprune.budget.design import design
from edgeprune.budget.explain import Explanation, Round, holding_back, rows_of
from edgeprune.budget.limits import Budget, Resource, cost_of, macs_of, resources_of
from edgeprune.budget.measure import measure, verify
from edgeprune.budget.plans import FAMILIES, Chosen, Planner, choose
from edgeprune.budget.profile import Profile, profile
from edgeprune.errors import InputError, VerificationError
from edgeprune.pruning.allocation import Limits, levels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgeprune.pruning.prepared import Prepared
    from edgeprune.pruning.result import PruneResult

ROUNDS = 3
UNDERSHOT = 0.90
"""Share of the latency budget below which accuracy was given away for nothing."""
_AIMS = (0.96, 0.955, 0.95)
_REFINEMENTS = 2


@dataclasses.dataclass(frozen=True, eq=False)
class Fitted:
    """The outcome.

    Attributes:
        result: the pruned model, repaired, not trained.
        explanation: why it is what it is.
        tflite: the file that was measured.
    """

    result: PruneResult
    explanation: Explanation
    tflite: bytes


def fit_budget(
    prepared: Prepared,
    budget: Budget,
    convert: Convert,
    *,
    device: str = "local",
    options: BenchOptions = DEFAULT_OPTIONS,
    limits: Limits | None = None,
    seed: int = 0,
    progress: Callable[[float], None] = lambda _: None,
) -> Fitted:
    """The model that keeps the most inside a budget, measured on the device.

    Args:
        prepared: the original.
        budget: the limits.
        convert: a Keras model to `.tflite`, quantized as the build will.
        device: where it is to run.
        options: threads and the like.
        limits: what the caller wants kept.
        seed: of the choice of candidates.
        progress: told the fraction done.

    Raises:
        InputError: the model has no neurons to remove.
        DeviceError: the device refused, failed or went away; what was measured is kept.
        VerificationError: the budget cannot be met; says what can, and which layers hold it back.
    """
    if not prepared.units.groups:
        raise InputError("The model has no neurons that can be removed.", "", "See `edgeprune inspect`.")
    choices = levels(prepared.units.groups, limits or Limits())
    least = np.array([choice[-1] for choice in choices])
    known = profile(
        candidates_of(prepared, convert),
        device,
        options,
        least,
        seed=seed,
        progress=lambda done: progress(0.4 * done),
    )
    return fit_profile(known, budget, choices, progress=lambda done: progress(0.4 + 0.6 * done))


def fit_profile(
    known: Profile,
    budget: Budget,
    choices: Sequence[np.ndarray],
    *,
    progress: Callable[[float], None] = lambda _: None,
) -> Fitted:
    """The same for a model that has been profiled; see `fit_budget`."""
    return _Search(known, budget, choices).run(progress)


class _Search:
    def __init__(self, known: Profile, budget: Budget, choices: Sequence[np.ndarray]) -> None:
        self._known, self._budget, self._choices = known, budget, choices
        self._prepared = known.candidates.prepared
        self._planner = Planner(choices, self._prepared.curves, macs_of(known))
        self._resources: list[Resource] = []
        self._rounds: list[Round] = []

    def run(self, progress: Callable[[float], None]) -> Fitted:
        plans = design(self._known.full, np.array([choice[-1] for choice in self._choices]), 24, 0)
        memory = self._memory
        self._resources = resources_of(self._budget, self._known, plans, memory)
        self._refine(plans)
        progress(0.1)
        chosen = choose(self._planner, self._aimed(0), self._prepared.trial)
        if chosen is None:
            chosen = self._narrowest()
        best: tuple[PruneResult, bytes, int] | None = None
        counts = chosen.counts
        for number in range(ROUNDS):
            progress(0.5 + 0.5 * number / ROUNDS)
            result, tflite, latest = self._built(counts)
            if latest.inside and (best is None or self._used(latest) > self._used(self._rounds[best[2]])):
                best = (result, tflite, number)
            if latest.inside and not self._undershot(latest):
                break
            self._correct(latest)
            after = self._planner.near(counts, self._aimed(number + 1))
            if after is None or tuple(after) in {one.counts for one in self._rounds}:
                break
            counts = after
        if best is None:
            raise self._unmet()
        # The result stands last.
        self._rounds.append(self._rounds.pop(best[2]))
        return Fitted(best[0], self._explanation(chosen), best[1])

    def _aimed(self, number: int) -> list[Resource]:
        """Below the limit by what measuring leaves open: as much as the last round's interval."""
        aim = _AIMS[min(number, len(_AIMS) - 1)]
        last = self._rounds[-1] if self._rounds else None
        if last and last.high is not None:
            aim = max(min(aim, 0.995 * last.measured["latency_ms"] / last.high), UNDERSHOT + 0.02)
        return [
            dataclasses.replace(one, aim=aim) if one.name == "latency_ms" else one for one in self._resources
        ]

    def _refine(self, plans: np.ndarray) -> None:
        """Measures the plans themselves before one is built, where that is cheap."""
        if "latency_ms" not in self._budget.given() or not self._known.candidates.cheap:
            return
        for _ in range(_REFINEMENTS):
            made = [self._planner.plan(self._aimed(0), family) for family in FAMILIES]
            there = {one.counts for one in self._known.measured}
            new = [one for one in made if one is not None and tuple(int(k) for k in one) not in there]
            if not new:
                return
            self._known = self._known.with_more(new)
            latency = resources_of(
                Budget(latency_ms=self._budget.latency_ms), self._known, plans, self._memory
            )
            self._resources = [latency[0], *(one for one in self._resources if one.name != "latency_ms")]

    def _narrowest(self) -> Chosen:
        """The fastest model that there is, if it is inside after all.

        Raises:
            VerificationError: it is not.
        """
        counts = self._fastest()
        for one in self._resources:
            if one.value(counts) > one.limit:
                raise self._out_of_reach(counts, one)
        return Chosen("narrowest", counts, self._prepared.trial(counts), {})

    def _fastest(self) -> np.ndarray:
        """(G,) the plan that measures fastest: the narrowest, or one that fills the tiles."""
        cost = cost_of(self._aimed(0))
        found = path(self._choices, cost, self._planner.curves)
        full_tiles = cut(found, self._choices, cost, self._planner.curves, 1.005 * float(found.costs.min()))
        plans = [np.array([choice[-1] for choice in self._choices])]
        plans += [] if full_tiles is None else [full_tiles]
        if "latency_ms" not in self._budget.given() or not self._known.candidates.cheap:
            return min(plans, key=lambda plan: float(cost(plan[None].astype(float))[0]))
        known = self._known = self._known.with_more(plans)
        ratios = {one.counts: one.ratio for one in known.measured}
        best = min(plans, key=lambda plan: ratios[tuple(int(count) for count in plan)])
        latency, *others = self._resources
        measured = ratios[tuple(int(count) for count in best)] * known.baseline_ms
        self._resources = [latency.corrected(best, measured), *others]
        return best

    def _built(self, counts: np.ndarray) -> tuple[PruneResult, bytes, Round]:
        result = self._prepared.prune_to(counts)
        tflite = self._known.candidates.convert(result.model)
        predicted = {one.name: one.value(counts) for one in self._resources}
        measured: dict[str, float] = {}
        low = high = None
        given = self._budget.given()
        if "latency_ms" in given:
            measured["latency_ms"], low, high = self._latency(tflite)
        if "macs" in given:
            measured["macs"] = float(result.report.after.macs)
        if "size_bytes" in given:
            measured["size_bytes"] = float(len(tflite))
        if "memory_bytes" in given:
            measured["memory_bytes"] = self._memory(tflite)
        inside = all(measured[name] <= limit for name, limit in given.items())
        inside &= high is None or high <= given["latency_ms"]
        done = Round(tuple(int(count) for count in counts), predicted, measured, low, high, inside)
        self._rounds.append(done)
        return result, tflite, done

    def _latency(self, tflite: bytes) -> tuple[float, float, float]:
        """In ms, with its interval: the ratio to the baseline is measured, paired."""
        known = self._known
        if known.options.runner != "python":
            timing = measure(known.candidates.baseline, [tflite], known.device, known.options).candidates[0]
            ratio, spread = timing.ratio, float(np.exp(2 * timing.error))
            return (
                ratio * known.baseline_ms,
                ratio / spread * known.baseline_ms,
                ratio * spread * known.baseline_ms,
            )
        ratio, low, high = verify(
            known.candidates.baseline, tflite, known.device, known.options, known.baseline_ms
        )
        return ratio * known.baseline_ms, low * known.baseline_ms, high * known.baseline_ms

    def _memory(self, tflite: bytes) -> float:
        known = self._known
        with tempfile.TemporaryDirectory(prefix="edgeprune-") as room:
            path = Path(room) / "model.tflite"
            path.write_bytes(tflite)
            record = bench(path, known.device, dataclasses.replace(known.options, min_time_s=0.1, runs=10))
        if record.memory.peak_bytes is None:
            raise InputError(
                f"{known.device} does not tell how much memory a process uses.",
                "",
                "Leave --max-memory out, or measure with the Python runner.",
            )
        return float(record.memory.peak_bytes)

    def _undershot(self, latest: Round) -> bool:
        """Whether no limit is used to within 10 %, the latency's alone where there is one."""
        return "latency_ms" in latest.measured and self._used(latest) < UNDERSHOT

    def _used(self, one: Round) -> float:
        """The latency as a share of its limit; without that limit, the largest share of another."""
        given = self._budget.given()
        if "latency_ms" in given:
            return one.measured["latency_ms"] / given["latency_ms"]
        return max(one.measured[name] / limit for name, limit in given.items())

    def _correct(self, latest: Round) -> None:
        counts = np.array(latest.counts)
        self._resources = [one.corrected(counts, latest.measured[one.name]) for one in self._resources]

    def _unmet(self) -> VerificationError:
        last = min(self._rounds, key=self._used)
        shown = ", ".join(
            f"{name} {last.measured[name]:.6g} of {limit:.6g}" for name, limit in self._budget.given().items()
        )
        return VerificationError(
            f"After {len(self._rounds)} rounds no model was measured inside the budget (closest: {shown}"
            f"{'' if last.high is None else f', at most {last.high:.6g} ms with its interval'}).",
            "A measurement whose whole interval is inside.",
            "Quieten the device (other programs, heat), or allow a few percent more.",
        )

    def _out_of_reach(self, counts: np.ndarray, what: Resource) -> VerificationError:
        layers = ", ".join(f"{path} {share:.0%}" for path, share in holding_back(self._known, counts))
        return VerificationError(
            f"The budget of {what.limit:.6g} ({what.name}) cannot be met on {self._known.device}: the best "
            f"that can be reached is {what.value(counts):.6g}, of {self._whole(what):.6g} as it is.",
            f"At least that. Its time goes into {layers}.",
            "Allow more, protect less, lower --min-width or --round-to, or take a smaller model.",
        )

    def _whole(self, what: Resource) -> float:
        return float(what.predict(self._known.full[None].astype(float))[0])

    def _explanation(self, chosen: Chosen) -> Explanation:
        known, last = self._known, self._rounds[-1]
        runtime = known.baseline.runtime
        return Explanation(
            known.device,
            f"{runtime.name} {runtime.version}",
            known.baseline_ms,
            dict(self._budget.given()),
            rows_of(known, self._planner, np.array(last.counts)),
            tuple(self._rounds),
            chosen.family,
            dict(chosen.harms),
            len(known.measured),
            float(np.median(np.abs(known.table.left_out))),
        )
