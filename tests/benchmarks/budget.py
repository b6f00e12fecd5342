"""Latency budgets met on this machine, and what the widths keep against two other ways to choose them.

    python tests/benchmarks/budget.py run [--model resnet8] [--budget 0.5] [--seconds 90]
    python tests/benchmarks/budget.py prove --model resnet8    # only times again: on a quiet machine
    python tests/benchmarks/budget.py table [--write]          # between the marks in README.md beside it

MobileNetV2-0.35 at 96x96, DS-CNN and ResNet-8, int8, one thread, at shares of the quantized original's
latency. Rivals get the measured latency of edgeprune's model (up to `EQUAL` more, where there are such
widths) by uniform widths and by the allocation that saves multiply-accumulates, on the same criterion and
repair. Agreement is the share of samples that nothing has seen on which the pruned network, before any
training, answers as the original does. Every step keeps its results under build/benchmarks, and what is
there is not done again.
"""

# ruff: noqa: T201 - a script that prints its results

from __future__ import annotations

import argparse
import functools
import json
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pruning_networks as networks
from budget_cases import CASES

from device_runners.comparison import compare
from device_runners.options import DEFAULT_OPTIONS
from edgeprune.budget.candidates import design
from edgeprune.budget.resources import ResourceBudget
from edgeprune.budget.search import BudgetOutcome, BudgetSearch, budget_search
from edgeprune.budget.timing import time_candidates
from edgeprune.conversion import QuantizeOptions, quantize_for_timing
from edgeprune.errors import VerificationError
from edgeprune.graph.cost_model import cost_model
from edgeprune.keras_bridge.prune import analyze
from edgeprune.pruning.allocation import allocate
from edgeprune.pruning.constraints import Constraints, allowed_widths
from edgeprune.pruning.divergence import OutputChange

if TYPE_CHECKING:
    from collections.abc import Mapping

BUDGETS = (0.75, 0.5, 0.35)
EQUAL = 0.02
"""Rivals may be this much slower, never faster than asked."""
RIVALS = ("uniform", "macs")
_NEAR = 6
"""Rival widths that are timed around the wanted latency."""


class Bench:
    """One network with what earlier runs have found."""

    def __init__(self, name: str) -> None:
        self.name, self.case = name, CASES[name]()
        self.path = networks.KEPT / f"budget-{name}.json"
        self.kept: dict[str, Any] = json.loads(self.path.read_text()) if self.path.is_file() else {}
        self.prepared = analyze(self.case.model, self.case.calibration)
        self.choices = allowed_widths(self.prepared.dependencies.groups, Constraints())

    def save(self, **found: Any) -> None:
        """Adds to what is kept."""
        self.kept |= found
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.kept, indent=1))
        shown = {key: value for key, value in found.items() if key != "tried"}
        print(self.name, json.dumps(shown), flush=True)

    def convert(self, model: Any) -> bytes:
        """Int8, as a build does."""
        return quantize_for_timing(model, QuantizeOptions(), (self.case.calibration[:100],)).tflite

    @functools.cached_property
    def search(self) -> BudgetSearch:
        """Profiled, and with the plans that were tried before."""
        start = time.perf_counter()
        found = budget_search(self.prepared, self.convert, held=self.case.judged)
        seconds = time.perf_counter() - start
        found.evaluator.evaluated.update(
            {tuple(counts): OutputChange(*damage) for counts, *damage in self.kept.get("tried", [])}
        )
        if "profile_s" not in self.kept:
            self.save(profile_s=seconds, candidates=len(found.profile.measured), **_errors(found))
        return found

    def found(self, share: float, seconds: float) -> BudgetOutcome:
        """The model inside a budget; trying new plans' networks ends after so many seconds."""
        made = self.search
        budget = ResourceBudget(latency_ms=share * (made.profile.baseline_ms or 0.0))
        found = made.find(budget, plans=48 if seconds else 0, seconds=seconds)
        evaluated = made.evaluator.evaluated.items()
        self.save(tried=[[list(map(int, k)), d.divergence, d.changed] for k, d in evaluated])
        return found


def _errors(made: BudgetSearch) -> dict[str, float]:
    """Of predictions of candidates that the table has not seen, and of those left out of its fit."""
    least = np.array([choice[-1] for choice in made.planner.choices])
    there = {one.counts for one in made.profile.measured}
    fresh = [one for one in design(made.profile.full, least, 8, seed=99) if tuple(map(int, one)) not in there]
    files = [made.profile.candidates.file(one) for one in fresh[-6:]]
    timed = time_candidates(made.profile.candidates.baseline, files, "local", DEFAULT_OPTIONS)
    timings = [one for _, part in timed for one in part.candidates]
    errors = [
        abs(float(made.profile.table(one)[0]) / timing.ratio - 1)
        for one, timing in zip(fresh[-6:], timings, strict=True)
    ]
    return {
        "fresh_error": float(np.median(errors)),
        "left_out": float(np.median(np.abs(made.profile.table.left_out))),
    }


