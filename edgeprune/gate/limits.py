"""Which limits there are: one table row each, and the values somebody set."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from edgeprune import quantities

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclasses.dataclass(frozen=True)
class Rule:
    """One limit.

    Attributes:
        name: as on the command line, without the dashes.
        field: of `Limits`; without its unit also the key in a ``[budget]`` table.
        figure: what it limits; see `edgeprune.report.figures`.
        upper: whether the figure must stay below it, or above.
        parse: from what somebody wrote, and the option's name for errors.
        show: the figure for people.
    """

    name: str
    field: str
    figure: str
    upper: bool
    parse: Callable[[object, str], float]
    show: Callable[[float], str]

    @property
    def key(self) -> str:
        """Its key in a ``[budget]`` table."""
        return self.name.replace("-", "_")

    def broken(self, found: float, allowed: float) -> bool:
        """Whether the figure is on the wrong side; a rounding error of the float is none."""
        slack = 1e-9 * max(abs(allowed), 1.0)
        return found > allowed + slack if self.upper else found < allowed - slack


RULES = (
    Rule("max-size", "max_size_bytes", "size", True, quantities.parse_size, quantities.show_size),
    Rule(
        "max-latency", "max_latency_ms", "latency", True, quantities.parse_duration, quantities.show_duration
    ),
    Rule("max-memory", "max_memory_bytes", "memory", True, quantities.parse_size, quantities.show_size),
    Rule("min-accuracy", "min_accuracy", "accuracy", False, quantities.parse_share, quantities.show_share),
    Rule("max-drop", "max_drop_points", "drop", True, quantities.parse_points, quantities.show_points),
)


@dataclasses.dataclass(frozen=True)
class Limits:
    """A budget; None is no limit.

    Attributes:
        max_size_bytes: of model.tflite.
        max_latency_ms: of one inference, at the percentile that `check` is told.
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
        cls,
        max_size: str | None = None,
        max_latency: str | None = None,
        max_memory: str | None = None,
        min_accuracy: str | float | None = None,
        max_drop: str | float | None = None,
    ) -> Limits:
        """Limits as people write them: ``max_size="200kB"``, ``max_latency="5ms"``, ``min_accuracy=0.95``.

        Raises:
            InputError: a value without a unit where one is needed, or out of range.
        """
        written = (max_size, max_latency, max_memory, min_accuracy, max_drop)
        return cls(**{
            rule.field: rule.parse(text, f"--{rule.name}")
            for rule, text in zip(RULES, written, strict=True) if text is not None
        })

    def over(self, other: Limits) -> Limits:
        """These limits, and the other's where these say nothing."""
        return Limits(**{
            rule.field: other.value(rule) if self.value(rule) is None else self.value(rule) for rule in RULES
        })

    def value(self, rule: Rule) -> float | None:
        """What `rule` allows here."""
        allowed: float | None = getattr(self, rule.field)
        return allowed

    def given(self) -> Iterator[tuple[Rule, float]]:
        """The rules that are set, with what they allow."""
        for rule in RULES:
            allowed = self.value(rule)
            if allowed is not None:
                yield rule, allowed
