"""The section on a budget: predicted beside measured, and why each layer is as wide as it is."""

from __future__ import annotations

from edgeprune.report import budget as shown
from edgeprune.report.page.html import Html, join, table, tag
from edgeprune.report.page.subject import Subject

_MAX_ROWS = 400


def budget_section(subject: Subject) -> Html | None:
    """None where widths were not found by a budget."""
    budget = subject.report.budget
    if budget is None:
        return None
    return join(
        [
            *(tag("p", line) for line in shown.summary(budget)),
            table("Predicted and measured", shown.ROUNDS, list(shown.rounds(budget)), numbers_from=2),
            table("Why each layer has its width", shown.COLUMNS, list(shown.rows(budget))[:_MAX_ROWS]),
            tag("p", shown.MEANING),
        ]
    )