def prove(bench: Bench, share: float, seconds: float = 0.0) -> None:
    """Fits, and times what came of it and its rivals; without seconds, of plans that are known."""
    start = time.perf_counter()
    try:
        found_widths = bench.found(share, seconds)
    except VerificationError as error:
        bench.save(**{f"proof {share}": {"unmet": str(error)}})
        return
    took, rounds = time.perf_counter() - start, found_widths.explanation.rounds
    ratio, low, high = independent(found_widths.baseline, found_widths.tflite)
    first = rounds[0]
    found: dict[str, Any] = {
        "rounds": len(rounds), "ratio": ratio, "low": low, "high": high, "used": ratio / share,
        "counts": rounds[-1].counts, "family": found_widths.explanation.family, "fit_s": took,
        "divergences": dict(found_widths.explanation.divergences), "tried": found_widths.explanation.tried,
        "own": rounds[-1].measured["latency_ms"] / rounds[-1].predicted["latency_ms"],
        "first": first.predicted["latency_ms"] / first.measured["latency_ms"],
    }  # fmt: skip
    bench.save(**{f"proof {share}": found | rivals(bench, ratio)})


def independent(baseline: bytes, file: bytes) -> tuple[float, float, float]:
    """Latency over the baseline's and its interval, as `edgeprune compare` finds it."""
    with tempfile.TemporaryDirectory() as room:
        paths = [Path(room) / "a.tflite", Path(room) / "b.tflite"]
        for path, content in zip(paths, (baseline, file), strict=True):
            path.write_bytes(content)
        found = compare(paths[0], paths[1], "local", DEFAULT_OPTIONS, 8)
    return float(np.exp(np.median(found.rounds))), 1 / found.high, 1 / found.low


def rivals(bench: Bench, ratio: float) -> dict[str, Any]:
    """The widest of each family that measure as fast as edgeprune's, at most `EQUAL` slower.

    Where a family's steps leave that out, the one nearest to it; the table says how much slower it is.
    """
    known = bench.search.profile
    tried: list[tuple[str, np.ndarray]] = []
    for family in RIVALS:
        tried += [(family, one) for one in _near(bench, family, ratio * (1 + EQUAL / 2))]
    files = [known.candidates.file(plan) for _, plan in tried]
    timed = time_candidates(known.candidates.baseline, files, "local", DEFAULT_OPTIONS)
    timings = [one for _, part in timed for one in part.candidates]
    found: dict[str, Any] = {}
    for family in RIVALS:
        measured = [
            (timing.ratio, plan.tolist())
            for (whose, plan), timing in zip(tried, timings, strict=True)
            if whose == family
        ]
        equal = [one for one in measured if one[0] <= ratio * (1 + EQUAL)]
        found[family] = dict(zip(("ratio", "counts"), max(equal) if equal else min(measured), strict=True))
    return found


def _near(bench: Bench, family: str, ratio: float) -> list[np.ndarray]:
    """Some widths of a family that are predicted to take about this share of the baseline's latency."""
    full = np.array([choice[0] for choice in bench.choices])
    macs = cost_model(bench.prepared.dependencies, "macs")
    curves = bench.prepared.sensitivity if family == "macs" else None
    lowest = macs(np.array([choice[-1] for choice in bench.choices], float)) / macs(full.astype(float))
    table, found = bench.search.profile.table, dict[tuple[int, ...], float]()
    low, high = 0.0, 1 - lowest - 1e-6
    for _ in range(3):
        amounts = np.linspace(low, high, 16)
        plans = [allocate(bench.choices, macs, full, amount, curves) for amount in amounts]
        costs = [float(table(one)[0]) for one in plans]
        found |= {tuple(map(int, one)): cost for one, cost in zip(plans, costs, strict=True)}
        place = int(np.argmin(np.abs(np.array(costs) / ratio - 1)))
        low, high = amounts[max(place - 2, 0)], amounts[min(place + 2, len(amounts) - 1)]
    best = sorted(found, key=lambda one: abs(found[one] / ratio - 1))[:_NEAR]
    return [np.array(one) for one in best]


