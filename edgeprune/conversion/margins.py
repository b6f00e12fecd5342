"""How many answers errors of a given size change, from few samples.

Counting them says little: of 300 answers none to three change where one percent does in the long run. An
answer changes where the error is larger than its margin, the distance between the best and the second
class. Errors of logits are about as large for certain answers as for close ones, so every margin meets
every error: n samples give n² pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

_SMALLEST = 1e-7


def changed_fraction(reference: npt.NDArray[Any], deployed: npt.NDArray[Any]) -> float:
    """Share of answers that differ in the long run.

    Args:
        reference: probabilities or logits, classes last; one score, an answer above 0.5, may stand alone.
        deployed: of the other model for the same samples.
    """
    exact, found = _logits(reference), _logits(deployed)
    rows = np.arange(len(exact))
    best = exact.argmax(axis=-1)
    margins = exact[rows, best] - _without(exact, best).max(axis=-1)
    errors = found[rows, best] - _without(found, best).max(axis=-1) - margins
    below = np.searchsorted(np.sort(margins), -errors, side="left")
    return float(below.mean() / len(margins))


def _without(logits: npt.NDArray[Any], best: npt.NDArray[Any]) -> npt.NDArray[Any]:
    others: npt.NDArray[Any] = logits.copy()
    others[np.arange(len(others)), best] = -np.inf
    return others


def _logits(outputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Shaped (answers, classes): what is added to, where probabilities are multiplied."""
    values = np.asarray(outputs, np.float64)
    if values.ndim == 1 or values.shape[-1] == 1:
        score = values.reshape(-1, 1)
        values = np.concatenate([score, 1 - score], axis=1)
    values = values.reshape(-1, values.shape[-1])
    likely = values.min() >= 0 and np.allclose(values.sum(axis=-1), 1, atol=0.02)
    logits: npt.NDArray[Any] = np.log(np.maximum(values, _SMALLEST)) if likely else values
    return logits
