"""Which tokens of a vocabulary stay, and what the unknown token's row becomes.

With `c` (V,) how often the training texts use each token and `E` (V, D) the rows of the embedding tables side
by side, a token whose row goes is read as the unknown token `u` instead. That moves what the model reads by

    cost_t = c_t · ‖E_t - E_u‖²

so the dearest tokens stay. The row that replaces those that went at the least such cost is their mean,

    E_u = (c_u E_u + Σ c_t E_t) / (c_u + Σ c_t)    over the tokens t that went,

which changes nothing where the texts use none of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PADDING, UNKNOWN = 0, 1
"""Token numbers that keep their places."""


def used_tokens(counts: np.ndarray) -> np.ndarray:
    """Numbers of the tokens that texts use, padding and unknown among them, in order."""
    return np.union1d((PADDING, UNKNOWN), np.flatnonzero(counts))


def dearest_tokens(counts: np.ndarray, tables: Sequence[np.ndarray], most: int) -> np.ndarray:
    """Numbers of the `most` tokens whose rows are worth most, in order; padding and unknown are among them.

    Of tokens that cost the same those with the lowest numbers stay, in most vocabularies the frequent ones.

    Args:
        counts: (V,) how often each is used.
        tables: (V, D) rows of each embedding; empty where not rows but counts alone decide.
        most: at least 2.
    """
    cost = counts.astype(np.float64)
    if tables:
        cost = cost * sum(np.square(table - table[UNKNOWN]).sum(axis=1, dtype=np.float64) for table in tables)
    cost[[PADDING, UNKNOWN]] = np.inf
    # A token whose row is the unknown token's costs nothing, and yet comes before those that no text uses.
    ranked = np.lexsort((np.arange(len(cost)), counts == 0, -cost))
    return np.asarray(np.sort(ranked[:most]))


def with_mean_unknown(table: np.ndarray, counts: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The table (V, D) with the mean of the rows that go, weighted by use, as the unknown token's."""
    weights = counts.astype(np.float64)
    weights[np.setdiff1d(kept, (UNKNOWN,))] = 0
    if weights[np.arange(len(weights)) != UNKNOWN].sum() == 0:
        return table
    merged = table.copy()
    merged[UNKNOWN] = np.asarray(weights @ table / weights.sum())
    return np.asarray(merged)
