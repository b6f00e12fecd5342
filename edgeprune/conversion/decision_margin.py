"""How many predicted classes errors of a given size change, from few samples.

Counting them says little: of 300 predictions none to three change where one percent does in the long run.
A prediction changes where the error is larger than its margin, the distance between the best and the second
class. Errors of logits are about as large for certain predictions as for close ones, so every margin meets
every error: n samples give n² pairs.
"""

from __future__ import annotations

import numpy as np

_SMALLEST = 1e-7


def changed_fraction(reference: np.ndarray, deployed: np.ndarray) -> float:
    """Fraction of predicted classes that differ in the long run.

    Both models give probabilities or logits, classes last, or one score, which predicts by 0.5.
    """
    exact, found = _logits(reference), _logits(deployed)
    rows = np.arange(len(exact))
    best = exact.argmax(axis=-1)
    margin = exact[rows, best] - _without(exact, best).max(axis=-1)
    errors = found[rows, best] - _without(found, best).max(axis=-1) - margin
    below = np.searchsorted(np.sort(margin), -errors, side="left")
    return float(below.mean() / len(margin))


def _without(logits: np.ndarray, best: np.ndarray) -> np.ndarray:
    others: np.ndarray = logits.copy()
    others[np.arange(len(others)), best] = -np.inf
    return others


def _logits(outputs: np.ndarray) -> np.ndarray:
    """(predictions, classes): values that errors are added to, where probabilities are multiplied."""
    values = np.asarray(outputs, np.float64)
    if values.ndim == 1 or values.shape[-1] == 1:
        score = values.reshape(-1, 1)
        values = np.concatenate([score, 1 - score], axis=1)
    values = values.reshape(-1, values.shape[-1])
    likely = values.min() >= 0 and np.allclose(values.sum(axis=-1), 1, atol=0.02)
    return np.log(np.maximum(values, _SMALLEST)) if likely else values
