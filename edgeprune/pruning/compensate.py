"""The least-squares refit of a read from its moments alone, without looking at any data again.

With covariance S and mean m of all rows, K the rows that stay, the kept ones stand in for all by

    x ≈ m + (x_K - m_K)·A,   A = (S_KK + λI)⁻¹·S_K:        so W_K := A·W,   b := b + (m - m_K·A)·W
"""

from collections.abc import Sequence

import numpy as np

from edgeprune.pruning.activation_statistics import Moments

RIDGE = 1e-4


def compensated(moments: Sequence[Moments], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W (R, O) with zeros in the rows that go, False in `rows`, and what is added to the bias (O,).

    The moments are those of every call that uses the kernel, one for most.
    """
    first, total = moments[0], sum(one.samples for one in moments)
    shares = [one.samples / total for one in moments]
    mean = np.sum([share * one.mean for share, one in zip(shares, moments, strict=True)], axis=0)
    covariance = np.zeros_like(first.covariance)
    for share, one in zip(shares, moments, strict=True):
        covariance += share * (one.covariance + np.outer(one.mean - mean, one.mean - mean))
    ridge = RIDGE * max(float(np.trace(covariance)) / len(covariance), 1e-12)
    kept = covariance[np.ix_(rows, rows)] + ridge * np.eye(int(rows.sum()))
    mapped = np.linalg.solve(kept, covariance[rows])
    matrix = np.zeros_like(first.matrix)
    matrix[rows] = mapped @ first.matrix
    moved = (mean - mean[rows] @ mapped) @ first.matrix
    if first.pooling is None:
        return matrix, moved
    matrix = first.pooling.unpooled(matrix)
    return matrix, moved.reshape(-1, matrix.shape[1]).sum(axis=0)
