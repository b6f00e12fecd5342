"""Does the shipped `.tflite` do what the float model does?"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from edgeprune.conversion.scores import (
    VARIANCE,
    OutputKind,
    Outputs,
    PartScores,
    Scorer,
    Scores,
    as_arrays,
    column_errors,
    predicted_classes,
)
from edgeprune.errors import VerificationError

_WAY_OUT = "Raise --max-quantization-drop, use --qat, or --quantize {}."
_OTHERS = {"int8": "int16x8, dynamic or float16", "int16x8": "dynamic or float16", "dynamic": "float16"}


@dataclasses.dataclass(frozen=True)
class PartParity:
    """One part that is judged by itself: the scores of the float model and of the file."""

    name: str  # such as "accuracy", "box/r2" or "variance of column 3"
    reference: float
    deployed: float
    standard_error: float = 0.0  # of the drop

    @property
    def drop(self) -> float:
        """What was lost, as a fraction; everything where it is no number."""
        found = self.reference - self.deployed
        return found if math.isfinite(found) else 1.0


    def left_open(self, limit: float) -> float:
        """What the number of samples leaves open beside a limit."""
        open_at_all = 2 * self.standard_error
        return min(open_at_all, limit / 2) if VARIANCE in self.name.rpartition("/")[2] else open_at_all


@dataclasses.dataclass(frozen=True)
class Parity:
    """How a deployed model compares with its float reference on the same samples.

    `agreement_fraction` is of samples (or tokens), for which the first output predicts the same class; for
    outputs that are no classes, of its variance, that the deployed outputs explain. Differences are of output
    values. `parts` are the task's scores and, where an output holds values or there are no labels, how near
    each column comes to the float model; see `edgeprune.conversion.scores`.
    """

    agreement_fraction: float
    max_abs_difference: float
    mean_abs_difference: float
    samples: int
    parts: tuple[PartParity, ...] = ()
    reference_metric: float | None = None  # the task's first score
    deployed_metric: float | None = None

    @property
    def metric_drop_fraction(self) -> float:
        """What the first output lost: of the metric, or of agreement where there is no metric."""
        if self.reference_metric is None or self.deployed_metric is None:
            return 1.0 - self.agreement_fraction
        return self.reference_metric - self.deployed_metric

    @property
    def worst(self) -> PartParity:
        """The part that lost most."""
        return max(self.parts, key=lambda part: part.drop)

    @property
    def drop_fraction(self) -> float:
        """What is lost, of the part that lost most; everything, where an output is not finite."""
        if not np.isfinite(self.max_abs_difference):
            return 1.0
        return self.worst.drop

    def require(self, max_drop_points: float, mode: str = "int8", tried: str = "") -> None:
        """Stops a build whose deployed model lost too much; 0.5 points are half a percent.

        Each part may lose that and what the number of samples leaves open: two standard errors. A column's
        variance does not jump by whole samples: what is left open is at most half as much.

        Args:
            max_drop_points: what may be lost.
            mode: of quantization, for the way out.
            tried: what was tried to lose less, a sentence.

        Raises:
            VerificationError: more was lost, or an output is not finite.
        """
        if not np.isfinite(self.max_abs_difference):
            raise VerificationError(
                "The .tflite gives outputs that are not finite.",
                f"Nearly the float model's outputs are expected.{tried}",
                "Look for NaN in the weights, or use --quantize none.",
            )
        limit = max_drop_points / 100
        beyond = [part for part in self.parts if part.drop > limit + part.left_open(limit)]
        if beyond:
            worst = max(beyond, key=lambda part: part.drop)
            noise = 100 * worst.left_open(limit)
            raise VerificationError(
                f"The .tflite loses {100 * worst.drop:.2f} points of {worst.name} against the float model.",
                f"At most {max_drop_points:g}, and {noise:.2f} as there are {self.samples} samples.{tried}",
                _WAY_OUT.format(_OTHERS.get(mode, "none")),
            )


def parity(
    reference: Outputs | npt.ArrayLike, deployed: Outputs | npt.ArrayLike, y: npt.ArrayLike | None = None,
    scores: Scores | None = None, *, kinds: tuple[OutputKind, ...] | None = None,
    labelled: tuple[bool, ...] | None = None, names: tuple[str, ...] = (),
    label_variances: tuple[np.ndarray | None, ...] = (),
) -> Parity:
    """Compares outputs of the float model and of the `.tflite` for the same samples.

    `y` are class numbers of the first output, -1 where nothing counts; they give accuracy where `scores` is
    None. `kinds` are those of the outputs: by default the first holds classes, others values. `labelled`
    tells which outputs the scores judge: by default the first. Other classes are judged by agreement.
    `label_variances` (C,) are those of the columns of each output's labels, None where it has none.
    """
    exact, found = as_arrays(reference), as_arrays(deployed)
    kinds = kinds or default_kinds(exact)
    if scores is None and y is not None:
        scores = accuracy_scores(np.asarray(y))
    scorer = Scorer(exact, kinds, scores, names, labelled, label_variances)
    return compared(exact, found, kinds, scorer.reference, scorer.score(found))


def compared(
    reference: tuple[np.ndarray, ...], deployed: tuple[np.ndarray, ...], kinds: tuple[OutputKind, ...],
    before: PartScores, after: PartScores,
) -> Parity:
    """`parity` of outputs that were scored; those of random numbers are left out."""
    judged = [number for number, kind in enumerate(kinds) if kind != "random"]
    differences = [np.abs(deployed[one].astype(np.float64) - reference[one]) for one in judged]
    first = judged[0]
    if kinds[first] == "classes":
        agreement = float(np.mean(predicted_classes(reference[first]) == predicted_classes(deployed[first])))
    else:
        lost, total = column_errors(reference[first], deployed[first])
        agreement = 1.0 - float(lost.sum() / max(total.sum(), float(np.finfo(np.float32).tiny)))
    _, errors = after.drops_from(before)
    parts = tuple(
        PartParity(name, float(old), float(new), float(error))
        for name, old, new, error in zip(before.names, before.of_all, after.of_all, errors, strict=True)
    )
    return Parity(
        agreement_fraction=agreement,
        max_abs_difference=float(max(difference.max() for difference in differences)),
        mean_abs_difference=float(np.concatenate([part.ravel() for part in differences]).mean()),
        samples=len(reference[0]), parts=parts,
        reference_metric=parts[0].reference if after.of_task else None,
        deployed_metric=parts[0].deployed if after.of_task else None,
    )


def default_kinds(outputs: tuple[np.ndarray, ...]) -> tuple[OutputKind, ...]:
    """Classes in the first output, values in the others."""
    others: list[OutputKind] = ["values"] * (len(outputs) - 1)
    return ("classes", *others)


def accuracy_scores(y: np.ndarray) -> Scores:
    """Accuracy of the first output; y are class numbers, -1 where nothing counts."""

    def scores(outputs: tuple[np.ndarray, ...], rows: npt.NDArray[np.intp]) -> dict[str, float]:
        wanted = y[rows]
        right = predicted_classes(outputs[0]).reshape(wanted.shape) == wanted
        counted = wanted >= 0
        return {"accuracy": float(right[counted].mean()) if counted.any() else 0.0}

    return scores
