"""A trial in a process of its own, so that every build starts alike and a crash ends one only.

    `run_in_subprocess` ──stdin: an Assignment──> `main` ──stdout: Messages──> `run_in_subprocess`

Both are JSON, one document a line. The process ends itself when its standard input closes, so that it does
not outlive a parent that is killed.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO

from edgeprune import jsonable
from edgeprune.sweep.trial import Assignment, Message, run_here

_TAIL = 300
_processes: set[subprocess.Popen[str]] = set()


class WorkerLostError(Exception):
    """A trial's process ended without an outcome: killed, out of memory, or its machine went away."""


def run_in_subprocess(assignment: Assignment) -> Generator[Message, None, None]:
    """Builds in a fresh process; the last message has the outcome. Closing the generator ends the process.

    Raises:
        WorkerLostError: it ended without an outcome.
    """
    folder = assignment.folder if Path(assignment.folder).is_dir() else None
    command = [sys.executable, "-c", "from edgeprune.sweep.subprocess_trial import main; main()"]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log, subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder or None
    ) as process:
        _processes.add(process)
        try:
            yield from _messages(process, assignment)
        finally:
            _processes.discard(process)
            process.kill()
        process.wait()
        raise WorkerLostError(_reason(process.returncode, log))


def end_all() -> None:
    """Ends every trial's process that this one has started."""
    for process in list(_processes):
        process.kill()


def _messages(process: subprocess.Popen[str], assignment: Assignment) -> Iterator[Message]:
    assert process.stdin is not None  # noqa: S101  (pipes were asked for)
    assert process.stdout is not None  # noqa: S101
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(jsonable.dumps(assignment) + "\n")
        process.stdin.flush()
    for line in process.stdout:
        yield jsonable.loads(Message, line, "What a trial sent")


def _reason(code: int, log: IO[str]) -> str:
    log.seek(0)
    last = log.read().strip()[-_TAIL:]
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"The process {how}" + (f": {last}" if last else " and printed nothing (out of memory?).")


def main() -> None:
    """Entry point of the process."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed, by C code too, is no message
    assignment = jsonable.loads(Assignment, sys.stdin.readline(), "The assignment")

    def end_with_parent() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()

    def send(message: Message) -> None:
        answers.write(jsonable.dumps(message) + "\n")
        answers.flush()

    outcome = run_here(assignment, lambda stage, done: send(Message(stage, round(done, 2))))
    send(Message(outcome=outcome))
    os._exit(0)  # the thread holds standard input, on which a plain exit would wait
