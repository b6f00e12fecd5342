"""Predicts a candidate's latency from the layers' work, by a fit to measured candidates.

    latency / baseline = constant + Σ_layers Σ_amounts θ · amount(counts) / amount(baseline)

First all layers of one kind share a rate; then every layer may leave it as far as the measurements
support (a Gaussian prior around the shared rate). The tiles are those whose predictions of left-out
candidates err least.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from edgeprune.budget.least_squares import left_out_error, solve_bounded
from edgeprune.budget.work import AMOUNTS, TILES, LayerWork, Tiles

OWN_RATE = 0.4
"""Standard deviation of a layer's rate around that of its kind, as a fraction."""
_UNEXPECTED = 0.05
"""Fraction of the baseline that all layers together may take where their kind takes nothing."""
_NOISE = 0.015
"""Of a measured ratio, as a fraction: processes differ by this much, however precise each one is."""


@dataclasses.dataclass(frozen=True)
class MeasuredCandidate:
    """The timing of a candidate, see `edgeprune.budget.timing`, by its groups' kept channels."""

    counts: tuple[int, ...]
    ratio: float
    error: float


@dataclasses.dataclass(frozen=True, eq=False)
class LatencyTable:
    """The latency table of one model on one device.

    Attributes:
        rates: (1 + 3·L,) fraction of the baseline's latency: constant, then `AMOUNTS` of each layer.
        baseline: (3·L,) the baseline's amounts.
        left_out: (N,) relative errors of the candidates, each predicted without itself.
    """

    work: LayerWork
    tiles: Tiles
    rates: np.ndarray
    baseline: np.ndarray
    left_out: np.ndarray

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        """(N,) predicted latency over the baseline's, for kept counts (N, G)."""
        amounts = self.work.amounts(np.atleast_2d(np.asarray(counts, float)), self.tiles)
        return np.asarray(self.rates[0] + (amounts / self.baseline) @ self.rates[1:])

    def relative(self, counts: np.ndarray) -> np.ndarray:
        """(N, 1 + 3·L) what the rates are multiplied with."""
        amounts = self.work.amounts(counts, self.tiles) / self.baseline
        return np.concatenate([np.ones((len(counts), 1)), amounts], axis=1)

    def layers(self, counts: np.ndarray) -> dict[str, float]:
        """Predicted fraction of the baseline's latency that each layer takes, by its path."""
        amounts = self.work.amounts(np.asarray(counts, float)[None], self.tiles)[0] / self.baseline
        parts = (amounts * self.rates[1:]).reshape(len(AMOUNTS), -1).sum(axis=0)
        found = dict.fromkeys(self.work.layers, 0.0)
        for path, part in zip(self.work.layers, parts, strict=True):
            found[path] += float(part)
        return found


def fit_table(work: LayerWork, full: np.ndarray, measured: Sequence[MeasuredCandidate]) -> LatencyTable:
    """The table that explains the measurements, and that the baseline has `full` (G,) channels."""
    rows = [*measured, MeasuredCandidate(tuple(int(size) for size in full), 1.0, 1e-3)]
    counts = np.array([row.counts for row in rows], float)
    ratios = np.array([row.ratio for row in rows])
    weights = 1 / (ratios * np.hypot(_NOISE, [row.error for row in rows])) ** 2
    # The baseline is what all others are relative to.
    weights[-1] = 1 / (0.2 * _NOISE) ** 2
    tried = [_with_shared_rates(work, counts, ratios, weights, tiles) for tiles in TILES]
    best = min(tried, key=lambda one: float(np.sqrt(np.mean(one.left_out**2))))
    own = solve_bounded(best.relative(counts), ratios, weights, best.rates, _spread(best.rates))
    return dataclasses.replace(best, rates=own, left_out=best.left_out[:-1])


def _with_shared_rates(
    work: LayerWork, counts: np.ndarray, ratios: np.ndarray, weights: np.ndarray, tiles: Tiles
) -> LatencyTable:
    """For one choice of tiles, the rates that layers of a kind share; the last counts are the baseline's."""
    baseline = np.maximum(work.amounts(counts[-1:], tiles)[0], 1e-9)
    kinds = _of_kinds(work, baseline)
    table = LatencyTable(work, tiles, np.zeros(len(kinds)), baseline, np.zeros(len(counts)))
    relative = table.relative(counts)
    by_kind = relative @ kinds
    size = np.maximum(by_kind[-1], 1e-12)
    even = np.full(len(size), 1 / len(size))
    prior = kinds @ (solve_bounded(by_kind / size, ratios, weights, even, np.ones(len(size))) / size)
    errors = left_out_error(relative, ratios, weights, prior, _spread(prior))
    return dataclasses.replace(table, rates=prior, left_out=errors / ratios)


def _spread(prior: np.ndarray) -> np.ndarray:
    return np.asarray(OWN_RATE * prior + _UNEXPECTED / len(prior))


def _of_kinds(work: LayerWork, baseline: np.ndarray) -> np.ndarray:
    """(1 + 3·L, 1 + kinds): the constant, and each layer's amount under its kind and amount."""
    kinds = sorted(set(work.kinds))
    table = np.zeros((1 + len(baseline), 1 + len(kinds) * len(AMOUNTS)))
    table[0, 0] = 1.0
    for place in range(len(baseline)):
        amount, layer = divmod(place, len(work.layers))
        if not (amount == 2 and work.depthwise[layer]):
            table[1 + place, 1 + kinds.index(work.kinds[layer]) * len(AMOUNTS) + amount] = baseline[place]
    return table[:, table.any(axis=0)]
