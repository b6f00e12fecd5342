"""What pruning gives back."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from edgeprune.graph import DependencyGraph, Refusal
from edgeprune.graph.cost import Cost, change_text
from edgeprune.html_table import html_table
from edgeprune.keras_types import KerasModel
from edgeprune.pruning.equivalence import Equivalence


@dataclasses.dataclass(frozen=True, eq=False)
class PrunePlan:
    """Which of the original's channels stay: a keep mask (channels,). Channel 0 always stays."""

    dependencies: DependencyGraph
    keep: np.ndarray

    @classmethod
    def keep_all(cls, dependencies: DependencyGraph) -> PrunePlan:
        """The plan that removes nothing."""
        return cls(dependencies, np.ones(dependencies.count, bool))

    def groups(self) -> tuple[GroupReport, ...]:
        """Each group before and after."""
        return tuple(
            GroupReport(group.name, len(group.channels), int(self.keep[group.channels].sum()))
            for group in self.dependencies.groups
        )


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


@dataclasses.dataclass(frozen=True, repr=False)
class PruneReport:
    """What was done, and what the reader should know, such as what pruning without data loses.

    The equivalence is that of the compacted model, before it is refitted, to the masked original. The
    divergence is measured on the calibration data, see `edgeprune.pruning.divergence`; None where nothing was
    refitted.
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

    def __repr__(self) -> str:
        return f"<PruneReport: {self._summary()}>"

    def _summary(self) -> str:
        notes = f", {len(self.notes)} notes" if self.notes else ""
        return f"{100 * self.removed.neurons:.1f} % removed, {change_text(self.before, self.after)}{notes}"

    def _repr_html_(self) -> str:
        rows = [(one.name, f"{one.units_before:,}", f"{one.units_after:,}") for one in self.groups]
        tables = html_table(self._summary(), ("group", "neurons before", "after"), rows)
        refused = [(one.layer, one.reason) for one in self.refusals]
        notes = [(note,) for note in self.notes]
        return (
            tables + (html_table("Neurons that stay", ("layer", "why"), refused) if refused else "")
            + (html_table("Notes", (), notes) if notes else "")
        )


@dataclasses.dataclass(frozen=True, repr=False)
class PruneResult:
    """A pruned model.

    The model is of the original's Keras version and not compiled; `dependencies` are the original's channels
    and groups, and `keep` tells of each channel number whether it stays.
    """

    model: KerasModel
    report: PruneReport
    dependencies: DependencyGraph
    keep: np.ndarray

    def __repr__(self) -> str:
        return repr(self.report).replace("PruneReport", "PruneResult", 1)

    def _repr_html_(self) -> str:
        return self.report._repr_html_()

    @property
    def plan(self) -> PrunePlan:
        """Which channels stayed."""
        return PrunePlan(self.dependencies, self.keep)


def removed(before: Cost, after: Cost) -> Removed:
    """The fractions that are gone."""
    pairs = zip(dataclasses.astuple(before), dataclasses.astuple(after), strict=True)
    return Removed(*(1 - left / was if was else 0.0 for was, left in pairs))
