"""From an exception to a short paragraph and an exit code."""

from __future__ import annotations

import errno
import sys
import textwrap
import traceback

from edgeprune.errors import EdgepruneError

INTERRUPTED = 130
BAD_INPUT = 2
_DEFECT = 1


def report_failure(error: BaseException, *, debug: bool) -> int:
    """Prints what went wrong to stderr.

    Returns:
        The exit code: 2 bad input, 1 a check failed, 3 the device failed, 130 interrupted.
    """
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(bool(error.code))
    if debug and not hasattr(error, "show"):
        traceback.print_exception(error)
    if hasattr(error, "show") and hasattr(error, "exit_code"):  # click's own: wrong usage
        error.show()
        return int(error.exit_code)
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        _say("Interrupted. What was there before is as it was.")
        return INTERRUPTED
    if isinstance(error, EdgepruneError):
        _say(f"Error: {error}")
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        return _DEFECT
    if isinstance(error, MemoryError):
        _say("Error: Out of memory. Use fewer calibration samples (--calibration) or a smaller batch.")
        return BAD_INPUT
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        _say("Error: The disk is full. Free space and try again; the previous folder is as it was.")
        return BAD_INPUT
    if isinstance(error, OSError) and error.filename:
        _say(f"Error: {error.filename}: {error.strerror}.")
        return BAD_INPUT
    kind = type(error).__name__
    _say(f"Error: {kind}: {error} This is a defect of edgeprune; --debug shows where it happened.")
    return _DEFECT


def _say(text: str) -> None:
    print(textwrap.fill(" ".join(text.split()), 100), file=sys.stderr)  # noqa: T201
