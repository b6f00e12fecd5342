"""Which limits there are, one table row each, and the values that somebody set."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from edgeprune import quantities as q


@dataclasses.dataclass(frozen=True)
class Limit:
    """One limit."""

    name: str  # as on the command line, without the dashes
    field: str  # of `Limits`
    figure: str  # what it limits; see `edgeprune.report.figures`
    upper: bool  # whether the figure must stay below it, or above
    parse: Callable[[object, str], float]  # from what somebody wrote, and the option's name for errors
    show: Callable[[float], str]  # the figure for people

    @property
    def key(self) -> str:
        """Its key in a recipe's ``[limits]`` table."""
        return self.name.replace("-", "_")

    def broken(self, found: float, allowed: float) -> bool:
        """Whether the figure is on the wrong side by more than a float's rounding error, or is no number."""
        slack = 1e-9 * max(abs(allowed), 1.0)
        return not (found <= allowed + slack if self.upper else found >= allowed - slack)


LIMITS = (
    Limit("max-size", "max_size_bytes", "size", True, q.parse_size, q.show_size),
    Limit("max-latency", "max_latency_ms", "latency", True, q.parse_duration, q.show_duration),
    Limit("max-memory", "max_memory_bytes", "memory", True, q.parse_size, q.show_size),
    Limit("min-accuracy", "min_accuracy", "accuracy", False, q.parse_fraction, q.show_percent),
    Limit("max-drop", "max_drop_points", "drop", True, q.parse_points, q.show_points),
)


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a bundle must keep; None is no limit.

    Attributes:
        max_size_bytes: of model.tflite.
        max_latency_ms: of one inference, at the percentile that `check` is given.
        max_memory_bytes: peak of the process that runs the model.
        min_accuracy: fraction 0..1 of the task's main metric.
        max_drop_points: what the deployed model may lose of it against the baseline; 0.5 is half a percent.
    """

    max_size_bytes: float | None = None
    max_latency_ms: float | None = None
    max_memory_bytes: float | None = None
    min_accuracy: float | None = None
    max_drop_points: float | None = None

    @classmethod
    def parse(
        cls, max_size: str | None = None, max_latency: str | None = None, max_memory: str | None = None,
        min_accuracy: str | float | None = None, max_drop: str | float | None = None,
    ) -> Limits:
        """Limits as people write them: ``max_size="200kB"``, ``max_latency="5ms"``, ``min_accuracy=0.95``.

        Raises:
            InputError: a value without a unit where one is needed, or out of range.
        """
        written = (max_size, max_latency, max_memory, min_accuracy, max_drop)
        return cls(**{
            limit.field: limit.parse(text, f"--{limit.name}")
            for limit, text in zip(LIMITS, written, strict=True) if text is not None
        })

    def over(self, other: Limits) -> Limits:
        """These limits, and the other's where these have none."""
        return dataclasses.replace(other, **{limit.field: allowed for limit, allowed in self.given()})

    def given(self) -> Iterator[tuple[Limit, float]]:
        """The limits that are set, with what they allow."""
        values: dict[str, float | None] = dataclasses.asdict(self)
        for limit in LIMITS:
            if (allowed := values[limit.field]) is not None:
                yield limit, allowed
