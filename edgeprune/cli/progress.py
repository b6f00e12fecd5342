"""A progress bar for each long stage, with the time left, on stderr."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator

from edgeprune.progress import Progress, silent

TITLES = {
    "read": "read the data", "train": "train the baseline", "profile": "measure candidates",
    "fit": "find the widths", "prune": "prune, strip, repair", "fine_tune": "fine-tune",
    "convert": "quantize, verify", "measure": "measure",
}


@contextlib.contextmanager
def progress_bars(*, enabled: bool) -> Iterator[Progress]:
    """Bars while the block runs; one line per stage where stderr is not a terminal."""
    if not enabled:
        yield silent
        return
    # A copy of the descriptor: while TensorFlow is silenced, descriptor 2 leads nowhere.
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8") as stream:
        if stream.isatty():
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


def _lines(stream: io.TextIOBase) -> Progress:
    """For logs: a line when a stage begins."""
    seen: set[str] = set()

    def tell(stage: str, done: float) -> None:
        del done
        if stage not in seen:
            seen.add(stage)
            stream.write(f"{TITLES.get(stage, stage)} …\n")
            stream.flush()

    return tell
