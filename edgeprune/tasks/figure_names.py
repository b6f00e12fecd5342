"""Names of figures: a metric's, after the output's where a model has several."""

from __future__ import annotations

from typing import Optional

from edgeprune.metrics import METRICS
from edgeprune.metrics.evaluation import Metric


def metric_of(figure: str) -> Optional[Metric]:  # noqa: UP045
    """The metric of ``accuracy``, ``box/r2`` or ``cls/f1_per_class/cat``; None for a user's own."""
    parts = figure.split("/")
    return next((METRICS[part] for part in parts[:2] if part in METRICS), None)
