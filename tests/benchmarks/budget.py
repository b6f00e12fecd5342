"""Latency budgets met on this machine, and what the widths keep against two other ways to choose them.

    python tests/benchmarks/budget.py profile --model resnet8    # times candidates: keep the machine quiet
    python tests/benchmarks/budget.py plan --model resnet8       # tries plans' networks: minutes, no timing
    python tests/benchmarks/budget.py prove --model resnet8      # times what was built, and the rivals
    python tests/benchmarks/budget.py compare --model resnet8    # counts answers; no timing
    python tests/benchmarks/budget.py --write                    # the table between the marks in README.md

MobileNetV2-0.35 at 96x96, DS-CNN and ResNet-8, int8, one thread, at shares of the quantized original's
latency. Rivals get the measured latency of edgeprune's model (up to `EQUAL` more) by uniform widths and by
the allocation that saves multiply-accumulates, on the same criterion and repair. Agreement is the share of
samples that nothing has seen on which the pruned network, before any training, answers as the original
does. Every step keeps its results, and goes on where it was cut off.
"""

# ruff: noqa: T201 - a script that prints its results

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pruning_networks as networks
from budget_cases import CASES, Case

from device_runners.benchmark import DEFAULT_OPTIONS
from device_runners.comparison import compare
from edgeprune.budget.design import design
from edgeprune.budget.fit import Fitter, fitter
from edgeprune.budget.limits import Budget
from edgeprune.budget.measure import measure
from edgeprune.conversion import convert
from edgeprune.errors import VerificationError
from edgeprune.graph.cost_model import cost_model
from edgeprune.pruning.allocation import Limits, allocate, levels
from edgeprune.pruning.divergence import Damage
from edgeprune.pruning.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Callable

BUDGETS = (0.75, 0.5, 0.35)
EQUAL = 0.02
"""Rivals may be this much slower, never faster than asked."""
RIVALS = ("uniform", "macs")
_NEAR = 6
"""Rival widths that are timed around the wanted latency."""


class Bench:
    """One network with what earlier steps have found."""

    def __init__(self, name: str) -> None:
        self.name, self.case = name, CASES[name]()
        self.path = networks.KEPT / f"budget-{name}.json"
        self.kept: dict[str, Any] = json.loads(self.path.read_text()) if self.path.is_file() else {}
        self.prepared = Prepared(self.case.model, self.case.calibration)
        self.choices = levels(self.prepared.units.groups, Limits())

    def save(self, **found: Any) -> None:
        """Adds to what is kept."""
        self.kept |= found
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.kept, indent=1))
        print(self.name, json.dumps(found)[:1500], flush=True)

    def convert(self, model: Any) -> bytes:
        """Int8, as a build does."""
        return convert(model, "int8", self.case.calibration[:100]).tflite

    def fitter(self) -> Fitter:
        """With the plans that were tried before."""
        found = fitter(self.prepared, self.convert, held=self.case.judged)
        found.judge.known.update(
            {tuple(counts): Damage(*damage) for counts, *damage in self.kept.get("tried", [])}
        )
        return found

    def save_tried(self, made: Fitter) -> None:
        """Keeps what plans' networks did."""
        self.save(
            tried=[[list(map(int, k)), d.divergence, d.changed] for k, d in made.judge.known.items()],
        )


def profile(bench: Bench) -> None:
    """Times the candidates, and others that the table has not seen."""
    start = time.perf_counter()
    made = bench.fitter()
    seconds = time.perf_counter() - start
    least = np.array([choice[-1] for choice in bench.choices])
    there = {one.counts for one in made.known.measured}
    fresh = [one for one in design(made.known.full, least, 8, seed=99) if tuple(map(int, one)) not in there]
    files = [made.known.candidates.file(one) for one in fresh[-6:]]
    timings = measure(made.known.candidates.baseline, files, "local", DEFAULT_OPTIONS).candidates
    errors = [
        abs(float(made.known.table(one)[0]) / timing.ratio - 1)
        for one, timing in zip(fresh[-6:], timings, strict=True)
    ]
    bench.save(
        profile_s=seconds, baseline_ms=made.known.baseline_ms, candidates=len(there),
        left_out=float(np.median(np.abs(made.known.table.left_out))), fresh_error=float(np.median(errors)),
    )  # fmt: skip


def plan(bench: Bench, shares: tuple[float, ...]) -> None:
    """Tries plans' networks for each budget; what is timed meanwhile is timed again by `prove`."""
    for share in shares:
        made, start = bench.fitter(), time.perf_counter()
        try:
            fitted = made.fit(Budget(latency_ms=share * (made.known.baseline_ms or 0.0)))
            said = {"family": fitted.explanation.family, "harms": dict(fitted.explanation.harms)}
        except VerificationError as error:
            said = {"unmet": str(error)}
        bench.save_tried(made)
        bench.save(**{f"plan {share}": {**said, "seconds": time.perf_counter() - start}})


def prove(bench: Bench, shares: tuple[float, ...]) -> None:
    """Builds the best plan that is known, and times it and its rivals."""
    for share in shares:
        made, start = bench.fitter(), time.perf_counter()
        whole = made.known.baseline_ms or 0.0
        try:
            fitted = made.fit(Budget(latency_ms=share * whole), trials=0)
        except VerificationError as error:
            bench.save(**{f"proof {share}": {"unmet": str(error)}})
            continue
        rounds = fitted.explanation.rounds
        ratio, low, high = independent(fitted.baseline, fitted.tflite)
        found: dict[str, Any] = {
            "rounds": len(rounds), "ratio": ratio, "low": low, "high": high, "used": ratio / share,
            "counts": rounds[-1].counts, "family": fitted.explanation.family,
            "own": rounds[-1].measured["latency_ms"] / whole,
            "predicted": rounds[0].predicted["latency_ms"] / rounds[0].measured["latency_ms"],
            "seconds": time.perf_counter() - start,
        }  # fmt: skip
        for family in RIVALS:
            found[family] = rival(bench, made, family, ratio)
        bench.save(**{f"proof {share}": found})


