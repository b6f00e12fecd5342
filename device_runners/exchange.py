"""Talk to a local process within bounds of time and memory, and end it whatever state it is in.

`subprocess.communicate` reads without a limit, and its clean-up waits for pipes that a stopped grandchild may
hold for ever. Here every wait has an end, and a process is ended together with its group.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO

_STDERR_BYTES = 1 << 20  # of stderr the last part is kept: errors stand at its end
_PIECE_BYTES = 1 << 16
_POLL_S = 0.2  # how soon an abort by another thread is seen
_KILLED_S = 1.0  # a killed process that is not gone by then hangs in the kernel


class ExchangeTimeoutError(Exception):
    """No end within the time limit, or no output for too long; `stderr` is what it had printed until then."""

    def __init__(self, stderr: bytes) -> None:
        super().__init__()
        self.stderr = stderr


class ExchangeAbortedError(Exception):
    """Another thread set the event."""


class TooMuchOutputError(Exception):
    """Stdout is longer than anything that was meant."""


def start(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    """In a session of its own: Ctrl-C is for edgeprune, which then cleans up in order."""
    return subprocess.Popen(  # noqa: S603  (a list, no shell on this side)
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def exchange(
    process: subprocess.Popen[bytes], stdin: bytes, timeout_s: float, most_bytes: int, stop: threading.Event
) -> tuple[bytes, bytes]:
    """Send `stdin` and read stdout and stderr to their ends.

    Raises:
        ExchangeTimeoutError, ExchangeAbortedError, TooMuchOutputError: the process is left to `end`.
    """
    deadline = time.monotonic() + timeout_s
    reader = _PipeReader(process, most_bytes)

    def go_on() -> None:
        if stop.is_set():
            raise ExchangeAbortedError
        if time.monotonic() >= deadline:
            raise ExchangeTimeoutError(bytes(reader.stderr))

    sender = _PipeSender(process.stdin, stdin)
    with selectors.DefaultSelector() as selector:
        for descriptor in reader.descriptors:
            selector.register(descriptor, selectors.EVENT_READ, reader.take)
        if sender.open:
            selector.register(sender.descriptor, selectors.EVENT_WRITE, sender.send)
        while selector.get_map():
            go_on()
            for key, _ in selector.select(_POLL_S):
                if not key.data(key.fd):
                    selector.unregister(key.fileobj)
    while process.poll() is None:
        go_on()
        stop.wait(0.01)
    return bytes(reader.stdout), bytes(reader.stderr)


def read_until(
    stream: IO[bytes], complete: Callable[[bytes], object], total_s: float, silence_s: float, most_bytes: int,
    stop: threading.Event,
) -> bytes:
    """What a stream gives until it is `complete`, ends, is silent for too long, or the time is up."""
    deadline = time.monotonic() + total_s
    heard, seen = time.monotonic(), b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while not stop.is_set() and len(seen) < most_bytes:
            if time.monotonic() >= min(deadline, heard + silence_s):
                raise ExchangeTimeoutError(b"")
            if not selector.select(_POLL_S):
                continue
            piece = os.read(stream.fileno(), _PIECE_BYTES)
            heard, seen = time.monotonic(), seen + piece
            if not piece or complete(seen):
                break
    return seen


def end(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """Close its stdin, give it `grace_s` to end by itself, kill its group, close the pipes."""
    _close(process.stdin)
    with contextlib.suppress(subprocess.TimeoutExpired):
        if grace_s:
            _signal_group(process, signal.SIGCONT)  # a stopped one could not even clean up
            process.wait(grace_s)
    if process.poll() is None:
        _signal_group(process, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_KILLED_S)
    _close(process.stdout)
    _close(process.stderr)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)  # it leads its group, see `start`


def _close(stream: IO[bytes] | None) -> None:
    if stream is not None and not stream.closed:
        with contextlib.suppress(OSError):  # the other end is gone already
            stream.close()


class _PipeReader:
    """Collects both streams within their bounds."""

    def __init__(self, process: subprocess.Popen[bytes], most_bytes: int) -> None:
        assert process.stdout is not None  # noqa: S101  (pipes were asked for)
        assert process.stderr is not None  # noqa: S101
        self.descriptors = process.stdout.fileno(), process.stderr.fileno()
        self._most_bytes = most_bytes
        self.stdout, self.stderr = bytearray(), bytearray()

    def take(self, descriptor: int) -> bool:
        """Read one piece; whether there may be more."""
        piece = os.read(descriptor, _PIECE_BYTES)
        if descriptor == self.descriptors[0]:
            self.stdout += piece
            if len(self.stdout) > self._most_bytes:
                raise TooMuchOutputError
        else:
            self.stderr += piece
            del self.stderr[:-_STDERR_BYTES]
        return bool(piece)


class _PipeSender:
    """Writes stdin without ever waiting for the other side, then closes it."""

    def __init__(self, stream: IO[bytes] | None, content: bytes) -> None:
        assert stream is not None  # noqa: S101
        self._stream, self._rest = stream, memoryview(content)
        self.descriptor = stream.fileno()
        os.set_blocking(self.descriptor, False)
        self.open = bool(content)
        if not content:
            _close(stream)

    def send(self, descriptor: int) -> bool:
        """Write one piece; whether there is more."""
        try:
            self._rest = self._rest[os.write(descriptor, self._rest[:_PIECE_BYTES]) :]
        except BlockingIOError:
            return True
        except OSError:  # the other side reads no more; how it ends says why
            self._rest = self._rest[:0]
        if not self._rest:
            _close(self._stream)  # tells the other side that this was all
        return bool(self._rest)
