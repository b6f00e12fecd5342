"""Which candidates to measure: few, so that every group is seen at several widths, beside others'.

Some uniform ones show how latency falls as a whole. In the rest every group is narrowed at once, by
a Latin hypercube: each group's widths are spread evenly over the candidates in a random order of its
own, so that one file tells about all groups, and a least-squares fit tells them apart.
"""

from __future__ import annotations

import numpy as np

NARROWEST = 0.2
UNIFORM = (0.85, 0.7, 0.55, 0.4, 0.25)


def design(full: np.ndarray, least: np.ndarray, number: int, seed: int) -> np.ndarray:
    """(N, G) kept counts of the candidates, each once.

    Args:
        full: (G,) units of each group.
        least: (G,) fewest that may stay.
        number: of candidates in which groups differ.
        seed: of the random orders.
    """
    random = np.random.default_rng(seed)
    strata = np.array([random.permutation(number) for _ in full]).T if len(full) else np.zeros((number, 0))
    shares = NARROWEST + (1 - NARROWEST) * (strata + random.random(strata.shape)) / max(number, 1)
    uniform = np.repeat(np.array(UNIFORM)[:, None], len(full), axis=1)
    counts = np.rint(np.concatenate([uniform, shares]) * full).astype(int)
    counts = np.clip(counts, least, full)
    _, first = np.unique(counts, axis=0, return_index=True)
    return np.asarray(counts[np.sort(first)])


def candidates(groups: int) -> int:
    """How many candidates in which groups differ tell about so many groups."""
    return int(np.clip(groups, 8, 24))
