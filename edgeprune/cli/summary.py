"""What a build says at its end: what was gained and lost, what to doubt, the figures; the rest on demand."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from edgeprune.cli.output import cell, cells, draw, say
from edgeprune.report import budget, quantization
from edgeprune.report.doubts import notes_of, warnings_of
from edgeprune.report.schema import Report
from edgeprune.report.table import COLUMNS, table_rows
from edgeprune.report.verdict import LimitVerdict, verdict


def say_summary(
    report: Report, out: str, limits: Sequence[LimitVerdict], *, explain: bool, verbose: bool
) -> None:
    """The verdict first, beside it what speaks against it, then the table."""
    from rich.table import Table

    say("")
    say(verdict(report, limits), strong=True)
    for one in limits:
        if not one.held:
            say(f"Limit broken: {one.sentence}")
    for warning in warnings_of(report):
        say(f"Warning: {warning.text}")
    table = Table(title=cell(f"{report.model} on {report.data.name}"))
    for column in COLUMNS:
        table.add_column(column, justify="left" if not column else "right")
    for row in table_rows(report):
        table.add_row(*cells(row))
    draw(table)
    samples = "" if report.data.test is None else f"Figures are of {report.data.test:,} test samples"
    spread = "± is twice the standard error" if report.change_errors else ""
    if samples or spread:
        say("; ".join(filter(None, (samples, spread))) + ".")
    _say_budget(report, explain=explain)
    notes = notes_of(report)
    if verbose:
        say(
            f"{100 * report.removed.neurons:.1f} % of the neurons are removed. Removing them gives the same "
            f"outputs as switching them off (largest difference {report.equivalence.max_abs_error:.1e})."
        )
        for line in (*quantization.lines(report), *(f"Note: {note}" for note in notes)):
            say(line)
    elif notes:
        say(f"{len(notes)} note{'s' * (len(notes) != 1)} on how it was built: --verbose, or the page.")
    say(f"Bundle: {out}")
    say(f"  Page: edgeprune report {shlex.quote(out)}")


def _say_budget(report: Report, *, explain: bool) -> None:
    from rich.table import Table

    if report.budget is not None:
        for line in budget.summary(report.budget):
            say(line)
        if explain:
            widths = Table(*budget.COLUMNS, title=f"Widths for {cell(report.budget.device)}")
            for row in budget.rows(report.budget):
                widths.add_row(*cells(row))
            draw(widths)
            say(budget.MEANING)
    elif explain:
        say("No budget was given, so no width was chosen for a device; the page shows the groups of neurons.")
