"""Entry point on the device: job on stdin, record on stdout, errors as one JSON line on stderr."""

from __future__ import annotations

import os
import signal
import sys
import time

from device_runners.agent.job import ERROR_MARK, AcceleratorJob, InterleavedJob, Job, JobError
from edgeprune import jsonable
from edgeprune.errors import DeviceError, EdgepruneError


def main() -> int:
    """Run the job that stdin holds; the exit code is that of the error, 0 without one."""
    result = _claim_stdout()
    try:
        record = _do_job(sys.stdin.buffer.read(), sys.argv[1:])
    except EdgepruneError as error:
        message = JobError(type(error).__name__, error.found, error.expected, error.way_out)
        print(ERROR_MARK + jsonable.dumps(message), file=sys.stderr, flush=True)
        return error.exit_code
    with os.fdopen(result, "w", encoding="utf-8") as stream:
        stream.write(jsonable.dumps(record))
    return 0


def _do_job(text: bytes, arguments: list[str]) -> object:
    if arguments == ["accelerated"]:
        from device_runners.agent.extras.accelerated import answer_accelerated

        asked = jsonable.loads(AcceleratorJob, text, "The job")
        _end_after(asked.settings.time_limit_s)
        return answer_accelerated(asked, time.perf_counter_ns)
    job: InterleavedJob | Job = (
        jsonable.loads(InterleavedJob, text, "The job") if arguments == ["interleaved"]
        else jsonable.loads(Job, text, "The job")
    )
    _end_after(job.settings.time_limit_s)
    # Imported here, so that a device without numpy gives this error and not a traceback.
    try:
        import numpy as np  # noqa: F401
    except ImportError as error:
        raise DeviceError(
            f"numpy does not load on the device ({error}).", "The agent needs it.",
            "`edgeprune devices --prepare DEVICE` installs it there; on this machine: pip install numpy.",
        ) from error
    from device_runners.agent.interleaved import run_interleaved
    from device_runners.agent.run import run

    return run_interleaved(job, time.perf_counter_ns) if isinstance(job, InterleavedJob) else run(job)


def _claim_stdout() -> int:
    """A descriptor of its own for the record; whatever else is printed, by C code too, goes to stderr.

    It stays so until the process ends: runtimes print at exit as well.
    """
    result = os.dup(1)
    os.dup2(2, 1)
    return result


def _end_after(seconds: float) -> None:
    """Have the kernel end this process after `seconds`, even while the runtime hangs in C code."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
