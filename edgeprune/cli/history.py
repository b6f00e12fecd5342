"""`edgeprune history`: how latency and memory changed over the runs that `bench --history` kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeprune.cli.options import COUNT
from edgeprune.cli.output import cell, cells, draw, say, say_document
from edgeprune.quantities import show_duration

if TYPE_CHECKING:
    from device_runners.history import PastRun
    from device_runners.trends import Change

EXAMPLES = """Examples

edgeprune history build/edgeprune"""
HISTORY_FILE = "SQLite file of the history. Default: edgeprune/history.sqlite in your data folder."
_TARGET = "Bundle, .tflite file, or name given with `bench --history-name`. Default: all."


def history(
    target: Annotated[str | None, typer.Argument(help=_TARGET)] = None,
    history_file: Annotated[Path | None, typer.Option("--history-file", help=HISTORY_FILE)] = None,
    device: Annotated[str | None, typer.Option("--device", help="Runs on this device only.")] = None,
    last: Annotated[int, COUNT(help="Most runs of each series to show.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print the series as one JSON list.")] = False,
) -> None:
    """Show past measurements, and say since when a model is slower or faster."""
    from device_runners.history import default_history, past_runs, series_name
    from device_runners.trends import latest_change
    from edgeprune import jsonable
    from edgeprune.errors import InputError

    path = history_file or default_history()
    names = {target, series_name(target)} if target else set()
    series: dict[tuple[str, str, str, int, bool], list[PastRun]] = {}
    for run in past_runs(path):
        if (not target or run.name in names) and device in (None, run.record.device):
            series.setdefault(run.series, []).append(run)
    if not series:
        wanted = f" of {target}" if target else ""
        where = f" on {device}" if device else ""
        way_out = "Measure: edgeprune bench BUNDLE --history."
        raise InputError(f"{path} has no run{wanted}{where}.", "", way_out)
    found = [(runs, latest_change([one.record.latency.p50_ms for one in runs])) for runs in series.values()]
    if as_json:
        say_document(jsonable.dumps([_document(runs, change) for runs, change in found], indent=1))
        return
    for runs, change in found:
        _print_series(runs, change, last)


def _document(runs: Sequence[PastRun], change: Change | None) -> dict[str, object]:
    name, device, runner, threads, xnnpack = runs[0].series
    return {
        "name": name, "device": device, "runner": runner, "threads": threads, "xnnpack": xnnpack,
        "runs": [
            {
                "taken": one.taken.isoformat(), "p50_ms": one.record.latency.p50_ms,
                "peak_bytes": one.record.memory.peak_bytes, "model_sha256": one.record.model.sha256,
                "runtime": f"{one.record.runtime.name} {one.record.runtime.version}",
                "metrics": dict(one.record.metrics), "unstable": list(one.record.unstable),
            }
            for one in runs
        ],
        "change": None if change is None else {
            "verdict": change.word, "since": runs[change.start].taken.isoformat(), "ratio": change.ratio,
        },
    }


def _print_series(runs: Sequence[PastRun], change: Change | None, last: int) -> None:
    from rich.table import Table

    name, device, runner, threads, xnnpack = runs[0].series
    where = f"{name} on {device}, {threads} thread{'s' * (threads > 1)}"
    others = (runner if runner != "python" else "", "" if xnnpack else "no XNNPACK")
    title = cell(", ".join(filter(None, (where, *others))))
    table = Table("taken (UTC)", "model", "runtime", "p50", "peak MB", "", title=title)
    for number, one in list(enumerate(runs))[-last:]:
        record = one.record
        peak = record.memory.peak_bytes
        mark = change.word if change and number == change.start else "unstable" if record.unstable else ""
        table.add_row(*cells((
            f"{one.taken:%Y-%m-%d %H:%M}", record.model.sha256[:8],
            f"{record.runtime.name} {record.runtime.version}", show_duration(record.latency.p50_ms),
            "-" if peak is None else f"{peak / 1e6:.1f}", mark,
        )))
    draw(table)
    say(f"{device}: {_verdict(runs, change)}")


def _verdict(runs: Sequence[PastRun], change: Change | None) -> str:
    if change is None:
        few = " (at least 7 are needed)" if len(runs) < 7 else ""
        return f"no change can be seen in {len(runs)} run{'s' * (len(runs) > 1)}{few}"
    first, before = runs[change.start], runs[change.start - 1]
    ratio = change.ratio if change.ratio > 1 else 1 / change.ratio
    model = "the same model" if first.record.model.sha256 == before.record.model.sha256 else "another model"
    runtime = "" if first.record.runtime == before.record.runtime else ", another runtime"
    return f"{ratio:.2f}x {change.word} since {first.taken:%Y-%m-%d %H:%M} UTC ({model}{runtime})"