def count(bench: Bench, share: float) -> None:
    """Agreement of each pruned network with the original, and the error of the differences."""
    case, proof = bench.case, bench.kept[f"proof {share}"]
    original = _answers(case.model, case.compared)
    same = {}
    for who, counts in [
        ("edgeprune", proof.get("counts")),
        *((r, proof.get(r, {}).get("counts")) for r in RIVALS),
    ]:
        if counts is not None:
            pruned = bench.prepared.prune_to(np.array(counts))
            same[who] = _answers(pruned.model, case.compared) == original
    # Once every sample counts alike, once every answer of the original.
    _, kinds, sizes = np.unique(original, return_inverse=True, return_counts=True)
    found: dict[str, Any] = {}
    for weighed, counts_as in (("", np.ones(len(original))), (" alike", 1 / sizes[kinds])):
        weights = counts_as / counts_as.sum()
        for who, one in same.items():
            found[who + weighed] = float(weights @ one)
        for who in set(RIVALS) & set(same):
            difference = same["edgeprune"].astype(float) - same[who]
            mean = float(weights @ difference)
            # Shifts of one recording are one sample.
            off = (weights * (difference - mean)).reshape(case.repeats, -1).sum(axis=0)
            found[f"error {who}{weighed}"] = float(np.sqrt(off @ off))
    bench.save(**{f"agreement {share}": found, "samples": len(original)})


def _answers(model: Any, x: np.ndarray) -> np.ndarray:
    found: np.ndarray = model.predict(x, batch_size=250, verbose=0).argmax(axis=-1)
    return found


def table() -> str:
    """The README's rows."""
    lines = [
        "| network | budget | used | rounds | agreement | uniform | MACs | alike | uniform | MACs |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    notes = []
    for name in CASES:
        path = networks.KEPT / f"budget-{name}.json"
        kept = json.loads(path.read_text()) if path.is_file() else {}
        for share in BUDGETS:
            proof, same = kept.get(f"proof {share}"), kept.get(f"agreement {share}", {})
            if proof is None:
                continue
            if "unmet" in proof:
                reached = proof["unmet"].split(": ")[1].split(". What")[0]
                lines.append(f"| {name} | {share} | {reached} |{' |' * 7}")
                continue
            cells = [
                _cell(same, proof, who, weighed)
                for weighed in ("", " alike")
                for who in ("edgeprune", *RIVALS)
            ]
            lines.append(
                f"| {name} | {share} | {proof['used']:.3f} | {proof['rounds']} | {' | '.join(cells)} |"
            )
        if kept.get("profile_s"):
            notes.append(
                f"- {name}: {kept['candidates']} candidates in {kept['profile_s']:.0f} s, median error of "
                f"predictions {100 * kept['fresh_error']:.1f} %, {kept.get('samples', 0):,} samples compared."
            )
    return "\n".join([*lines, "", *notes])


def _cell(same: Mapping[str, float], proof: Mapping[str, Any], who: str, weighed: str) -> str:
    if who + weighed not in same:
        return ""
    error = same.get(f"error {who}{weighed}")
    if error is None:
        return f"{100 * same[who + weighed]:.1f} %"
    slower = proof[who]["ratio"] / proof["ratio"] - 1
    aside = f" ({100 * slower:.0f} % slower)" if slower > EQUAL else ""
    return f"{100 * same[who + weighed]:.1f} % ± {200 * error:.1f}{aside}"


def write() -> None:
    """Puts the table into the README."""
    path = networks.ROOT / "tests" / "benchmarks" / "README.md"
    text = path.read_text(encoding="utf-8")
    marks = re.compile(r"(?<=<!-- budget -->\n).*?(?=<!-- /budget -->)", re.DOTALL)
    path.write_text(marks.sub(lambda _: table() + "\n", text), encoding="utf-8")


def main() -> None:
    """Runs the cases asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=["run", "prove", "table"])
    parser.add_argument("--model", choices=list(CASES), action="append")
    parser.add_argument("--budget", type=float, action="append")
    parser.add_argument("--seconds", type=float, default=90.0, help="of trying plans, for each budget")
    parser.add_argument("--write", action="store_true", help="write the table into README.md beside it")

    options = parser.parse_args()
    for name in options.model or CASES if options.step != "table" else ():
        bench = Bench(name)
        for share in options.budget or BUDGETS:
            if options.step == "prove":
                prove(bench, share)
                count(bench, share)
                continue
            if f"proof {share}" not in bench.kept:
                prove(bench, share, options.seconds)
            if f"agreement {share}" not in bench.kept:
                count(bench, share)
    if options.step == "table":
        write() if options.write else print(table())


if __name__ == "__main__":
    main()
