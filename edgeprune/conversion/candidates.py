"""Making and measuring one candidate file after another."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from edgeprune.conversion.decision_margin import changed_fraction
from edgeprune.conversion.litert import latency_us, run_tflite
from edgeprune.conversion.options import Attempt, Validation
from edgeprune.conversion.parity import Outputs, Parity, as_arrays, parity
from edgeprune.conversion.values import Converted, Samples
from edgeprune.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """A file that was made and measured."""

    name: str
    converted: Converted
    parity: Parity
    lost_points: float  # what counts against the limit
    detail: str  # what there is to say about it
    float_tflite: bytes | None  # the float file that it was made from, if that is not the baseline's


class CandidateSet:
    """The candidates so far, and the limit that they must respect."""

    def __init__(self, reference: Outputs, validation: Validation, max_drop_points: float) -> None:
        self.candidates: list[Candidate] = []
        self._attempts: list[Attempt] = []
        self._reference = reference
        self._validation = validation
        self._max_drop_points = max_drop_points

    def attempt(
        self, name: str, make: Callable[[], Converted], detail: str = "", float_tflite: bytes | None = None
    ) -> Candidate | None:
        """Makes and measures a file; None, with the reason kept as an attempt, if a route refuses."""
        validation = self._validation
        try:
            converted = make()
            outputs = run_tflite(converted.tflite, validation.x)
        except InputError as error:
            self.note(name, str(error))
            return None
        found = parity(self._reference, outputs, validation.y, validation.score, classes=validation.classes)
        lost = self._lost_points(found, outputs)
        candidate = Candidate(name, converted, found, lost, detail, float_tflite)
        self.candidates.append(candidate)
        self._attempts.append(
            Attempt(
                name, converted.route, len(converted.tflite), latency_us(converted.tflite, validation.x),
                100 * found.drop_fraction, lost if self._counts_changes(found) else None,
                found.agreement_fraction, found.mean_abs_difference, detail,
            )
        )
        return candidate

    def note(self, name: str, detail: str) -> None:
        """Records an attempt that made no file."""
        self._attempts.append(Attempt(name, detail=detail))

    def samples(self, number: int) -> Samples:
        """The first of the samples that decide."""
        return tuple(np.asarray(array[:number]) for array in self._validation.x)

    def scatter(self, tflite: bytes, number: int) -> float:
        """Mean absolute difference of a file's outputs from the reference's, over the first samples.

        Without what is the same for every sample: correcting a bias takes that away.
        """
        outputs = run_tflite(tflite, self.samples(number))
        pairs = zip(as_arrays(outputs), as_arrays(self._reference), strict=True)
        differences = [ours - exact[:number] for ours, exact in pairs]
        return float(np.mean([np.abs(one - one.mean(axis=0)).mean() for one in differences]))

    def good_enough(self) -> bool:
        """Whether a candidate is within the limit."""
        return any(candidate.lost_points <= self._max_drop_points for candidate in self.candidates)

    def best(self, route: str | None = None) -> Candidate | None:
        """The best candidate, of one route if that is named."""
        compared = [one for one in self.candidates if route is None or one.converted.route == route]
        return min(compared, key=self._rank, default=None)

    def refusals(self) -> list[Attempt]:
        """Attempts that made no file."""
        return [attempt for attempt in self._attempts if attempt.route is None]

    def attempts(self, chosen: Candidate) -> tuple[Attempt, ...]:
        """All attempts, in order, with the chosen one marked."""
        mark = (chosen.name, chosen.converted.route)
        return tuple(dataclasses.replace(one, chosen=(one.name, one.route) == mark) for one in self._attempts)

    def _rank(self, candidate: Candidate) -> tuple[float, float, float]:
        """Smaller is better: what is lost beyond the limit, predictions that differ, values that differ."""
        found = candidate.parity
        beyond = max(0.0, candidate.lost_points - self._max_drop_points)
        return beyond, 1.0 - found.agreement_fraction, found.mean_abs_difference

    def _counts_changes(self, found: Parity) -> bool:
        return self._validation.classes and found.reference_metric is None

    def _lost_points(self, found: Parity, outputs: Outputs) -> float:
        """What counts against the limit.

        Without labels every prediction that changes counts, and how many do in the long run, with two
        standard errors on top: so that another split of this size keeps the limit too.
        """
        if not self._counts_changes(found) or not np.isfinite(found.max_abs_difference):
            return 100 * found.drop_fraction
        changed = changed_fraction(as_arrays(self._reference)[0], as_arrays(outputs)[0])
        counted = 1 - found.agreement_fraction
        # Of a few hundred the count is mostly chance; it decides where it is surely above the estimate.
        changed = max(changed, counted - 2 * math.sqrt(counted / found.samples))
        others = 0.0 if found.others_fraction is None else 1 - found.others_fraction
        return 100 * max(changed + 2 * math.sqrt(changed / found.samples), others)
