"""Silence for what the converter, absl and the C++ below them print.

TensorFlow writes to file descriptor 2 from C++, past `sys.stderr` and past Python's `warnings` and
`logging`; only replacing the descriptor itself keeps a user's terminal clean.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import threading
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# The descriptor belongs to the whole process: the first to come redirects it, the last restores it.
_lock = threading.Lock()
_open = contextlib.ExitStack()
_depth = 0


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Discards everything written to stderr; an exception still carries its own message.

    It may be nested and entered from several threads.
    """
    global _depth  # noqa: PLW0603
    with _lock:
        if _depth == 0:
            _open.enter_context(_redirected())
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                _open.close()


@contextlib.contextmanager
def _redirected() -> Iterator[None]:
    """Points the descriptor at an unlinked file, so nothing stays on disk after Ctrl-C."""
    sys.stderr.flush()
    saved = os.dup(2)
    level = logging.root.manager.disable
    with tempfile.TemporaryFile() as sink, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            logging.disable(level)
