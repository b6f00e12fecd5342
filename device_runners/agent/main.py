"""Entry point on the device: job on stdin, record on stdout, errors as one JSON line on stderr."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any, Callable

ERROR_MARK = "edgeprune-error: "


def main() -> int:
    """Run the job that stdin holds; the exit code is that of the error, 0 without one."""
    result = _claim_stdout()
    # Imported here, so that a device without numpy gets the sentence below and not a traceback.
    try:
        import numpy as np  # noqa: F401
    except ImportError as error:
        return _fail(
            "DeviceError",
            f"numpy does not load on the device ({error}).",
            "The agent needs it.",
            "On the device: python3 -m pip install numpy, or apt install python3-numpy.",
            3,
        )
    from device_runners.agent.job import Job
    from device_runners.agent.many import ManyJob, run_many
    from device_runners.agent.paired import PairedJob, run_paired
    from device_runners.agent.run import run
    from edgeprune import jsonable
    from edgeprune.errors import EdgepruneError

    text = sys.stdin.buffer.read()
    if sys.argv[1:] == ["paired"]:
        pair = jsonable.loads(PairedJob, text, "The job")
        _limit(pair.settings.time_limit_s)
        return _answer(result, lambda: run_paired(pair, time.perf_counter_ns), EdgepruneError)
    if sys.argv[1:] == ["many"]:
        many = jsonable.loads(ManyJob, text, "The job")
        _limit(many.settings.time_limit_s)
        return _answer(result, lambda: run_many(many, time.perf_counter_ns), EdgepruneError)
    job = jsonable.loads(Job, text, "The job")
    _limit(job.settings.time_limit_s)
    return _answer(result, lambda: run(job), EdgepruneError)


def _answer(result: int, work: Callable[[], Any], expected: type[Exception]) -> int:
    from edgeprune import jsonable

    try:
        record = work()
    except expected as error:
        return _fail(
            type(error).__name__,
            getattr(error, "found", str(error)),
            getattr(error, "expected", ""),
            getattr(error, "way_out", ""),
            getattr(error, "exit_code", 3),
        )
    with os.fdopen(result, "w", encoding="utf-8") as stream:
        stream.write(jsonable.dumps(record))
    return 0


def _claim_stdout() -> int:
    """A descriptor of its own for the record; whatever else is printed, by C code too, goes to stderr."""
    result = os.dup(1)
    os.dup2(2, 1)
    return result


def _limit(seconds: float) -> None:
    """Have the kernel end this process after `seconds`, even while the runtime hangs in C code."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _fail(kind: str, found: str, expected: str, way_out: str, code: int) -> int:
    message = {"kind": kind, "found": found, "expected": expected, "way_out": way_out}
    print(ERROR_MARK + json.dumps(message), file=sys.stderr, flush=True)
    return code
