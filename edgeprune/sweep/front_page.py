"""What a sweep found, as JSON and as a page: the fronts, the settings of those on it, and all trials."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from edgeprune import jsonable
from edgeprune.report.figures import quality_name, quality_show
from edgeprune.report.page.html import Html, join, table, tag
from edgeprune.report.page.page import document
from edgeprune.report.page.scatter import Point, pareto_front
from edgeprune.report.page.svg import figure
from edgeprune.report.page.trade import COSTS, trade_plot
from edgeprune.sweep.front import FRONT, Front, TrialResult

_FIGURES = ("accuracy", "test", "size", "memory", "latency")
_MARK = {True: "deployed", False: "baseline"}
_LEGEND = (
    "Squares are the trials that no other one beats in all objectives, circles the others. The line joins "
    "those that are best in the two figures of the plot. Numbers are those of the trials."
)


def write_front(front: Front, folder: Path) -> Mapping[str, Path]:
    """Writes ``front.json`` and ``front.html``; returns their paths by name."""
    texts = {FRONT: jsonable.dumps(front, indent=1) + "\n", "front.html": front_page(front)}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return {name: folder / name for name in texts}


def front_page(front: Front) -> str:
    """One self-contained HTML document."""
    best = len(front.optimal)
    lead = (
        f"Of {len(front.trials)} trials, {best} {'is' if best == 1 else 'are'} beaten by no other one in "
        f"{', '.join(front.objectives)}. {_metric(front).capitalize()} on validation data decides; on "
        "test data it is only reported."
    )
    bundles = [(one, one.bundle) for one in front.optimal]
    on_front = [(one, "yes" if one.optimal else one.error or "no") for one in front.trials]
    sections: list[tuple[str, str, Html | None]] = [
        ("fronts", "Accuracy against cost", _plots(front)),
        ("front", "On the front", _table("Trials that no other one beats", "output folder", front, bundles)),
        ("trials", "All trials", _table("All trials", "on the front", front, on_front)),
    ]
    notes = join(tag("p", text, class_="note") for text in front.notes)
    return document("edgeprune search", "What the search found", lead, sections, notes)


def columns(front: Front) -> tuple[str, ...]:
    """Headers of `row`."""
    names = {"accuracy": quality_name(_metric(front)), "test": "on test data"}
    return ("trial", *(names.get(name, name) for name in _figures(front)), "device")


def row(front: Front, one: TrialResult) -> tuple[str, ...]:
    """A trial in a table."""
    figures = [figure_text(one, name) if name in one.figures else "" for name in _figures(front)]
    doubt = " (unstable)" if one.unstable else ""
    return (str(one.number), *figures, one.place + doubt)


def figure_text(one: TrialResult, name: str) -> str:
    """A figure with its unit."""
    show = COSTS[name].show if name in COSTS else quality_show(one.metric)
    return show(one.figures[name])


def settings_text(settings: Mapping[str, object]) -> str:
    """Settings as they are typed."""
    return " ".join(f"{name}={value}" for name, value in settings.items())


def _figures(front: Front) -> list[str]:
    """What some trial has, in the table's order."""
    known = {name for one in front.trials for name in one.figures}
    return [name for name in _FIGURES if name in known]


def _metric(front: Front) -> str:
    return next((one.metric for one in front.trials if one.metric), "accuracy")


def _plots(front: Front) -> Html | None:
    costs = [name for name in front.objectives if name in COSTS] if "accuracy" in front.objectives else []
    plots = [plot for name in costs if (plot := _plot(front, name)) is not None]
    return join((tag("p", _LEGEND), tag("div", join(plots), class_="plots"))) if plots else None


def _plot(front: Front, cost: str) -> Html | None:
    points = [
        Point(str(one.number), _MARK[one.optimal], one.figures[cost], one.figures["accuracy"])
        for one in front.trials if {cost, "accuracy"} <= set(one.figures)
    ]
    if not points:
        return None
    best, metric, axis = pareto_front(points), _metric(front), COSTS[cost]
    picture = trade_plot(f"front-{cost}", points, metric, axis, front=best, height=380)
    names = ", ".join(point.name for point in best)
    return figure(picture, f"Best in {quality_name(metric)} and {axis.name}: trials {names}.")


def _table(title: str, head: str, front: Front, cells: Iterable[tuple[TrialResult, str]]) -> Html:
    """Trials, each with one cell of its own under `head`."""
    rows = [
        (str(one.number), settings_text(one.settings), cell, *row(front, one)[1:]) for one, cell in cells
    ]
    return table(title, ("trial", "settings", head, *columns(front)[1:]), rows, numbers_from=3)
