"""Parts of one output that mean something by themselves: columns of another scale, scores among values.

A detector may give boxes in pixels and class scores in one tensor. An error that is nothing to the boxes is
everything to the scores; whoever pools both sees only the boxes.
"""

from __future__ import annotations

import numpy as np

from edgeprune.types import Part

_SAME_SCALE = 3.0
"""Columns whose standard deviations differ by less are of one scale."""
_SUM = 1e-3
"""How exactly probabilities sum to 1."""
_MOST_COLUMNS = 4096


def parts_of_values(outputs: np.ndarray) -> tuple[Part, ...]:
    """The parts of (N, …, C) outputs, seen in the original model's: one alone where all is of one scale.

    Constant columns belong to the part of the smallest scale.
    """
    columns = outputs.shape[-1] if outputs.ndim > 1 else 1
    if columns == 1 or columns > _MOST_COLUMNS:
        return (Part(tuple(range(columns))),)
    flat = outputs.reshape(-1, columns).astype(np.float64)
    runs = _probabilities(flat)
    taken = {column for run in runs for column in run}
    parts = [Part(run, classes=True) for run in runs]
    rest = [column for column in range(columns) if column not in taken]
    scale = flat.std(axis=0)
    group: list[int] = []
    for column in sorted(rest, key=lambda one: float(scale[one])):
        if group and scale[column] > _SAME_SCALE * scale[group[0]] > 0:
            parts.append(Part(tuple(sorted(group))))
            group = []
        group.append(column)
    if group:
        parts.append(Part(tuple(sorted(group))))
    return tuple(sorted(parts, key=lambda part: part.columns[0]))


def _probabilities(flat: np.ndarray) -> list[tuple[int, ...]]:
    """Runs of two or more neighbouring columns, each run probabilities that sum to 1 in every row."""
    columns = flat.shape[1]
    inside = np.asarray(((flat >= -_SUM) & (flat <= 1 + _SUM)).all(axis=0))
    sums = np.concatenate([np.zeros((len(flat), 1)), np.cumsum(flat, axis=1)], axis=1)
    runs: list[tuple[int, ...]] = []
    start = 0
    while start < columns - 1:
        end = start
        while end < columns and inside[end]:
            end += 1
        after = sums[:, start + 2 : end + 1] - sums[:, start : start + 1]
        fits = np.flatnonzero((np.abs(after - 1) < _SUM).all(axis=0)) if end - start >= 2 else ()
        if len(fits):
            last = start + 2 + int(np.max(fits))  # the longest: a one-hot run may be followed by zeros
            varies = flat[:, start:last].std(axis=0).max() > 0
            if varies:
                runs.append(tuple(range(start, last)))
                start = last
                continue
        start += 1
    return runs
