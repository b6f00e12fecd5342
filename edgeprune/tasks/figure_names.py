"""Names of figures: a metric's, after the output's where a model has several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Optional

from edgeprune.metrics import METRICS
from edgeprune.metrics.evaluation import Metric


def metric_of(figure: str) -> Optional[Metric]:  # noqa: UP045
    """The metric of ``accuracy``, ``box/r2`` or ``cls/f1_per_class/cat``; None for a user's own."""
    parts = figure.split("/")
    return next((METRICS[part] for part in parts[:2] if part in METRICS), None)


def impossible_figures(figures: Mapping[str, float], named: Sequence[str]) -> Iterator[str]:
    """What speaks against figures from elsewhere: names of no metric, values that a metric cannot have.

    Args:
        named: names of the metrics that a bundle's manifest lists, a user's own among them.
    """
    for name, value in figures.items():
        metric = metric_of(name)
        if metric is None:
            if not any(name == one or name.startswith(f"{one}/") for one in named):
                yield f"the metric {name[:60]!r} is not one of the bundle's"
        elif not metric.possible(value):
            yield f"{name} is {value:g}"
