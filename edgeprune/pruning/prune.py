"""`edgeprune.prune`: a model in, a smaller model of the same Keras flavour out. No training.

read → trace → rank → measure each group's harm → allocate → strip → prove → repair
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.errors import InputError
from edgeprune.graph.cost import Cost, cost
from edgeprune.graph.cost_model import UNITS, cost_model
from edgeprune.pruning import importance
from edgeprune.pruning.allocation import ALLOCATIONS, Limits, allocate, levels
from edgeprune.pruning.divergence import ambiguity, divergence
from edgeprune.pruning.importance.scene import Scene
from edgeprune.pruning.memory import samples_that_fit
from edgeprune.pruning.observe import observe
from edgeprune.pruning.reconstruct import Sides, reconstruct
from edgeprune.pruning.samples import as_arrays, count, take
from edgeprune.pruning.sensitivity import curves
from edgeprune.pruning.synthetic import synthetic_inputs
from edgeprune.pruning.units import Refusal, Units, trace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edgeprune.keras_bridge.network import KerasNetwork
    from edgeprune.pruning.equivalence import Equivalence
    from edgeprune.pruning.ranking import Ranking

Progress = "Callable[[str, float], None]"
HELD_OUT = 0.25
PROOF_SAMPLES = 4


@dataclasses.dataclass(frozen=True)
class GroupReport:
    """One group before and after."""

    name: str
    units_before: int
    units_after: int


@dataclasses.dataclass(frozen=True)
class Removed:
    """Fractions of the original that are gone."""

    neurons: float
    params: float
    macs: float


@dataclasses.dataclass(frozen=True)
class PruneReport:
    """What was done.

    Attributes:
        groups: units before and after.
        before: cost of the original.
        after: cost of the pruned model.
        removed: the same as fractions.
        refusals: what had to stay, and why.
        equivalence: the stripped model, before its repair, against the masked original.
        divergence: of the pruned model's outputs from the original's on the calibration data, see
            `edgeprune.pruning.divergence`; None without data.
        notes: what the reader should know, such as what pruning without data loses.
        seconds: wall time of each step.
    """

    groups: tuple[GroupReport, ...]
    before: Cost
    after: Cost
    removed: Removed
    refusals: tuple[Refusal, ...]
    equivalence: Equivalence
    divergence: float | None
    notes: tuple[str, ...]
    seconds: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class PruneResult:
    """A pruned model.

    Attributes:
        model: of the original's Keras flavour, not compiled.
        report: what was done.
        units: the original's units and groups.
        keep: for each unit number, whether it stays.
        leaves_at: for each unit number, when it went, as a share of its group's removals in
            (0, 1]; infinity where it stays.
    """

    model: Any
    report: PruneReport
    units: Units
    keep: np.ndarray
    leaves_at: np.ndarray


def prune(
    model: Any,
    amount: float = 0.5,
    *,
    calibration: Any = None,
    labels: Any = None,
    criterion: str = importance.DEFAULT,
    allocation: str = "global",
    unit: str = "neurons",
    min_width: int = 1,
    round_to: int = 1,
    protect: Sequence[str] = (),
    ratios: Mapping[str, float] | None = None,
    repair: bool = True,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> PruneResult:
    """Removes neurons from a trained model, and repairs what is left. No training, no labels.

    Args:
        model: a tf_keras or Keras 3 model, or the path of one; it is not changed.
        amount: share to remove, at least; 0 to below 1.
        calibration: samples as the model takes them: an array, a list with one array for each
            input, or a dictionary by input name. 1000 are plenty. None: data-free.
        labels: class numbers of the samples, for the criterion "taylor" alone.
        criterion: what goes first, a name from `edgeprune.pruning.importance.CRITERIA`.
        allocation: "global" (the model's outputs decide which layers lose most) or "uniform".
        unit: what `amount` is a share of: "neurons", "params" or "macs".
        min_width: units that stay in every group.
        round_to: kept counts are multiples of this.
        protect: name patterns (``"stem*"``) of layers that keep all units.
        ratios: name pattern to the share that exactly these layers lose.
        repair: whether to refit the layers to the calibration data.
        seed: the same seed gives the same model.
        progress: called with the step's name and its fraction done.

    Raises:
        InputError: the model cannot be read, a setting is not understood, or not so much can go.
        VerificationError: the stripped model is not the masked original.
    """
    _check(amount, criterion, allocation, unit)
    job = _Job(model, calibration, labels, seed, progress or (lambda *_: None))
    notes: list[str] = []
    limits = Limits(min_width, round_to, tuple(protect), dict(ratios or {}))
    choices = levels(job.units.groups, limits)
    rankings = job.rank(criterion, notes)
    harm = job.harm(rankings, notes) if allocation == "global" else None
    full = np.array([len(group.units) for group in job.units.groups], int)
    kept = allocate(choices, cost_model(job.units, unit), full, amount, harm)
    leaves_at = np.full(job.units.count, np.inf)
    for group, ranking, number in zip(job.units.groups, rankings, kept, strict=True):
        gone = ranking.order[: len(ranking.order) - int(number)]
        leaves_at[group.units[gone]] = np.arange(1, len(gone) + 1) / max(len(gone), 1)
    keep = np.isinf(leaves_at)
    pruned, proof = job.strip(keep)
    error = job.repair(pruned, keep) if repair and job.data is not None else None
    return PruneResult(pruned.reading.model, job.report(keep, proof, error, notes), job.units, keep, leaves_at)


def _check(amount: float, criterion: str, allocation: str, unit: str) -> None:
    importance.check_criterion(criterion)
    if not 0 <= amount < 1:
        raise InputError(f"{amount} was to be removed.", "A share from 0 to below 1 is expected, such as 0.5.")
    for given, known, what in ((allocation, ALLOCATIONS, "allocation"), (unit, UNITS, "unit")):
        if given not in known:
            raise InputError(f"There is no {what} '{given}'.", f"Known are {', '.join(known)}.")


class _Job:
    """The values that the steps share, and the clock."""

    def __init__(
        self, model: Any, calibration: Any, labels: Any, seed: int, progress: Callable[[str, float], None]
    ) -> None:
        from edgeprune.keras_bridge.network import KerasNetwork
        from edgeprune.keras_bridge.read import read

        self.seconds: dict[str, float] = {}
        self._progress = progress
        self.seed = seed
        start = time.perf_counter()
        self.reading = read(_loaded(model))
        self.units = trace(self.reading.graph)
        self.original = KerasNetwork(self.reading)
        self.seconds["read"] = time.perf_counter() - start
        data = None if calibration is None else as_arrays(calibration)
        self.data = None if data is None else samples_that_fit(self.reading.graph, data, seed)
        self.labels = None if labels is None else np.asarray(labels)
        self.moments: Any = ()

    def _step(self, name: str) -> Callable[[float], None]:
        self._progress(name, 0.0)
        start = time.perf_counter()

        def tell(fraction: float) -> None:
            self.seconds[name] = time.perf_counter() - start
            self._progress(name, fraction)

        return tell

    def rank(self, criterion: str, notes: list[str]) -> list[Ranking]:
        tell = self._step("rank")
        if self.data is None:
            if criterion in importance.NEED_DATA:
                notes.append(
                    f"Without calibration data, units were chosen by {importance.DATA_FREE} instead of "
                    f"{criterion} and nothing was repaired; expect far more accuracy to be lost."
                )
                criterion = importance.DATA_FREE
        else:
            chosen = self._split()[0]
            self.moments = observe(
                self.original, self.units, chosen, batch=count(chosen), seed=self.seed,
                progress=lambda part: tell(part / 2),
            )
        scene = Scene(
            self.original, self.units, self.data, self.labels, self.moments,
            batch=0 if self.data is None else count(self.data), seed=self.seed,
        )
        rankings = importance.rank_units(criterion, scene)
        tell(1.0)
        return rankings

    def _split(self) -> tuple[Any, Any]:
        """Samples to choose on, and others to measure harm on; both all where there are few."""
        total = count(self.data)
        held = round(total * HELD_OUT)
        if held < 1:
            return self.data, self.data
        order = np.random.default_rng(self.seed).permutation(total)
        return take(self.data, np.sort(order[held:])), take(self.data, np.sort(order[:held]))

    def harm(self, rankings: Sequence[Ranking], notes: list[str]) -> list[np.ndarray]:
        tell = self._step("measure")
        if self.data is None:
            notes.append("Without calibration data, layers were compared by their weights alone.")
            return importance.curves_of(rankings)
        from edgeprune.keras_bridge.network import stripped_network

        copy = stripped_network(self.reading, self.units, np.ones(self.units.count, bool))
        return curves(copy, self.units, rankings, self.moments, self._split()[1], progress=tell)

    def strip(self, keep: np.ndarray) -> tuple[KerasNetwork, Equivalence]:
        from edgeprune.keras_bridge.masked import equivalence
        from edgeprune.keras_bridge.network import stripped_network

        tell = self._step("strip")
        pruned = stripped_network(self.reading, self.units, keep)
        samples = (
            synthetic_inputs(self.reading.graph, PROOF_SAMPLES, self.seed)
            if self.data is None
            else take(self.data, slice(0, PROOF_SAMPLES))
        )
        proof = equivalence(self.reading, self.units, keep, pruned.reading.model, samples)
        proof.check()
        tell(1.0)
        return pruned, proof

    def repair(self, pruned: KerasNetwork, keep: np.ndarray) -> float:
        tell = self._step("repair")
        reference = self.original.outputs(self.data)
        weights = ambiguity(reference)
        weights = np.ones(count(self.data)) if weights is None else weights
        sides = Sides(self.original, pruned, self.units, keep, weights, self.seed)
        reconstruct(sides, self.data, progress=tell)
        error = divergence(reference, pruned.outputs(self.data))
        tell(1.0)
        return error

    def report(
        self, keep: np.ndarray, proof: Equivalence, error: float | None, notes: Sequence[str]
    ) -> PruneReport:
        before, after = cost(self.units), cost(self.units, keep)

        def gone(name: str) -> float:
            was = getattr(before, name)
            return 1 - getattr(after, name) / was if was else 0.0

        return PruneReport(
            groups=tuple(
                GroupReport(group.name, len(group.units), int(keep[group.units].sum()))
                for group in self.units.groups
            ),
            before=before,
            after=after,
            removed=Removed(gone("neurons"), gone("params"), gone("macs")),
            refusals=self.units.refusals,
            equivalence=proof,
            divergence=error,
            notes=tuple(notes),
            seconds=dict(self.seconds),
        )


def _loaded(model: Any) -> Any:
    """The model itself, or the one in a file."""
    if not hasattr(model, "__fspath__") and not isinstance(model, str):
        return model
    from edgeprune.keras_bridge.load import load

    return load(model)
