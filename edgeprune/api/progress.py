"""A progress bar for each long stage, with the time left, on stderr."""

import contextlib
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO

from edgeprune.progress import Progress, silent

TITLES = {
    "open": "open the model", "read": "read the data", "check": "measure the original",
    "train": "train the baseline", "profile": "measure candidates",
    "fit": "find the widths", "prune": "prune, strip, repair", "fine_tune": "fine-tune",
    "convert": "quantize, verify", "measure": "measure",
}
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

    columns = (
        "{task.description:<26}", shown.BarColumn(), "{task.percentage:>3.0f} %",
        shown.TimeElapsedColumn(), "left", shown.TimeRemainingColumn(),
    )
    tasks: dict[str, shown.TaskID] = {}
    with shown.Progress(*columns, console=Console(file=stream, force_terminal=True)) as bars:  # type: ignore[arg-type]

        def tell(stage: str, done: float) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(TITLES.get(stage, stage), total=1.0)
            bars.update(tasks[stage], completed=done)

        yield tell


def _lines(stream: io.TextIOBase, clock: Callable[[], float] = time.monotonic) -> Progress:
    """For logs: a line when a stage begins, and where it takes long a line every other second at most.

    The longer a stage takes, the rarer its lines: a tenth of its time so far, and a minute at most.
    """
    told: dict[str, tuple[int, float]] = {}  # by stage: the last percentage, and when it was told
    began: dict[str, float] = {}

    def tell(stage: str, done: float) -> None:
        percent, now = int(100 * done), clock()
        before, when = told.get(stage, (-1, now))
        pause_s = min(max(_EVERY_S, (now - began.setdefault(stage, now)) / 10), _LONGEST_S)
        if stage in told and (percent <= before or percent >= 100 or now - when < pause_s):
            return
        told[stage] = percent, now
        stream.write(f"{TITLES.get(stage, stage)} {'…' if before < 0 else f'{percent} %'}\n")
        stream.flush()

    return tell
