"""Making and measuring one candidate file after another."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from edgeprune.conversion.decision_margin import changed_fraction
from edgeprune.conversion.integer_only import require_integers
from edgeprune.conversion.litert import latency_us, run_tflite
from edgeprune.conversion.options import Attempt, Validation
from edgeprune.conversion.parity import Parity, accuracy_scores, compared, default_kinds
from edgeprune.conversion.scores import (
    Outputs,
    PartScores,
    Scorer,
    as_arrays,
    predicted_classes,
    relative_error,
)
from edgeprune.conversion.values import Converted, Samples
from edgeprune.errors import InputError

Told: TypeAlias = Callable[[str, int, int], None]
"""Called as a candidate is begun, with its name, its number from 1 and how many there will be at most.

Where all that was expected lost too much, there are more.
"""


def unheard(name: str, number: int, of: int) -> None:
    """Nobody listens."""
    del name, number, of


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """A file that was made and measured."""

    name: str
    converted: Converted
    parity: Parity
    scores: PartScores
    lost_points: float  # what counts against the limit
    detail: str  # what there is to say about it
    float_tflite: bytes | None  # the float file that it was made from, if that is not the baseline's
    latency_us: float  # of one call on this machine


class CandidateSet:
    """The candidates so far, and the limit that they must respect."""

    def __init__(
        self, reference: Outputs, validation: Validation, max_drop_points: float,
        names: tuple[str, ...] = (), *, integer_only: bool = False, tell: Told = unheard,
    ) -> None:
        self.candidates: list[Candidate] = []
        self.max_drop_points = max_drop_points
        self.integer_only = integer_only
        self._attempts: list[Attempt | Candidate] = []
        self._tell = tell
        self._begun, self._expected = 0, 0
        self._reference = as_arrays(reference)
        self._validation = validation
        self._kinds = validation.kinds or default_kinds(self._reference)
        scores = validation.scores
        if scores is None and validation.y is not None:
            scores = accuracy_scores(np.asarray(validation.y))
        self.scorer = Scorer(
            self._reference, self._kinds, scores, names, validation.labelled, validation.label_variances
        )

    def expect(self, number: int) -> None:
        """So many candidates come next, at most."""
        self._expected = self._begun + number

    def begin(self, name: str) -> None:
        """Tells what is made next."""
        self._begun += 1
        self._expected = max(self._expected, self._begun)
        self._tell(name, self._begun, self._expected)

    def attempt(
        self, name: str, make: Callable[[], Converted], detail: str = "", float_tflite: bytes | None = None
    ) -> Candidate | None:
        """Makes and measures a file; None, with the reason kept as an attempt, if a route refuses."""
        self.begin(name)
        try:
            converted = make()
            if self.integer_only:
                require_integers(converted.tflite)
            outputs = as_arrays(run_tflite(converted.tflite, self._validation.x))
        except InputError as error:
            self.note(name, str(error))
            return None
        scores = self.scorer.score(outputs)
        found = compared(self._reference, outputs, self._kinds, self.scorer.reference, scores)
        candidate = Candidate(
            name, converted, found, scores, self._lost_points(found, outputs), detail, float_tflite,
            latency_us(converted.tflite, self._validation.x),
        )
        self.candidates.append(candidate)
        self._attempts.append(candidate)
        return candidate

    def note(self, name: str, detail: str) -> None:
        """Records an attempt that made no file."""
        self._attempts.append(Attempt(name, detail=detail, verdict="refused"))

    def samples(self, number: int) -> Samples:
        """The first of the samples that decide."""
        return tuple(np.asarray(array[:number]) for array in self._validation.x)

    def relative_error(self, tflite: bytes, number: int) -> float:
        """Error of the worst part of a file's outputs over the first samples, see `relative_error`."""
        outputs = as_arrays(run_tflite(tflite, self.samples(number)))
        return relative_error(tuple(one[:number] for one in self._reference), outputs, self._kinds)

    def good_enough(self) -> bool:
        """Whether a candidate is within the limit."""
        return any(candidate.lost_points <= self.max_drop_points for candidate in self.candidates)

    def best(self, route: str | None = None) -> Candidate | None:
        """The most accurate candidate, of one route if that is named."""
        compared = [one for one in self.candidates if route is None or one.converted.route == route]
        return min(compared, key=self.accuracy_rank, default=None)

    def accuracy_rank(self, candidate: Candidate) -> tuple[float, float, float, float]:
        """Smaller is better: what is lost beyond the limit, lost parts, predictions, values that differ."""
        found = candidate.parity
        beyond = max(0.0, candidate.lost_points - self.max_drop_points)
        lost = max(0.0, found.drop_fraction) if beyond else 0.0
        return beyond, lost, 1.0 - found.agreement_fraction, found.mean_abs_difference

    def refusals(self) -> list[Attempt]:
        """Attempts that made no file."""
        return [one for one in self._attempts if isinstance(one, Attempt)]

    def attempts(
        self, chosen: Candidate, runners_up: Sequence[Candidate], verdicts: Mapping[Candidate, str],
        latencies_us: Mapping[Candidate, float],
    ) -> tuple[Attempt, ...]:
        """All attempts, in order; verdicts and latencies that decided are by candidate."""
        return tuple(
            one if isinstance(one, Attempt)
            else dataclasses.replace(
                _attempt(one), verdict=verdicts.get(one, ""), chosen=one is chosen,
                latency_us=latencies_us.get(one, one.latency_us),
                runner_up=runners_up.index(one) + 1 if one in runners_up else 0,
            )
            for one in self._attempts
        )

    def _lost_points(self, found: Parity, outputs: tuple[np.ndarray, ...]) -> float:
        """What counts against the limit: of the part that lost most.

        A metric on a few hundred samples jumps by whole samples: one of them is forgiven, but a standard
        error at most. Of some dozens one is worth several times the limit, and none is forgiven. Without
        labels every prediction that changes counts, and how many do in the long run, with two standard errors
        on top: so that another split of this size keeps the limit too.
        """
        if not np.isfinite(found.max_abs_difference):
            return 100.0
        task = self.scorer.reference.of_task
        one_sample = 1 / found.samples
        forgivable = one_sample if 100 * one_sample <= 2 * self.max_drop_points else 0.0
        forgiven = [min(part.standard_error, forgivable) for part in found.parts[:task]]
        lost = [
            max(part.drop - one, min(part.drop, 0.0))
            for part, one in zip(found.parts, forgiven, strict=False)
        ]
        unlabelled = self.scorer.unlabelled_classes
        lost += [part.drop for part in found.parts[task + len(unlabelled) :]]
        lost += [self._changed(self._reference[one], outputs[one], found.samples) for one in unlabelled]
        return 100 * max(lost, default=0.0)

    @staticmethod
    def _changed(reference: np.ndarray, deployed: np.ndarray, samples: int) -> float:
        changed = changed_fraction(reference, deployed)
        counted = float(np.mean(predicted_classes(reference) != predicted_classes(deployed)))
        # Of a few hundred the count is mostly chance; it decides where it is surely above the estimate.
        changed = max(changed, counted - 2 * math.sqrt(counted / samples))
        return changed + 2 * math.sqrt(changed / samples)


def _attempt(one: Candidate) -> Attempt:
    found, drop = one.parity, 100 * one.parity.drop_fraction
    return Attempt(
        one.name, one.converted.route, len(one.converted.tflite), one.latency_us, drop, found.worst.name,
        None if one.lost_points == drop else one.lost_points, found.agreement_fraction,
        found.mean_abs_difference, one.detail,
    )
