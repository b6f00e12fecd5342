"""A budget's outcome in words and rows, for the terminal and the HTML page."""

from collections.abc import Iterator

from edgeprune.budget.explain import Explanation, Round, show_cost
from edgeprune.quantities import show_duration
from edgeprune.report.table import optional

COLUMNS = (
    "group", "before", "after", "latency", "next width", "would save", "changed predictions", "divergence",
)
MEANING = (
    "Latency is that predicted for the layers that make or read these neurons. Next width is the nearest "
    "smaller width that saves time. The last columns say what it would change before training: an estimate "
    "of the predictions that would differ from the original's, and how far the outputs would diverge."
)
ROUNDS = ("model", "what", "limit", "predicted", "measured", "interval", "error", "within the limit")
_NAMES = {"latency_ms": "Latency", "memory_bytes": "Peak memory", "size_bytes": "File size", "macs": "MACs"}


def summary(budget: Explanation) -> Iterator[str]:
    """One line for each limit, and one on how the widths were found."""
    last = budget.deployed or budget.rounds[-1]
    for name, limit in budget.limits.items():
        between = f" (interval {interval})" if (interval := _interval(last, name)) else ""
        yield (
            f"{_NAMES[name]}{_where(budget, name)}: {show_cost(name, last.measured[name])}{between}; "
            f"the limit is {show_cost(name, limit)}, the prediction was "
            f"{show_cost(name, last.predicted[name])} ({_error(last, name)})."
        )
    rounds = f"{len(budget.rounds)} round{'s' * (len(budget.rounds) != 1)}"
    yield (
        f"The widths were found in {rounds}: of {budget.tried} plans, one made by '{budget.family}' changes "
        "the outputs least."
    )
    if budget.median_error is not None:
        yield (
            f"Predictions come from {budget.candidates} candidates that the device measured; their median "
            f"error is {100 * budget.median_error:.1f} %."
        )


def rows(budget: Explanation) -> Iterator[tuple[str, ...]]:
    """The cells of `COLUMNS`, one row for each group."""
    for row in budget.rows:
        changed = None if row.next_width is None else row.changed
        yield (
            row.group, str(row.units_before), str(row.units_after), optional(row.latency_ms, show_duration),
            optional(row.next_width, str), optional(row.saves_ms, show_duration),
            optional(changed, lambda value: f"{100 * value:.2f} %"),
            "" if row.next_width is None else f"{row.added_divergence:.3g}",
        )


def rounds(budget: Explanation) -> Iterator[tuple[str, ...]]:
    """The cells of `ROUNDS`: predicted beside measured, of every model that was built."""
    built = [(f"round {number}", one) for number, one in enumerate(budget.rounds, 1)]
    if budget.deployed is not None:
        built.append(("as deployed", budget.deployed))
    for title, one in built:
        for name, limit in budget.limits.items():
            yield (
                title, _NAMES[name], show_cost(name, limit), show_cost(name, one.predicted[name]),
                show_cost(name, one.measured[name]), _interval(one, name), _error(one, name),
                "yes" if one.inside else "no",
            )


def _where(budget: Explanation, name: str) -> str:
    place = "this machine" if budget.device == "local" else budget.device
    return f" on {place}" if name in ("latency_ms", "memory_bytes") else ""


def _interval(one: Round, name: str) -> str:
    if name != "latency_ms" or one.low is None or one.high is None:
        return ""
    return f"{show_duration(one.low)} to {show_duration(one.high)}"


def _error(one: Round, name: str) -> str:
    return f"{100 * (one.predicted[name] / one.measured[name] - 1):+.1f} %"
