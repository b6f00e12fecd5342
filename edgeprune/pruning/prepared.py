"""A model with everything known that does not depend on how much is to go.

read → trace → rank the channels of each group → measure each group's harm      once
allocate → strip → prove → repair                                for each amount
"""

from __future__ import annotations

import contextlib
import numbers
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.errors import InputError
from edgeprune.graph.cost import cost
from edgeprune.graph.cost_model import COST_KINDS, cost_model
from edgeprune.pruning import importance
from edgeprune.pruning.allocation import ALLOCATIONS, Limits, allocate, levels
from edgeprune.pruning.budget import budget
from edgeprune.pruning.checks import check_weights, checked_labels
from edgeprune.pruning.dependencies import find_dependencies
from edgeprune.pruning.divergence import Damage, ambiguity, damage, divergence
from edgeprune.pruning.importance.scene import Scene
from edgeprune.pruning.observe import ROWS_PER_READ, observe
from edgeprune.pruning.reconstruct import Sides, reconstruct
from edgeprune.pruning.result import GroupReport, PruneReport, PruneResult, removed
from edgeprune.pruning.samples import as_arrays, count, take
from edgeprune.pruning.sensitivity import curves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edgeprune.keras_bridge.network import KerasNetwork
    from edgeprune.pruning.equivalence import Equivalence
    from edgeprune.pruning.observe import Moments
    from edgeprune.pruning.ranking import Ranking

HELD_OUT = 0.25
PROOF_SAMPLES = 4
JUDGED_ROWS = 5_000
"""Positions that a plan which is only judged is repaired on: a quarter of the time."""
JUDGED_MACS = 1e10
"""Multiply-accumulates that judging one plan may take."""


