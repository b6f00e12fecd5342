"""From an exception to a short paragraph and an exit code."""

import errno
import traceback

from edgeprune.cli.output import say_paragraph
from edgeprune.cli.streams import written
from edgeprune.errors import EdgepruneError

INTERRUPTED = 130
BAD_INPUT = 2
_UNEXPECTED = 1
_REPORT = "If the model and the data are as they should be, please report it with that output."


def report_failure(error: BaseException, *, debug: bool) -> int:
    """Say on stderr what went wrong; the exit code: 2 input, 1 a check, 3 the device, 130 interrupted."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(bool(error.code))
    if debug and not hasattr(error, "show"):
        traceback.print_exception(error)
    if hasattr(error, "show") and hasattr(error, "exit_code"):  # click's own: wrong usage
        written(error.show, error=True)
        return int(error.exit_code)
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        kept = str(error) if isinstance(error, KeyboardInterrupt) else ""
        say_paragraph(f"Interrupted. The output folder is as it was before. {kept}")
        return INTERRUPTED
    if isinstance(error, EdgepruneError):
        say_paragraph(f"Error: {error}")
        return error.exit_code
    text, code = _unplanned(error)
    say_paragraph(f"Error: {text}")
    return code


def _unplanned(error: BaseException) -> tuple[str, int]:
    """What the system refused, in words; what nobody expected is told with its kind."""
    if isinstance(error, MemoryError):
        return "Out of memory. Use a smaller --calibration or --batch-size.", BAD_INPUT
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full. Free space and try again; the previous folder is as it was.", BAD_INPUT
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}.", BAD_INPUT
    kind = type(error).__name__
    told = f"{kind}: {' '.join(str(error).split()).rstrip('.')}." if str(error).strip() else f"{kind}."
    return f"{told} edgeprune did not expect this; --debug shows where it happened. {_REPORT}", _UNEXPECTED


