"""Which limits there are, one table row each, and the values that somebody set."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping

from edgeprune import quantities as q
from edgeprune.errors import InputError
from edgeprune.gate.metric_limits import is_fraction, read_drop, read_metric_limits, read_value
from edgeprune.report.figures import quality_show


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
    Limit("max-energy", "max_energy_mj", "energy", True, q.parse_energy, q.show_energy),
)
AGAINST_HISTORY = Limit("against-history", "", "latency", True, q.parse_duration, q.show_duration)
_BY_NAME = {limit.name: limit for limit in (*LIMITS, AGAINST_HISTORY)}


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a bundle must keep; None is no limit.

    Attributes:
        max_size_bytes: of model.tflite.
        max_latency_ms: of one inference, at the percentile that `check` is given.
        max_memory_bytes: peak of the process that runs the model.
        min_accuracy: fraction 0..1 of the task's main metric.
        max_drop_points: what the deployed model may lose of it against the baseline; 0.5 is half a percent.
        max_energy_mj: of one inference, beyond what the device needs at rest.
        metrics: what single metrics must keep, by names such as ``min class/accuracy``.
    """

    max_size_bytes: float | None = None
    max_latency_ms: float | None = None
    max_memory_bytes: float | None = None
    min_accuracy: float | None = None
    max_drop_points: float | None = None
    max_energy_mj: float | None = None
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @classmethod
    def parse(
        cls, max_size: object = None, max_latency: object = None, max_memory: object = None,
        min_accuracy: object = None, max_drop: object = None, *, minimum: object = None,
        maximum: object = None, max_energy: object = None, where: str = "--",
    ) -> Limits:
        """Limits as people write them: ``max_size="200kB"``, ``max_latency="5ms"``, ``min_accuracy=0.95``.

        Args:
            max_drop: points of the main metric; texts ``NAME=POINTS`` or a table by name are of one metric.
            minimum: what metrics must reach, as ``"class/accuracy=90"``, a list of these, or a table by name.
            maximum: the same for metrics of which less is better.
            where: what stands before an option's name in messages.

        Raises:
            InputError: a value without a unit where one is needed, or out of range.
        """
        drop, drops = _plain_and_named(max_drop)
        written = (max_size, max_latency, max_memory, min_accuracy, drop, max_energy)
        given = {
            limit.field: limit.parse(text, f"{where}{limit.name if where == '--' else limit.key}")
            for limit, text in zip(LIMITS, written, strict=True) if text is not None
        }
        named: dict[str, float] = {}
        for side, texts in (("min", minimum), ("max", maximum), ("max-drop", drops)):
            named.update(read_metric_limits(side, texts, f"{where}{side}"))
        return cls(**given, metrics=named)

    def over(self, other: Limits) -> Limits:
        """These limits, and the other's where these have none."""
        mine = {limit.field: allowed for limit, allowed in self.given() if limit.field}
        return dataclasses.replace(other, **mine, metrics={**other.metrics, **self.metrics})

    def given(self) -> Iterator[tuple[Limit, float]]:
        """The limits that are set, with what they allow."""
        for limit in LIMITS:
            allowed: float | None = getattr(self, limit.field)
            if allowed is not None:
                yield limit, allowed
        for name, allowed in self.metrics.items():
            yield limit_of(name), allowed


def limit_of(name: str) -> Limit:
    """The limit of this name: a row of the table, or a metric's, such as ``min class/accuracy``."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    side, _, metric = name.partition(" ")
    if side == "max-drop":
        show = q.show_points if is_fraction(metric) else "{:.4g}".format
        return Limit(name, "", f"drop {metric}", True, functools.partial(read_drop, metric), show)
    read = functools.partial(read_value, metric)
    return Limit(name, "", f"metric {metric}", side == "max", read, quality_show(metric))


def _plain_and_named(written: object) -> tuple[object, object]:
    """A limit of the main metric, and limits of metrics by name."""
    if written is None or isinstance(written, Mapping):
        return None, written
    texts = list(written) if isinstance(written, (list, tuple)) else [written]
    plain = [text for text in texts if "=" not in str(text)]
    if len(plain) > 1:
        found = f"max-drop is given {len(plain)} times."
        raise InputError(found, "It is expected once, and once for each metric as NAME=POINTS.")
    return (plain[0] if plain else None), [text for text in texts if "=" in str(text)] or None
