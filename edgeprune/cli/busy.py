"""A sign of life on stderr while a command works: what it does, and for how long already.

On a terminal one line that goes when the work is done. Elsewhere a line, but only for work that takes more
than `_PATIENCE_S`: a log of quick commands stays short.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator

from edgeprune.api.progress import redraws
from edgeprune.cli.output import say
from edgeprune.errors import plain

Tell = Callable[[str], None]
_PATIENCE_S = 2.0


@contextlib.contextmanager
def busy(what: str, *, enabled: bool = True, patience_s: float = _PATIENCE_S) -> Iterator[Tell]:
    """Shows `what` while the block runs; what it gives changes the text."""
    if not enabled:
        yield lambda _: None
    elif redraws(sys.stderr):
        with _spinner(what) as tell:
            yield tell
    else:
        timer = threading.Timer(patience_s, lambda: say(f"{what} …", error=True))
        timer.daemon = True
        timer.start()
        try:
            yield lambda text: say(text, error=True)
        finally:
            timer.cancel()


def waiting(tell: Tell, *, in_place: bool | None = None) -> Callable[[str, int], None]:
    """Counts the seconds that a device is busy for: each one `in_place`, which a terminal is, else a few."""
    counts = redraws(sys.stderr) if in_place is None else in_place

    def told(device: str, seconds: int) -> None:
        if counts or seconds in (1, 5) or seconds % 30 == 0:
            tell(f"{device} is busy with another run; waited {seconds} s")

    return told


@contextlib.contextmanager
def _spinner(what: str) -> Iterator[Tell]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    # A copy of the descriptor: while TensorFlow is silenced, descriptor 2 leads nowhere.
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8") as stream:
        console = Console(file=stream, force_terminal=True)
        columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
        with Progress(*columns, console=console, transient=True, redirect_stdout=False) as shown:
            task = shown.add_task(escape(plain(what)))
            yield lambda text: shown.update(task, description=escape(plain(text)))
