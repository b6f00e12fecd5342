"""Sections on a bundle as a whole: what came out, how data was read, settings, how to reproduce it."""

import json
import shlex
from collections.abc import Sequence

from edgeprune.progress import TITLES
from edgeprune.quantities import show_duration, show_size
from edgeprune.report.doubts import notes_of, warnings_of
from edgeprune.report.figures import capitalized, higher_is_better, quality_name, quality_show
from edgeprune.report.page.html import Html, join, table, tag, typeset
from edgeprune.report.page.scatter import STAGE_NAMES, legend
from edgeprune.report.page.subject import Subject
from edgeprune.report.page.svg import Show, figure
from edgeprune.report.page.trade import COSTS, point_of, trade_plot
from edgeprune.report.schema import FILE, QUALITY, SPEED, STAGES
from edgeprune.report.table import COLUMNS, metric_rows, table_rows, times
from edgeprune.report.verdict import verdict

_MAX_TEXT = 300
_UNSET: tuple[object, ...] = (None, "", [], {})
_SPEED_WORDS = ("faster", "slower", "as fast as before")
_SIZE_WORDS = ("smaller", "larger", "as large as before")


def first_sentence(subject: Subject) -> Html:
    """What was gained, what it cost, and how sure that is."""
    words = typeset(verdict(subject.report, subject.limits))
    sure = "± is twice the standard error: the true change lies within it about 95 times in 100."
    explained = tag("p", sure, class_="lead") if subject.report.change_errors else None
    return join((tag("p", words, class_="verdict"), explained))


def warnings(subject: Subject) -> Html:
    """Limits that are broken, and what speaks against the whole; other doubts stand beside their figure."""
    broken = [f"Limit broken: {one.sentence}" for one in subject.limits if not one.held]
    beside = {about for about, tile in _tiles(subject) if tile is not None}
    apart = [one.text for one in warnings_of(subject.report) if one.about not in beside]
    return join(tag("p", text, class_="note") for text in (*broken, *apart))


def notes(subject: Subject) -> Html | None:
    """What is good to know, folded, and the limits that hold."""
    told = [*(one.sentence for one in subject.limits if one.held), *notes_of(subject.report)]
    if not told:
        return None
    name = f"{len(told)} note{'s' * (len(told) != 1)} on how it was built and judged"
    items = tag("ul", *(tag("li", text) for text in told))
    return tag("details", tag("summary", name), items, class_="notes")


def outcome(subject: Subject) -> Html:
    """Tiles with the headline figures, and the table behind them."""
    report = subject.report
    tiles = [tile for _, tile in _tiles(subject)]
    figures = table(
        f"The original, the pruned and the deployed model on {_counted(report.data.test)}",
        COLUMNS, [[typeset(cell) for cell in row] for row in table_rows(report)],
    )
    every = metric_rows(report)
    folded = None if len(every) < 2 else tag(
        "details", tag("summary", f"All {len(every)} metrics"),
        table("Every metric of every output", COLUMNS, [[typeset(cell) for cell in row] for row in every]),
    )
    return join((tag("ul", join(tiles), class_="tiles"), figures, folded))


def _counted(samples: int | None) -> str:
    return "test data" if samples is None else f"{samples:,} test samples"


def _tiles(subject: Subject) -> list[tuple[str, Html | None]]:
    """Tiles, and what they are about; each with the warnings about it."""
    report = subject.report
    before, after = report.stages.baseline, report.stages.deployed
    doubts: dict[str, list[str]] = {}
    for one in warnings_of(report):
        doubts.setdefault(one.about, []).append(one.text)
    size = before.tflite_bytes, after.tflite_bytes
    return [
        (QUALITY, _quality(subject, doubts.get(QUALITY, ()))),
        (SPEED, _ratio("Latency, median", before.p50_ms, after.p50_ms, show_duration, _SPEED_WORDS,
                       doubts.get(SPEED, ()))),
        (FILE, _ratio("File size", *size, show_size, _SIZE_WORDS, doubts.get(FILE, ()))),
        ("neurons", _removed("Neurons", report.removed.neurons, before.neurons, after.neurons)),
        ("params", _removed("Parameters", report.removed.params, before.params, after.params)),
        ("macs", _removed("MACs", report.removed.macs, before.macs, after.macs)),
    ]


def reading(subject: Subject) -> Html | None:
    """What was decided about the data before anything was trained."""
    decisions = subject.report.data.decisions
    if not decisions:
        return None
    rows = [(one.subject, one.choice, one.why) for one in decisions if one.subject != "warning"]
    return table("How the data was read", ("what", "decision", "why"), rows, numbers_from=9)


