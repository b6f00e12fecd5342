"""Least squares fits T ≈ Y·S + c, in the forms that refitting a layer needs.

    Y (n, R) what the pruned network feeds the layer, T (n, O) what the layer should give

Rows may carry weights. The constant c is never penalised.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from edgeprune.pruning.activation_statistics import Moments
from edgeprune.pruning.relu_targets import ReluTarget

RELU_ROUNDS = 3
MOMENTS_RIDGE = 1e-4


@dataclasses.dataclass(frozen=True)
class Fit:
    """Y·S + c, with S (R, O) and c (O,).

    `left_out` (n, O) is what fits without a row say about that row; None where they would say the same.
    """

    matrix: np.ndarray
    constant: np.ndarray
    left_out: np.ndarray | None = None

    def predict(self, y: np.ndarray) -> np.ndarray:
        """Y·S + c."""
        return np.asarray(y @ self.matrix + self.constant)


def ridge(
    y: np.ndarray, t: np.ndarray, strength: float, *, constant: bool = True, relu: ReluTarget | None = None
) -> Fit:
    """Ridge regression on many rows; c is 0 if not `constant`.

    The penalty's strength is relative to the mean variance of Y's columns. `relu` tells which part of T a
    ReLU throws away; there any prediction on that side is as good, so T is moved to it, and the fit repeated.
    """
    if constant:
        mean, level = y.mean(axis=0), t.mean(axis=0)
    else:
        mean, level = np.zeros(y.shape[1], y.dtype), np.zeros(t.shape[1], t.dtype)
    centred = y - mean
    gram = (centred.T @ centred).astype(np.float64)
    gram[np.diag_indices(len(gram))] += strength * max(float(np.trace(gram)) / len(gram), 1e-12)
    inverse = np.linalg.inv(gram)

    def solve(wanted: np.ndarray, mean_t: np.ndarray) -> Fit:
        matrix = inverse @ (centred.T @ (wanted - mean_t)).astype(np.float64)
        return Fit(matrix, mean_t - mean @ matrix)

    fit = solve(t, level)
    if relu is None:
        return fit
    for _ in range(RELU_ROUNDS):
        predicted = y @ fit.matrix.astype(y.dtype)
        predicted += fit.constant.astype(y.dtype)
        wanted = relu.relaxed(t, predicted)
        fit = solve(wanted, wanted.mean(axis=0) if constant else level)
    return fit


def cautious_ridge(
    y: np.ndarray, t: np.ndarray, weights: np.ndarray, *, constant: bool = True,
    judged: np.ndarray | None = None,
) -> Fit:
    """Ridge regression on few rows: the penalty is chosen by leaving one row out, in closed form.

    Works on the nxn matrix Y·Yᵀ, so R may be large. With its eigenvalues e and vectors U,
    hat values h = Σ U² e/(e+λ) (plus the row's share in c), left-out errors (T - T̂)/(1 - h). Those of the
    columns `judged` (O,) choose the penalty, None for all. Rows have weights (n,); c is 0 if not `constant`.
    """
    judged = np.ones(t.shape[1], bool) if judged is None else judged
    share = weights / weights.sum()
    root = np.sqrt(weights / weights.mean())[:, None]
    mean = share @ y if constant else np.zeros(y.shape[1])
    level = share @ t if constant else np.zeros(t.shape[1])
    rows, wanted = (y - mean) * root, (t - level) * root
    values, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    values = np.maximum(values, 0)
    turned = vectors.T @ wanted

    def errors(penalty: float) -> np.ndarray:
        shrink = values / (values + penalty)
        hat = (vectors**2) @ shrink + (share if constant else 0)
        return np.asarray(
            vectors @ (turned * (1 - shrink)[:, None]) / (1 - np.minimum(hat, 1 - 1e-6))[:, None]
        )

    best: tuple[float, float] = (float(np.mean(wanted[:, judged] ** 2)), np.inf)
    for penalty in max(values[-1], 1e-12) * np.logspace(-6, 1, 15):
        best = min(best, (float(np.mean(errors(penalty)[:, judged] ** 2)), float(penalty)))
    if np.isinf(best[1]):
        return Fit(np.zeros((y.shape[1], t.shape[1])), level)
    matrix = rows.T @ (vectors @ ((1 / (values + best[1]))[:, None] * turned))
    return Fit(matrix, level - mean @ matrix, t - errors(best[1]) / root)


def compensated(moments: Sequence[Moments], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W (R, O) with zeros in the rows that go, False in `rows`, and what is added to the bias (O,).

    This refits a kernel from its moments alone, those of every call that uses it, without any data. With
    covariance S and mean m of all rows, K the rows that stay, the kept ones stand in for all by

        x ≈ m + (x_K - m_K)·A,   A = (S_KK + λI)⁻¹·S_K:        so W_K := A·W,   b := b + (m - m_K·A)·W
    """
    first, total = moments[0], sum(one.samples for one in moments)
    shares = [one.samples / total for one in moments]
    mean = np.sum([share * one.mean for share, one in zip(shares, moments, strict=True)], axis=0)
    covariance = np.zeros_like(first.covariance)
    for share, one in zip(shares, moments, strict=True):
        covariance += share * (one.covariance + np.outer(one.mean - mean, one.mean - mean))
    ridge = MOMENTS_RIDGE * max(float(np.trace(covariance)) / len(covariance), 1e-12)
    kept = covariance[np.ix_(rows, rows)] + ridge * np.eye(int(rows.sum()))
    mapped = np.linalg.solve(kept, covariance[rows])
    matrix = np.zeros_like(first.matrix)
    matrix[rows] = mapped @ first.matrix
    moved = (mean - mean[rows] @ mapped) @ first.matrix
    if first.pooling is None:
        return matrix, moved
    matrix = first.pooling.unpooled(matrix)
    return matrix, moved.reshape(-1, matrix.shape[1]).sum(axis=0)
