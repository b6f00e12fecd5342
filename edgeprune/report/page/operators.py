"""Where the time of one inference goes, layer by layer, before and after pruning."""

from collections.abc import Sequence

from device_runners.layer_names import layer_times
from edgeprune.quantities import show_duration
from edgeprune.report.page.bars import MAX_ROWS, Bar, bars
from edgeprune.report.page.html import Html, join, table, tag
from edgeprune.report.page.subject import Subject
from edgeprune.report.page.svg import figure
from edgeprune.report.table import optional, times
from edgeprune.run_record import RunRecord

_MAX_TABLE_ROWS = 400


def time_by_layer(subject: Subject, prefix: str) -> Html | None:
    """One plot for each run with a profile; None without any."""
    runs = [record for record in subject.records if record.profile]
    plots = [
        _run(record, _before(record, subject.before), f"{prefix}-operators{index}")
        for index, record in enumerate(runs)
    ]
    return tag("div", join(plots), class_="plots") if plots else None


def _before(record: RunRecord, others: Sequence[RunRecord]) -> RunRecord | None:
    """The original's run on the same device, with the same threads and delegate."""
    return next((
        one for one in others
        if one.profile and (one.device, one.settings.threads, one.settings.xnnpack)
        == (record.device, record.settings.threads, record.settings.xnnpack)
    ), None)


def _run(record: RunRecord, before: RunRecord | None, identity: str) -> Html:
    after = {one.layer: one for one in layer_times(record.profile)}
    earlier = {one.layer: one.ns for one in layer_times(before.profile)} if before else {}
    names = [*after, *(name for name in earlier if name not in after)]
    rows, shapes = [], []
    for name in names:
        was, now = earlier.get(name), after[name].ns if name in after else None
        kinds = after[name].operators if name in after else ""
        change = "" if was is None or now is None else times("faster", "slower", was, now)
        shown = [optional(value, lambda ns: show_duration(ns / 1e6)) for value in (was, now)]
        rows.append((name, kinds, *shown, change))
        words = f"{shown[1] or '0'} of {shown[0]}" if was is not None else shown[1]
        shapes.append(Bar(name, (now or 0) / 1e6, None if was is None else was / 1e6, words))
    drawn = f" The first {MAX_ROWS} of {len(rows)} layers are drawn." if len(rows) > MAX_ROWS else ""
    threads = record.settings.threads
    where = f"{record.device}, {threads} thread{'s' * (threads > 1)}"
    outline = " Filled bars are the deployed model's, outlines the original's." if before else ""
    caption = f"Time of each layer in one inference on {where}.{outline}{drawn}"
    data = table(
        f"Time by layer on {where}", ("layer", "operators", "before", "after", "change"),
        rows[:_MAX_TABLE_ROWS], numbers_from=2,
    )
    return figure(bars(identity, f"Where the time goes on {where}", shapes), caption, data)
