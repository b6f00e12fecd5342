"""Who is told how far a call is: nobody, a function, a terminal, or a notebook's cell, redrawn in place.

A kernel has no terminal, and what is printed there stays in the notebook for ever: progress is one output
that changes, whatever the build takes.
"""

from __future__ import annotations

import contextlib
import html
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence

from edgeprune.api.progress import progress_bars
from edgeprune.data.decisions import Announce, ReadingDecision, lines_of, unheard
from edgeprune.progress import TITLES, Progress, silent, stage_and_detail

Listener = Progress | bool | None
"""A function that is told, True (show it), False (be silent), or None (show it in a notebook alone)."""
_EVERY_S = 0.5


def in_notebook() -> bool:
    """Whether this is a Jupyter kernel, Colab's and VS Code's included; IPython's terminal is none."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")


@contextlib.contextmanager
def showing(asked: Listener) -> Iterator[tuple[Progress, Announce]]:
    """Whom to tell about progress, and about how model and data were read."""
    if callable(asked):
        yield asked, unheard
    elif asked is False or (asked is None and not in_notebook()):
        yield silent, unheard
    elif in_notebook():
        cell = NotebookCell()
        try:
            yield cell.tell, cell.announce
        finally:
            cell.draw()
    else:
        with progress_bars(enabled=True) as tell:
            yield tell, _written


class NotebookCell:
    """One output of a notebook: a bar for each stage, redrawn twice a second at most."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._output = NotebookOutput()
        self._read: list[str] = []
        self._done: dict[str, float] = {}
        self._details: dict[str, str] = {}
        self._times: dict[str, tuple[float, float]] = {}  # by stage: first and last heard of
        self._drawn = float("-inf")

    def tell(self, name: str, done: float) -> None:
        """A stage is so far, and at what its name says."""
        stage, detail = stage_and_detail(name)
        self._details[stage] = detail
        now, begins = self._clock(), stage not in self._done
        self._done[stage] = done
        self._times[stage] = self._times.get(stage, (now, now))[0], now
        if begins or now - self._drawn >= _EVERY_S:
            self.draw()

    def announce(self, decisions: Sequence[ReadingDecision]) -> None:
        """Model and data were read in these ways."""
        self._read = [f"{subject}: {choices}" for subject, choices in lines_of(decisions)]
        self.draw()

    def draw(self) -> None:
        """Puts the output up to date."""
        self._drawn = self._clock()
        if not self._done and not self._read:
            return
        rows = [
            (_title(stage, self._details[stage]), done, self._times[stage][1] - self._times[stage][0])
            for stage, done in self._done.items()
        ]
        plain = [f"{title}: {100 * done:.0f} %, {time_s:.0f} s" for title, done, time_s in rows]
        marked = "".join(
            f"<tr><td style='text-align:left'>{html.escape(title)}</td>"
            f"<td><progress max='1' value='{done:.3f}'></progress></td>"
            f"<td>{100 * done:.0f} %</td><td>{time_s:.0f} s</td></tr>"
            for title, done, time_s in rows
        )
        read = "".join(f"<div>{html.escape(line)}</div>" for line in self._read)
        self._output.show("\n".join([*self._read, *plain]), f"{read}<table>{marked}</table>")


def _title(stage: str, detail: str) -> str:
    return f"{TITLES.get(stage, stage)}{f', {detail}' if detail else ''}"


class NotebookOutput:
    """One output of a cell, that is replaced by the next."""

    def __init__(self) -> None:
        self._name: str | None = None

    def show(self, plain: str, marked: str) -> None:
        """Replaces it. `marked` is HTML in which everything was escaped."""
        from IPython.display import display, update_display

        data = {"text/plain": plain, "text/html": marked}
        if self._name is None:
            self._name = f"edgeprune-{uuid.uuid4()}"
            display(data, raw=True, display_id=self._name)
        else:
            update_display(data, raw=True, display_id=self._name)


def _written(decisions: Sequence[ReadingDecision]) -> None:
    """For a terminal."""
    for subject, choices in lines_of(decisions):
        sys.stderr.write(f"{subject:>15}  {choices}\n")
