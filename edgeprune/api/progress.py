"""A progress bar for each long stage, with the time left, on stderr."""

import contextlib
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO

from edgeprune.errors import plain
from edgeprune.progress import TITLES, Progress, silent, stage_and_detail

_EVERY_S = 2.0
_LONGEST_S = 60.0


def redraws(stream: IO[str]) -> bool:
    """Whether lines can be drawn again: a terminal, but not the one that a notebook's ``!`` makes up.

    A notebook keeps what such a program writes, and does not know the codes that lead up again: ten bars a
    second would be thousands of lines.
    """
    return stream.isatty() and "JPY_PARENT_PID" not in os.environ and os.environ.get("TERM") != "dumb"


@contextlib.contextmanager
def progress_bars(*, enabled: bool) -> Iterator[Progress]:
    """Bars while the block runs; one line per stage where stderr is not a terminal."""
    if not enabled:
        yield silent
        return
    # A copy of the descriptor: while TensorFlow is silenced, descriptor 2 leads nowhere.
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8") as stream:
        if redraws(stream):
            with _bars(stream) as tell:
                yield tell
        else:
            yield _lines(stream)


@contextlib.contextmanager
def _bars(stream: io.TextIOBase) -> Iterator[Progress]:
    from rich import progress as shown
    from rich.console import Console
    from rich.markup import escape

    columns = (
        "{task.description:<26}", shown.BarColumn(), "{task.percentage:>3.0f} %",
        shown.TimeElapsedColumn(), "left", shown.TimeRemainingColumn(), "{task.fields[detail]}",
    )
    tasks: dict[str, shown.TaskID] = {}
    with shown.Progress(*columns, console=Console(file=stream, force_terminal=True)) as bars:  # type: ignore[arg-type]

        def tell(name: str, done: float) -> None:
            stage, detail = stage_and_detail(name)
            if stage not in tasks:
                tasks[stage] = bars.add_task(TITLES.get(stage, stage), total=1.0, detail="")
            bars.update(tasks[stage], completed=done, detail=escape(plain(detail)))

        yield tell


def _lines(stream: io.TextIOBase, clock: Callable[[], float] = time.monotonic) -> Progress:
    """For logs: a line when a stage begins, and for each thing that it does in turn.

    Where it takes long there is a line every other second at most. The longer a stage takes, the rarer its
    lines: a tenth of its time so far, and a minute at most.
    """
    told: dict[str, tuple[int, float]] = {}  # by stage: the last percentage, and when it was told
    began: dict[str, float] = {}

    def tell(name: str, done: float) -> None:
        stage, detail = stage_and_detail(name)
        percent, now = int(100 * done), clock()
        if detail:
            told[stage] = percent, now
            stream.write(f"{TITLES.get(stage, stage)}: {plain(detail)}\n")
            stream.flush()
            return
        before, when = told.get(stage, (-1, now))
        pause_s = min(max(_EVERY_S, (now - began.setdefault(stage, now)) / 10), _LONGEST_S)
        if stage in told and (percent <= before or percent >= 100 or now - when < pause_s):
            return
        told[stage] = percent, now
        stream.write(f"{TITLES.get(stage, stage)} {'…' if before < 0 else f'{percent} %'}\n")
        stream.flush()

    return tell
