"""How far a sweep is, on stderr: a table that is redrawn; without a terminal, a line for each trial."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from edgeprune.api.progress import redraws
from edgeprune.cli.output import cell, say
from edgeprune.progress import TITLES, stage_and_detail
from edgeprune.sweep.front import TrialResult
from edgeprune.sweep.front_page import figure_text, settings_text
from edgeprune.sweep.status_board import SweepStatus

if TYPE_CHECKING:
    from rich.console import Group

Show = Callable[[SweepStatus], None]
_STAGES = {**TITLES, "wait": "start", "device": "measure on the device"}
_LAST = 8


@contextlib.contextmanager
def live_table(*, enabled: bool) -> Iterator[Show]:
    """What to call with each look at the board."""
    if not enabled:
        yield lambda _: None
    elif not redraws(sys.stderr):
        yield _lines()
    else:
        from rich.console import Console
        from rich.live import Live

        with Live(console=Console(stderr=True), transient=True, auto_refresh=False) as screen:
            yield lambda now: screen.update(_drawn(now), refresh=True)


def _lines() -> Show:
    shown: set[str] = set()

    def show(now: SweepStatus) -> None:
        lines = {
            f"{one.number}": f"trial {one.number} ({settings_text(one.settings)}): {_found(one)}"
            for one in now.done
        }
        for key, line in (lines | {note: note for note in now.notes}).items():
            if key not in shown:
                shown.add(key)
                say(f"{len(now.done)}/{now.total} {line}", error=True)

    return show


def _found(one: TrialResult) -> str:
    return one.error or ", ".join(f"{name} {figure_text(one, name)}" for name in one.figures)


def _stage(name: str) -> str:
    stage, detail = stage_and_detail(name)
    return f"{_STAGES.get(stage, stage)}{f': {cell(detail)}' if detail else ''}"


def _drawn(now: SweepStatus) -> Group:
    from rich.console import Group
    from rich.table import Table

    best = sum(one.optimal for one in now.done)
    table = Table(title=f"{len(now.done)} of {now.total} trials done, {best} on the front")
    for name in ("trial", "settings", "", "time"):
        table.add_column(name, justify="right" if name in ("trial", "time") else "left")
    for done in list(now.done)[-_LAST:]:
        mark = "[green]front[/] " if done.optimal else "[dim]" + ("stopped " if done.stopped else "") + "[/]"
        text = cell(_found(done))
        table.add_row(str(done.number), cell(settings_text(done.settings)), mark + text, "")
    for run in now.running:
        table.add_row(
            str(run.number) if run.number >= 0 else "original", cell(settings_text(run.settings)),
            f"{_stage(run.stage)} {100 * run.done:.0f} %",
            f"{time.monotonic() - run.since:.0f} s", style="bold",
        )
    return Group(table, *(f"Warning: {cell(note)}" for note in now.notes))
