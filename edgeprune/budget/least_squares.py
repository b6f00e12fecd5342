"""Least squares with a prior and without negative coefficients.

    minimise  Σ_i w_i (y_i - a_i·θ)² + Σ_j ((θ_j - prior_j) / spread_j)²    subject to  θ ≥ 0

The prior makes it strictly convex, so that there is one answer; it is found by the active set method
of Lawson & Hanson (1974, chapter 23).
"""

import numpy as np

_STEPS_PER_COEFFICIENT = 3


def solve_bounded(
    rows: np.ndarray, wanted: np.ndarray, weights: np.ndarray, prior: np.ndarray, spread: np.ndarray
) -> np.ndarray:
    """(P,) the coefficients.

    Args:
        rows: (N, P), one observation a row.
        wanted: (N,) what each row should give.
        weights: (N,) one over the variance of each.
        prior: (P,) the coefficients without observations; not negative.
        spread: (P,) standard deviation of each prior, above 0.
    """
    # In units of the spread all coefficients are of one size.
    scaled = rows * spread
    gram = (scaled * weights[:, None]).T @ scaled + np.eye(len(prior))
    target = scaled.T @ (weights * wanted) + prior / spread
    found = np.maximum(prior / spread, 0.0)
    free = found > 0
    for _ in range(_STEPS_PER_COEFFICIENT * len(prior) + 10):
        best = np.zeros(len(prior))
        best[free] = np.linalg.solve(gram[np.ix_(free, free)], target[free])
        below = free & (best < 0)
        if below.any():
            share = np.min(found[below] / np.maximum(found[below] - best[below], 1e-300))
            found = found + share * (best - found)
            free &= ~(below & (found <= 1e-12 * np.abs(best).max()))
            found[~free] = 0.0
            continue
        found = best
        pull = target - gram @ found
        waiting = ~free & (pull > 1e-9 * np.abs(target).max())
        if not waiting.any():
            break
        free[int(np.argmax(np.where(waiting, pull, -np.inf)))] = True
    return np.asarray(found * spread)


def left_out_error(
    rows: np.ndarray, wanted: np.ndarray, weights: np.ndarray, prior: np.ndarray, spread: np.ndarray
) -> np.ndarray:
    """(N,) the error of predicting each observation from the others, without the bound.

    The errors of leave-one-out follow from those of the fit and the leverages h: e / (1 - h).
    """
    root = np.sqrt(weights)
    scaled = rows * root[:, None] * spread[None, :]
    inside = np.linalg.solve(np.eye(scaled.shape[1]) + scaled.T @ scaled, scaled.T)
    hat = scaled @ inside
    rest = (wanted - rows @ prior) * root
    missed = rest - hat @ rest
    return np.asarray(missed / np.maximum(1 - np.diag(hat), 1e-6) / root)
