"""How much a pruned model's outputs differ from the original's, as one number.

Probabilities (not negative, summing to 1 along the last axis): the mean Kullback-Leibler divergence
in nats. Anything else: half the mean squared error relative to the output's variance, or to its mean
square where it does not vary. Outputs add up.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class OutputChange:
    """The divergence of a pruned model's outputs, and the share of the answers that have changed.

    Answers are largest probabilities; `changed` is None where no output is a distribution.
    """

    divergence: float
    changed: float | None = None


def is_distribution(output: np.ndarray) -> bool:
    """Whether the last axis holds probabilities that sum to 1."""
    if output.ndim < 2 or output.shape[-1] < 2 or not np.issubdtype(output.dtype, np.floating):
        return False
    return bool((output >= 0).all() and np.allclose(output.sum(axis=-1, dtype=np.float64), 1, atol=1e-2))


def divergence(reference: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> float:
    """Of all outputs together, the mean over samples."""
    return float(sum(_one(a, b) for a, b in zip(reference, outputs, strict=True)))


def output_change(reference: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> OutputChange:
    """Of all outputs together; answers are the mean over the outputs that are distributions."""
    changed = [
        float(np.mean(a.argmax(axis=-1) != b.argmax(axis=-1)))
        for a, b in zip(reference, outputs, strict=True) if is_distribution(a)
    ]
    return OutputChange(divergence(reference, outputs), float(np.mean(changed)) if changed else None)


def _one(reference: np.ndarray, output: np.ndarray) -> float:
    p, q = np.asarray(reference, np.float64), np.asarray(output, np.float64)
    if is_distribution(reference):
        tiny = 1e-9
        return max(float(np.mean(np.sum(p * (np.log(p + tiny) - np.log(q + tiny)), axis=-1))), 0.0)
    variance, size = float(np.var(p, axis=0).mean()), float(np.mean(p**2))
    if variance <= 1e-12 * size:  # one sample, or an output that is the same for all
        variance = size
    return float(0.5 * np.mean((p - q) ** 2) / max(variance, 1e-12))


def ambiguity(reference: Sequence[np.ndarray]) -> np.ndarray | None:
    """(N,) how undecided the original is about each sample: what a small error can change.

    1 - Σp² + 0.02, averaged over outputs and positions; None where no output is a distribution.
    """
    found = [
        1 - np.sum(np.asarray(one, np.float64) ** 2, axis=-1).reshape(len(one), -1).mean(axis=1)
        for one in reference if is_distribution(one)
    ]
    return np.asarray(0.02 + np.mean(found, axis=0)) if found else None


def entropy(reference: Sequence[np.ndarray]) -> float:
    """Mean entropy of the outputs that are distributions, in nats; 0 where none is."""
    found = [
        -float(np.mean(np.sum(wide * np.log(wide + 1e-9), axis=-1)))
        for wide in (np.asarray(one, np.float64) for one in reference if is_distribution(one))
    ]
    return max(float(np.mean(found)), 0.0) if found else 0.0
