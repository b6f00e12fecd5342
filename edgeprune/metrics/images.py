"""Metrics between pictures: what a denoiser or a super-resolution model gives, and what it should give.

Both are (N, H, W, C) or (N, H, W); L is the range of values, seen on the labels: 1 for 0..1, 2 for -1..1, 255
for 8 bits.

    PSNR = 10 log10(L² / mean squared error)            at most 100 dB, which a perfect picture gets
    SSIM = (2 mx my + c1) (2 cov + c2) / ((mx² + my² + c1) (vx + vy + c2))    c1 = (0.01 L)², c2 = (0.03 L)²

with means m, variances v and the covariance over windows of 7 x 7 pixels that lie inside the picture (Wang et
al. 2004). Both are means over pictures.
"""

from __future__ import annotations

import numpy as np

from edgeprune.errors import InputError
from edgeprune.metrics.evaluation import Evaluation, scalar_metric

_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (0.0, 65535.0))
_REACHED = 0.1  # of the range of 8 or 16 bits, by the brightest value
_PERFECT_DB = 100.0
_WINDOW = 7


def value_range(truth: np.ndarray) -> float:
    """The range of values that pictures like `truth` have; what they span where it is no usual one."""
    low, high = (float(truth.min()), float(truth.max())) if truth.size else (0.0, 1.0)
    margin = 1e-3
    for least, most in _RANGES:
        # Depths of some metres are no pictures of 8 bits.
        reached = most <= 1 or high > _REACHED * most
        if low >= least - margin and high <= most + margin and reached:
            return most - least
    return high - low


def _pictures(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    truth = evaluation.y_true
    if truth.ndim not in (3, 4) or evaluation.outputs.size != truth.size:
        raise InputError(
            f"Labels of the shape {truth.shape} and outputs of {evaluation.outputs.shape} are no pictures.",
            "Expected (N, height, width, channels) for both.", "Choose another metric.",
        )
    truth = truth if truth.ndim == 4 else truth[..., None]
    return truth, evaluation.outputs.reshape(truth.shape)


def psnr(evaluation: Evaluation) -> float:
    """Mean peak signal-to-noise ratio in decibels."""
    truth, found = _pictures(evaluation)
    span = value_range(truth)
    errors = [np.square(x.astype(np.float64) - y).mean() for x, y in zip(truth, found)]
    least = span**2 / 10 ** (_PERFECT_DB / 10)
    return float(np.mean([10 * np.log10(span**2 / max(error, least)) for error in errors])) if errors else 0.0


def ssim(evaluation: Evaluation) -> float:
    """Mean structural similarity."""
    truth, found = _pictures(evaluation)
    span = value_range(truth)
    each = [_ssim(x.astype(np.float64), y.astype(np.float64), span) for x, y in zip(truth, found)]
    return float(np.mean(each)) if each else 0.0


def _ssim(x: np.ndarray, y: np.ndarray, span: float) -> float:
    size = min(_WINDOW, *(side - 1 + side % 2 for side in x.shape[:2]))
    mean_x, mean_y = _window_means(x, size), _window_means(y, size)
    sample = size**2 / max(size**2 - 1, 1)
    var_x = sample * (_window_means(x * x, size) - mean_x**2)
    var_y = sample * (_window_means(y * y, size) - mean_y**2)
    both = sample * (_window_means(x * y, size) - mean_x * mean_y)
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    above = (2 * mean_x * mean_y + c1) * (2 * both + c2)
    below = (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return float(np.divide(above, below, out=np.ones_like(above), where=below > 0).mean())


def _window_means(picture: np.ndarray, size: int) -> np.ndarray:
    """(H - size + 1, W - size + 1, C) means over windows of (H, W, C)."""
    sums = np.pad(picture, ((1, 0), (1, 0), (0, 0))).cumsum(axis=0).cumsum(axis=1)
    inside = sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
    return np.asarray(inside / size**2)


METRICS = (
    scalar_metric("psnr", "Peak signal-to-noise ratio.", psnr, unit="dB"),
    scalar_metric("ssim", "Structural similarity, at most 1.", ssim, unit="value"),
)