def request(subject: Subject) -> Html:
    """The recipe, as its options are called in a recipe file."""
    given = {key: value for key, value in subject.report.recipe.items() if value not in _UNSET}
    settings = [tag("div", tag("dt", key), tag("dd", _brief(value))) for key, value in given.items()]
    return join((
        tag("p", "Settings that are not listed here have no value."),
        tag("dl", join(settings), class_="settings"),
    ))


def reproduce(subject: Subject) -> Html:
    """Commands, versions, hashes and times."""
    manifest, report = subject.bundle.manifest, subject.report
    folder = shlex.quote(str(subject.bundle.path))
    # edgeprune itself is not named for an index, where anybody may have registered the name.
    others = {name: version for name, version in manifest.versions.items() if name != "edgeprune"}
    packages = shlex.join(f"{name}=={version}" for name, version in others.items())
    commands = [f"pip install {packages}"] if packages else []
    commands += [*manifest.commands, f"edgeprune check {folder} --verify"]
    files = [(name, f"{info.bytes:,}", tag("code", info.sha256)) for name, info in manifest.files.items()]
    times = [(TITLES.get(name, name), f"{seconds:.1f} s") for name, seconds in report.timings_s.items()]
    data = report.data
    counts = ", ".join(
        f"{number:,} {name}" for name, number in
        (("training", data.train), ("validation", data.validation), ("test", data.test)) if number is not None
    )
    facts = [
        ("data", data.name), ("source", data.source), ("licence", data.licence), ("samples", counts),
        ("seed", str(manifest.seed)), ("calibration SHA-256", str(manifest.calibration.get("sha256", ""))),
    ]
    return join((
        tag("pre", tag("code", "\n".join(commands)), tabindex=0, role="region", aria_label="Commands"),
        table("Data and seed of the build", ("what", "value"), [f for f in facts if f[1]], numbers_from=9),
        table("Files of the bundle", ("file", "bytes", "SHA-256"), files) if files else None,
        table("Time of each stage", ("stage", "time"), times) if times else None,
    ))


def trade(subject: Subject, prefix: str) -> Html | None:
    """Quality against size and latency, before and after."""
    name = subject.metric
    plots = []
    for key in ("size", "latency"):
        axis = COSTS[key]
        points = [point for stage in STAGES if (point := point_of(subject, stage, axis, STAGE_NAMES[stage]))]
        if name is None or not points:
            continue
        words, show = quality_name(name), quality_show(name)
        rows = [(p.name, axis.show(p.x), show(p.y)) for p in points]
        better = "Up" if higher_is_better(name) else "Down"
        plots.append(figure(
            trade_plot(f"{prefix}-{key}", points, name, axis, way=True),
            f"{better} and to the left is better.",
            table(f"{words} against {axis.name}", ("model", axis.name, words), rows),
        ))
    if not plots:
        return None
    return join((legend(*STAGES), tag("div", join(plots), class_="plots")))


def _quality(subject: Subject, doubts: Sequence[str]) -> Html | None:
    stages, name = subject.report.stages, subject.metric
    before, after = subject.value(stages.baseline), subject.value(stages.deployed)
    if name is None or before is None or after is None:
        return None
    show, title = quality_show(name), quality_name(name)
    title = capitalized(title)
    return _tile(title, show(after), f"{show(before)} → {show(after)}, {subject.change}", doubts)


def _ratio(
    what: str, before: float | None, after: float | None, show: Show, words: tuple[str, str, str],
    doubts: Sequence[str],
) -> Html | None:
    if not before or not after or before < 0 or after < 0:
        return None
    less, more, equal = words
    big = typeset(times(less, more, before, after, equal))
    return _tile(what, big, f"{show(before)} → {show(after)}", doubts)


def _removed(what: str, ratio: float, before: int, after: int) -> Html:
    return _tile(f"{what} removed", f"{100 * ratio:.1f} %", f"{before:,} → {after:,}")


def _tile(what: str, big: str, small: str, doubts: Sequence[str] = ()) -> Html:
    return tag("li", tag("span", what, class_="what"), tag("span", big, class_="big"),
               tag("span", small, class_="from"), *(tag("span", text, class_="doubt") for text in doubts))


def _brief(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return words if len(words) <= _MAX_TEXT else words[:_MAX_TEXT] + "…"
