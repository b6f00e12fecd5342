"""A budget's outcome in words and rows, for the terminal and the HTML page."""

from collections.abc import Iterator

from edgeprune.budget.explain import NOUNS, Explanation, Round, show_cost
from edgeprune.quantities import show_duration
from edgeprune.report.table import optional

COLUMNS = ("group", "before", "after", "latency", "next width", "would save", "answers changed", "divergence")
MEANING = (
    "latency: predicted, of the layers that make or read these neurons. next width: the nearest narrower one "
    "that saves something, and what it would add: answers that would differ from the original's before "
    "training (estimated), and divergence of the outputs."
)
ROUNDS = ("model", "what", "limit", "predicted", "measured", "interval", "error", "inside")


def summary(budget: Explanation) -> Iterator[str]:
    """One line for each limit, and one on how the widths were found."""
    last = budget.deployed or budget.rounds[-1]
    for name, limit in budget.limits.items():
        between = f" ({interval})" if (interval := _interval(last, name)) else ""
        yield (
            f"{NOUNS[name].capitalize()} on {budget.device}: {show_cost(name, last.measured[name])}"
            f"{between} of {show_cost(name, limit)}; predicted {show_cost(name, last.predicted[name])} "
            f"({_error(last, name)})."
        )
    error = "" if budget.median_error is None else f", median error {100 * budget.median_error:.1f} %"
    yield (
        f"Found in {len(budget.rounds)} round{'s' * (len(budget.rounds) != 1)} by '{budget.family}' out of "
        f"{budget.tried} plans tried; {budget.candidates} candidates measured{error}."
    )


def rows(budget: Explanation) -> Iterator[tuple[str, ...]]:
    """The cells of `COLUMNS`, one row for each group."""
    for row in budget.rows:
        changed = None if row.next_width is None else row.changed
        yield (
            row.group, str(row.units_before), str(row.units_after), optional(row.latency_ms, show_duration),
            optional(row.next_width, str), optional(row.saves_ms, show_duration),
            optional(changed, lambda value: f"{100 * value:+.2f} %"),
            "" if row.next_width is None else f"{row.added_divergence:+.3g}",
        )


def rounds(budget: Explanation) -> Iterator[tuple[str, ...]]:
    """The cells of `ROUNDS`: predicted beside measured, of every model that was built."""
    built = [(f"round {number}", one) for number, one in enumerate(budget.rounds, 1)]
    if budget.deployed is not None:
        built.append(("as deployed", budget.deployed))
    for title, one in built:
        for name, limit in budget.limits.items():
            yield (
                title, NOUNS[name], show_cost(name, limit), show_cost(name, one.predicted[name]),
                show_cost(name, one.measured[name]), _interval(one, name), _error(one, name),
                "yes" if one.inside else "no",
            )


def _interval(one: Round, name: str) -> str:
    if name != "latency_ms" or one.low is None or one.high is None:
        return ""
    return f"{show_duration(one.low)} to {show_duration(one.high)}"


def _error(one: Round, name: str) -> str:
    return f"{100 * (one.predicted[name] / one.measured[name] - 1):+.1f} %"