def independent(baseline: bytes, file: bytes) -> tuple[float, float, float]:
    """Latency over the baseline's and its interval, as `edgeprune compare` finds it."""
    with tempfile.TemporaryDirectory() as room:
        paths = [Path(room) / "a.tflite", Path(room) / "b.tflite"]
        for path, content in zip(paths, (baseline, file), strict=True):
            path.write_bytes(content)
        found = compare(paths[0], paths[1], "local", DEFAULT_OPTIONS, 8)
    return float(np.exp(np.median(found.rounds))), 1 / found.high, 1 / found.low


def rival(bench: Bench, made: Fitter, family: str, ratio: float) -> dict[str, Any] | None:
    """The widest of one family that measure as fast as edgeprune's, at most `EQUAL` slower."""
    plans = _family(bench, family)
    costs = np.array([float(made.known.table(one)[0]) for one in plans])
    near = np.argsort(np.abs(costs / (ratio * (1 + EQUAL / 2)) - 1))[:_NEAR]
    files = [made.known.candidates.file(plans[place]) for place in near]
    timings = measure(made.known.candidates.baseline, files, "local", DEFAULT_OPTIONS).candidates
    allowed = [
        (timing.ratio, plans[place].tolist())
        for place, timing in zip(near, timings, strict=True)
        if timing.ratio <= ratio * (1 + EQUAL)
    ]
    if not allowed:
        return None
    best = max(allowed)
    return {"ratio": best[0], "counts": best[1]}


def _family(bench: Bench, family: str) -> list[np.ndarray]:
    """All widths of a family, from the whole model down."""
    full = np.array([choice[0] for choice in bench.choices])
    macs = cost_model(bench.prepared.units, "macs")
    curves = bench.prepared.curves if family == "macs" else None
    lowest = macs(np.array([choice[-1] for choice in bench.choices], float)) / macs(full.astype(float))
    made = [
        allocate(bench.choices, macs, full, amount, curves)
        for amount in np.linspace(0, 1 - lowest - 1e-6, 120)
    ]
    return list({tuple(one): one for one in made}.values())


def count(bench: Bench, shares: tuple[float, ...]) -> None:
    """Agreement of each pruned network with the original, and the error of the differences."""
    case: Case = bench.case
    original = _answers(case.model, case.compared)
    for share in shares:
        proof = bench.kept.get(f"proof {share}", {})
        same = {}
        for who in ("edgeprune", *RIVALS):
            counts = proof.get("counts") if who == "edgeprune" else (proof.get(who) or {}).get("counts")
            if counts is not None:
                pruned = bench.prepared.prune_to(np.array(counts))
                same[who] = _answers(pruned.model, case.compared) == original
        found: dict[str, Any] = {who: float(one.mean()) for who, one in same.items()}
        found |= {
            f"error {who}": float((same["edgeprune"].astype(float) - same[who]).std() / len(original) ** 0.5)
            for who in RIVALS if who in same
        }  # fmt: skip
        bench.save(**{f"agreement {share}": found, "samples": len(original)})


def _answers(model: Any, x: np.ndarray) -> np.ndarray:
    found: np.ndarray = model.predict(x, batch_size=250, verbose=0).argmax(axis=-1)
    return found


def table() -> str:
    """The README's rows."""
    lines = [
        "| network | budget | measured, of the budget | rounds | agreement | uniform | MACs |",
        "|---|---|---|---|---|---|---|",
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
                lines.append(f"| {name} | {share} | {proof['unmet'].split(': ')[1]} | | | | |")
                continue
            cells = [f"{100 * same[who]:.1f} %" if who in same else "" for who in ("edgeprune", *RIVALS)]
            for place, who in enumerate(RIVALS, 1):
                if f"error {who}" in same:
                    cells[place] += f" ± {200 * same[f'error {who}']:.1f}"
            lines.append(
                f"| {name} | {share} | {proof['used']:.3f} | {proof['rounds']} | {' | '.join(cells)} |"
            )
        if kept.get("profile_s"):
            notes.append(
                f"{name}: {kept['candidates']} candidates in {kept['profile_s']:.0f} s, median error of "
                f"predictions {100 * kept['fresh_error']:.1f} %, {kept.get('samples', 0):,} samples compared."
            )
    return "\n".join([*lines, "", *notes])


def write() -> None:
    """Puts the table into the README."""
    path = networks.ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    marks = re.compile(r"(?<=<!-- budget -->\n).*?(?=<!-- /budget -->)", re.DOTALL)
    path.write_text(marks.sub(lambda _: table() + "\n", text), encoding="utf-8")


def main() -> None:
    """Runs one step for the networks asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    steps: dict[str, Callable[..., None]] = {"plan": plan, "prove": prove, "compare": count}
    parser.add_argument("step", choices=["profile", *steps], nargs="?")
    parser.add_argument("--model", choices=list(CASES), action="append")
    parser.add_argument("--budget", type=float, action="append")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    for name in options.model or CASES if options.step else ():
        bench = Bench(name)
        if options.step == "profile":
            profile(bench)
        else:
            steps[options.step](bench, tuple(options.budget or BUDGETS))
    if options.write:
        write()
    elif not options.step:
        print(table())


if __name__ == "__main__":
    main()
