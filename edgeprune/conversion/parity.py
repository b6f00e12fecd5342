"""Does the shipped `.tflite` do what the float model does?"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edgeprune.errors import VerificationError

Outputs = np.ndarray | tuple[np.ndarray, ...]
"""Samples first; a tuple for a model with several outputs. The task's metric is of the first."""

Score = Callable[[Outputs], float]
"""The task's own metric of outputs for the samples at hand, as a fraction; higher is better."""

_CONSTANT = 1e-9


@dataclasses.dataclass(frozen=True)
class Parity:
    """How a deployed model compares with its float reference on the same samples.

    `agreement_fraction` is of samples (or tokens), that predict the same class; for outputs that are no
    classes, of the reference's variance, that the deployed outputs explain. `others_fraction` is the variance
    explained of the worst of the model's other outputs, if it has any. Differences are of output values.
    """

    agreement_fraction: float
    max_abs_difference: float
    mean_abs_difference: float
    samples: int
    others_fraction: float | None = None
    reference_metric: float | None = None
    deployed_metric: float | None = None

    @property
    def metric_drop_fraction(self) -> float:
        """What the first output lost: of the metric, or of agreement where there is no metric."""
        if self.reference_metric is None or self.deployed_metric is None:
            return 1.0 - self.agreement_fraction
        return self.reference_metric - self.deployed_metric

    @property
    def drop_fraction(self) -> float:
        """What is lost, of the output that lost most; everything, where an output is not finite."""
        if not np.isfinite(self.max_abs_difference):
            return 1.0
        others = 1.0 if self.others_fraction is None else self.others_fraction
        return max(self.metric_drop_fraction, 1.0 - others)

    @property
    def noise_points(self) -> float:
        """What the number of samples leaves open, in points: two standard errors.

        Two models that differ on a fraction d of n samples differ in accuracy by 0 ± sqrt(d / n) by chance,
        and d itself is uncertain by as much.
        """
        return 200 * math.sqrt(max(1 - self.agreement_fraction, 0) / max(self.samples, 1))

    def require(self, max_drop_points: float) -> None:
        """Stops a build whose deployed model lost too much; 0.5 points are half a percent.

        Raises:
            VerificationError: more was lost, or an output is not finite.
        """
        if not np.isfinite(self.max_abs_difference):
            raise VerificationError(
                "The .tflite gives outputs that are not finite.", "The float model's outputs, nearly.",
                "Look for NaN in the weights, or use --quantize none.",
            )
        if 100 * self.drop_fraction > max_drop_points:
            what = "agreement" if self.reference_metric is None else "the metric"
            if self.drop_fraction > self.metric_drop_fraction:
                what = "the variance of an output after the first"
            raise VerificationError(
                f"The .tflite loses {100 * self.drop_fraction:.2f} points of {what} against the float model.",
                f"At most {max_drop_points:g} were allowed.",
                "Raise --max-quantization-drop, use --qat, or --quantize int16x8, dynamic or float16.",
            )


def parity(
    reference: Outputs | npt.ArrayLike, deployed: Outputs | npt.ArrayLike, y: npt.ArrayLike | None = None,
    score: Score | None = None, *, classes: bool = True,
) -> Parity:
    """Compares outputs of the float model and of the `.tflite` for the same samples.

    `y` are class numbers, -1 where nothing counts; they give accuracy where `score` is None. `classes` tells
    whether the first output's last axis holds classes (or one score above 0.5).
    """
    ours, theirs = as_arrays(deployed), as_arrays(reference)
    differences = [np.abs(a.astype(np.float64) - b) for a, b in zip(ours, theirs, strict=True)]
    if score is None and y is not None:
        score = _accuracy(np.asarray(y))
    same = predicted_classes(theirs[0]) == predicted_classes(ours[0]) if classes else None
    metrics = [score(one[0] if len(one) == 1 else one) if score else None for one in (theirs, ours)]
    return Parity(
        agreement_fraction=_explained(theirs[0], ours[0]) if same is None else float(np.mean(same)),
        others_fraction=min(map(_explained, theirs[1:], ours[1:]), default=None),
        max_abs_difference=float(max(difference.max() for difference in differences)),
        mean_abs_difference=float(np.concatenate([part.ravel() for part in differences]).mean()),
        samples=len(theirs[0]), reference_metric=metrics[0], deployed_metric=metrics[1],
    )


def predicted_classes(outputs: np.ndarray) -> np.ndarray:
    """Class numbers: argmax of the last axis, or whether a single score is above 0.5."""
    if outputs.ndim == 1 or outputs.shape[-1] == 1:
        return outputs.reshape(len(outputs), -1) > 0.5
    return np.asarray(outputs.argmax(axis=-1))


def as_arrays(outputs: Outputs | npt.ArrayLike) -> tuple[np.ndarray, ...]:
    """One output or more, as a tuple."""
    many = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    return tuple(map(np.asarray, many))


def _explained(reference: np.ndarray, deployed: np.ndarray) -> float:
    """Fraction of the reference's variance; of its squares where it is the same for every sample."""
    exact = reference.astype(np.float64)
    spread, squares = float(np.square(exact - exact.mean(axis=0)).sum()), float(np.square(exact).sum())
    total = spread if spread > _CONSTANT * squares else squares
    return 1.0 - float(np.square(exact - deployed).sum()) / max(total, float(np.finfo(np.float32).tiny))


def _accuracy(y: np.ndarray) -> Score:
    counted = y >= 0

    def score(outputs: Outputs) -> float:
        right = predicted_classes(as_arrays(outputs)[0]).reshape(y.shape) == y
        return float(right[counted].mean())

    return score
