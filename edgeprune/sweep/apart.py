"""The parent's side of a trial's process; see `edgeprune.sweep.trial`."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from edgeprune import jsonable
from edgeprune.sweep.trial import Message

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from edgeprune.sweep.trial import Assignment

_TAIL = 300
_running: set[subprocess.Popen[str]] = set()


class WorkerLostError(Exception):
    """A trial's process ended without an outcome: killed, out of memory, or its machine went away."""


def run_apart(assignment: Assignment) -> Generator[Message, None, None]:
    """Builds in a fresh process; the last message has the outcome. Whoever stops listening ends it.

    Raises:
        WorkerLostError: it ended without an outcome.
    """
    there = assignment.folder if Path(assignment.folder).is_dir() else None
    command = [sys.executable, "-c", "from edgeprune.sweep.trial import main; main()"]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said, subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True, cwd=there or None
    ) as process:
        _running.add(process)
        try:
            yield from _messages(process, assignment)
        finally:
            _running.discard(process)
            process.kill()
        process.wait()
        said.seek(0)
        raise WorkerLostError(_why(process.returncode, said))


def end_all() -> None:
    """Ends every trial's process of this one."""
    for process in list(_running):
        process.kill()


def _messages(process: subprocess.Popen[str], assignment: Assignment) -> Iterator[Message]:
    assert process.stdin is not None  # noqa: S101  (pipes were asked for)
    assert process.stdout is not None  # noqa: S101
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(jsonable.dumps(assignment) + "\n")
        process.stdin.flush()
    for line in process.stdout:
        yield jsonable.loads(Message, line, "What a trial sent")


def _why(code: int, said: IO[str]) -> str:
    last = said.read().strip()[-_TAIL:]
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"The process {how}" + (f": {last}" if last else ", without a word (out of memory?).")