class Prepared:
    """Prunes one model by any amount.

    Args:
        model: a Keras model; it is never changed.
        calibration: samples, None for data-free.
        labels: for the criterion "taylor".
        criterion: a name from `importance.CRITERIA`.
        allocation: one of `ALLOCATIONS`.
        seed: decides every random choice.
        progress: told each step's name and its fraction done.
    """

    def __init__(
        self,
        model: Any,
        calibration: Any = None,
        *,
        labels: Any = None,
        criterion: str = importance.DEFAULT,
        allocation: str = "global",
        seed: int = 0,
        progress: Callable[[str, float], None] | None = None,
    ) -> None:
        from edgeprune.keras_bridge.network import KerasNetwork
        from edgeprune.keras_bridge.nodes import has_added_loss
        from edgeprune.keras_bridge.read import held_twice, read

        importance.check_criterion(criterion)
        if allocation not in ALLOCATIONS:
            raise InputError(
                f"There is no allocation '{allocation}'.", f"Known are {', '.join(ALLOCATIONS)}."
            )
        self._progress = progress or (lambda *_: None)
        self._seconds: dict[str, float] = {}
        self._notes: list[str] = []
        self._seed = seed
        self._data = None if calibration is None else as_arrays(calibration)
        with self._step("read"):
            self._reading = read(model)
            check_weights(self._reading.graph)
            if has_added_loss(model):
                self._notes.append("What add_loss() and add_metric() added is to be added again.")
            for one, other in held_twice(self._reading):
                self._notes.append(
                    f"Layers '{one}' and '{other}' share weights in the original; each has its own in the "
                    "pruned model, and counts for itself."
                )
            self.dependencies = find_dependencies(self._reading.graph)
            self._original = KerasNetwork(self._reading)
        self.cost = cost(self.dependencies)
        self._budget = budget(self.dependencies.graph, self.cost.macs, len(self.dependencies.groups))
        self._criterion = criterion
        self._moments: tuple[Moments, ...] = ()
        self._rankings = self._rank(checked_labels(labels, self._data))
        self._global = allocation == "global"
        self._curves: list[np.ndarray] | None = self._measure() if self._global else None

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[Callable[[float], None]]:
        start = time.perf_counter()
        self._progress(name, 0.0)
        yield lambda fraction: self._progress(name, fraction)
        self._seconds[name] = time.perf_counter() - start
        self._progress(name, 1.0)

    def _rank(self, labels: np.ndarray | None) -> list[Ranking]:
        from edgeprune.keras_bridge.gradients import KerasGradients

        if self._data is None and self._criterion in importance.NEED_DATA:
            self._notes.append(
                f"No calibration data was given: units were chosen by {importance.DATA_FREE} instead of "
                f"{self._criterion}, layers were compared by their weights alone, and nothing was repaired. "
                "Much accuracy is lost that a few hundred unlabelled samples would keep."
            )
            self._criterion = importance.DATA_FREE
        with self._step("rank") as tell:
            if self._data is not None:
                chosen = self._some(self._split()[0], self._budget.observed)
                self._moments = observe(
                    self._original,
                    self.dependencies,
                    chosen,
                    batch=self._budget.at_once,
                    seed=self._seed,
                    progress=tell,
                )
            few = None if self._data is None else self._some(self._data, self._budget.at_once)
            gradients = KerasGradients(self._reading)
            scene = Scene(
                self._original, self.dependencies, few, labels, self._moments, gradients, self._seed
            )
            return importance.rank_units(self._criterion, scene)

    def _split(self) -> tuple[Any, Any]:
        """Samples to choose on, and others to measure harm on; both all where there are few."""
        total = count(self._data)
        held = round(total * HELD_OUT)
        if held < 1:
            return self._data, self._data
        order = np.random.default_rng(self._seed).permutation(total)
        return take(self._data, np.sort(order[held:])), take(self._data, np.sort(order[:held]))

    def _some(self, data: Any, number: int) -> Any:
        total = count(data)
        if total <= number:
            return data
        return take(data, np.sort(np.random.default_rng(self._seed).choice(total, number, replace=False)))

    def _measure(self) -> list[np.ndarray]:
        if self._data is None:
            return importance.curves_of(self._rankings)
        from edgeprune.keras_bridge.network import stripped_network

        with self._step("measure") as tell:
            copy = stripped_network(self._reading, self.dependencies, np.ones(self.dependencies.count, bool))
            held = self._some(self._split()[1], self._budget.measured)
            return curves(
                copy,
                self.dependencies,
                self._rankings,
                self._moments,
                held,
                fractions=self._budget.fractions,
                progress=tell,
            )

    def prune(
        self, amount: float, *, unit: str = "neurons", limits: Limits | None = None, repair: bool = True
    ) -> PruneResult:
        """Removes at least `amount`, a share of `unit`.

        Raises:
            InputError: a setting is not understood, or not so much can go.
            VerificationError: the stripped model is not the masked original.
        """
        if not isinstance(amount, numbers.Real) or not 0 <= amount < 1:
            raise InputError(f"{amount} was to be removed.", "A share from 0 to below 1 is expected, as 0.5.")
        if unit not in COST_KINDS:
            raise InputError(f"There is no unit '{unit}'.", f"Units are {', '.join(COST_KINDS)}.")
        return self.prune_to(self.counts(amount, unit, limits or Limits()), repair=repair)

    def prune_to(self, counts: np.ndarray, *, repair: bool = True) -> PruneResult:
        """Leaves these many channels in each group; the criterion says which.

        Args:
            counts: (G,) channels to keep, one number for each of ``dependencies.groups``.
            repair: whether to refit the layers to the calibration data.

        Raises:
            VerificationError: the stripped model is not the masked original.
        """
        keep = self._kept(counts)
        pruned, proof = self._strip(keep)
        error = self._repair(pruned, keep, self._data) if repair and self._data is not None else None
        after = cost(self.dependencies, keep)
        groups = tuple(
            GroupReport(group.name, len(group.channels), int(keep[group.channels].sum()))
            for group in self.dependencies.groups
        )
        report = PruneReport(
            groups,
            self.cost,
            after,
            removed(self.cost, after),
            self.dependencies.refusals,
            proof,
            error,
            tuple(self._notes),
            dict(self._seconds),
        )
        return PruneResult(pruned.reading.model, report, self.dependencies, keep)

    def judge(self, held: Any = None) -> Callable[[np.ndarray], Damage]:
        """Tells the damage of leaving so many channels in each group, by the stripped and repaired network.

        Args:
            held: samples that choose and repair nothing; None holds back a part of the calibration data
                from the repair. Without calibration data the groups' curves are added up.
        """
        if self._data is None:
            return lambda counts: Damage(self._expected(counts))
        from edgeprune.keras_bridge.network import stripped_network

        repair_on, seen = self._split() if held is None else (self._data, as_arrays(held))
        seen = self._some(seen, max(min(int(JUDGED_MACS / max(self.cost.macs, 1)), self._budget.at_once), 64))
        reference = self._original.outputs(seen)

        def damaged(counts: np.ndarray) -> Damage:
            keep = self._kept(counts)
            pruned = stripped_network(self._reading, self.dependencies, keep)
            self._repair(pruned, keep, repair_on, JUDGED_ROWS)
            return damage(reference, pruned.outputs(seen))

        return damaged

    def _expected(self, counts: np.ndarray) -> float:
        gone = [
            len(group.channels) - count for group, count in zip(self.dependencies.groups, counts, strict=True)
        ]
        return float(sum(curve[int(k)] for curve, k in zip(self.curves, gone, strict=True)))

    @property
    def model(self) -> Any:
        """The original."""
        return self._reading.model

    @property
    def curves(self) -> list[np.ndarray]:
        """For each group the harm D(k) of k = 0…n removals; measured when first asked for."""
        if self._curves is None:
            self._curves = self._measure()
        return self._curves

    def counts(self, amount: float, unit: str, limits: Limits) -> np.ndarray:
        """(G,) channels that each group keeps when a share of the model goes, see `prune`."""
        groups = self.dependencies.groups
        choices = levels(groups, limits)
        full = np.array([len(group.channels) for group in groups], int)
        if not groups:
            return full
        curves = self.curves if self._global else None
        return allocate(choices, cost_model(self.dependencies, unit), full, amount, curves)

    def counts_above(self, threshold: float, limits: Limits) -> np.ndarray:
        """(G,) channels that each group keeps when those go that cost less than a share of the group's mean.

        Raises:
            InputError: the threshold is negative.
        """
        if threshold < 0:
            raise InputError(f"A threshold of {threshold} was given.", "0 or more is expected.")
        kept = []
        for choice, ranking in zip(levels(self.dependencies.groups, limits), self._rankings, strict=True):
            wanted = len(ranking.order) - ranking.below(threshold)
            enough = choice[choice >= wanted]
            kept.append(enough[-1] if len(enough) else choice[0])
        return np.array(kept, int)

    def _kept(self, counts: np.ndarray) -> np.ndarray:
        """The keep mask: channels by the criterion."""
        keep = np.ones(self.dependencies.count, bool)
        for group, ranking, number in zip(self.dependencies.groups, self._rankings, counts, strict=True):
            keep[group.channels] = ranking.kept(int(number))
        return keep

    def _strip(self, keep: np.ndarray) -> tuple[KerasNetwork, Equivalence]:
        from edgeprune.keras_bridge.made_up import made_up_inputs
        from edgeprune.keras_bridge.masked import equivalence
        from edgeprune.keras_bridge.network import stripped_network

        with self._step("strip"):
            pruned = stripped_network(self._reading, self.dependencies, keep)
            samples = (
                made_up_inputs(self._reading, PROOF_SAMPLES, self._seed)
                if self._data is None
                else take(self._data, slice(0, PROOF_SAMPLES))
            )
            proof = equivalence(self._reading, self.dependencies, keep, pruned.reading.model, samples)
            proof.check()
        return pruned, proof

    def _repair(
        self, pruned: KerasNetwork, keep: np.ndarray, data: Any, rows: int = ROWS_PER_READ
    ) -> float:
        with self._step("repair") as tell:
            data = self._some(data, self._budget.at_once)
            reference = self._original.outputs(data)
            weights = ambiguity(reference)
            weights = np.ones(count(data)) if weights is None else weights
            reconstruct(
                Sides(
                    self._original, pruned, self.dependencies, keep, self._moments, weights, self._seed, rows
                ),
                data,
                reference,
                progress=tell,
            )
            return divergence(reference, pruned.outputs(data))
