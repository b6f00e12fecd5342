"""Suppresses what TensorFlow, its converter and LiteRT print.

They write to file descriptor 2 from C++, past `sys.stderr`, `warnings` and `logging`; only replacing the
descriptor itself keeps a user's terminal clean. It belongs to the whole process, so `silence` goes around
single calls. `muted_frameworks` leaves it alone and may last for a whole build: it mutes the loggers and
warnings of the frameworks only, and a program around it keeps its own.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator

_LOGGERS = ("tensorflow", "absl")
_WARNING_MODULES = r"(edgeprune|tensorflow|tf_keras|keras|absl|numpy|ai_edge_)"
_NATIVE_LEVEL = "TF_CPP_MIN_LOG_LEVEL"

# The first to enter redirects the descriptor, the last to leave restores it.
_lock = threading.Lock()
_redirection = contextlib.ExitStack()
_depth = 0


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Discards everything written to stderr; an exception still carries its own message.

    It may be nested and entered from several threads.
    """
    global _depth  # noqa: PLW0603
    with _lock:
        if _depth == 0:
            _redirection.enter_context(_redirected())
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                _redirection.close()


def import_quietly() -> None:
    """Imports TensorFlow without what its C++ says then; whoever needs it tells where it is not installed."""
    with silence(), contextlib.suppress(ImportError):
        import tensorflow as tf

        del tf


@contextlib.contextmanager
def muted_frameworks() -> Iterator[None]:
    """Mutes the frameworks' loggers and warnings, and C++ messages where TensorFlow is not imported yet.

    C++ reads its log level once, when TensorFlow is imported; a level that the user has set is respected.
    """
    before = os.environ.get(_NATIVE_LEVEL)
    os.environ.setdefault(_NATIVE_LEVEL, "3")
    try:
        with _muted_loggers(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=_WARNING_MODULES)
            yield
    finally:
        if before is None:
            os.environ.pop(_NATIVE_LEVEL, None)


@contextlib.contextmanager
def _muted_loggers() -> Iterator[None]:
    """A filter instead of a level: TensorFlow sets the level of its logger when it is imported."""

    def reject(_record: logging.LogRecord) -> bool:
        return False

    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(reject)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(reject)


@contextlib.contextmanager
def _redirected() -> Iterator[None]:
    """Points the descriptor at an unlinked file, so nothing stays on disk after Ctrl-C."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as sink, warnings.catch_warnings(), _muted_loggers():
        warnings.simplefilter("ignore")
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
