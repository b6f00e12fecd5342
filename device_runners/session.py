"""One run's stay on a device: locked, in a folder of its own, gone afterwards whatever happens.

    with Session(open_transport(name), time_limit_s=60) as session:
        session.upload({"agent.zip": path_or_bytes, ...})
        result = session.run(["python3", "agent.zip"], stdin=b"...", timeout_s=60)

The lock holder, a process on the device (see `scripts`), owns the lock and the folder. Its stdin is the life
line: when that closes, on purpose, by Ctrl-C or by a cut connection, it kills and removes everything.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import re
import selectors
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from device_runners import scripts
from device_runners.transports.transport import Transport
from edgeprune.errors import DeviceError

_CONNECT_S = 30.0
_CLOSE_S = 10.0
_UPLOAD_BYTES_PER_S = 20_000  # slower than that counts as hung
_LOCK_TRIES_PER_S = 5
_EX_LOCKED, _EX_NO_SPACE, _EX_DAMAGED = 75, 28, 76  # exit codes of the scripts


@dataclasses.dataclass(frozen=True)
class CommandResult:
    """How a command on the device ended, and what it printed."""

    code: int
    stdout: bytes
    stderr: str


class Session:
    """See the module. Not thread-safe, but `abort` may come from another thread.

    Each step raises `DeviceError` where it fails or takes too long, or where the connection is lost.
    """

    def __init__(self, transport: Transport, time_limit_s: float, lock_wait_s: float = 120.0) -> None:
        self.transport = transport
        self._time_limit_s = time_limit_s
        self._lock_wait_s = lock_wait_s
        self._lock_holder: subprocess.Popen[bytes] | None = None
        self.folder = ""
        self._root = ""

    def __enter__(self) -> Session:  # noqa: PYI034  (Self is Python 3.11's)
        # Longer than any step may take: the lock holder's own limit is for a host that vanished silently.
        limit = int(self._time_limit_s * 2 + 600)
        tries = int(self._lock_wait_s * _LOCK_TRIES_PER_S)
        line = scripts.lock_holder_command(self.transport.root, str(tries), str(limit))
        try:
            self._lock_holder = _start(self.transport.argv(line, lock_holder=True))
            self.folder, self._root = self._await_ready(self._lock_holder)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        try:
            self.abort()
            if self._lock_holder is not None:
                with self._lock_holder as process:  # closes its pipes
                    try:
                        process.wait(_CLOSE_S)
                    except subprocess.TimeoutExpired:
                        process.kill()
        finally:
            self.transport.close()

    def abort(self) -> None:
        """Cut the life line; the lock holder ends everything on the device."""
        stdin = self._lock_holder.stdin if self._lock_holder else None
        if stdin and not stdin.closed:
            with contextlib.suppress(BrokenPipeError):  # it is gone already
                stdin.close()

    def upload(self, files: Mapping[str, Path | bytes]) -> None:
        """Bring files into the run's folder, sending only what the device does not have."""
        contents = {name: one if isinstance(one, bytes) else one.read_bytes() for name, one in files.items()}
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        by_hash = {hashes[name]: content for name, content in contents.items()}
        pairs = [part for digest, content in by_hash.items() for part in (digest, str(len(content)))]
        status = self._script(scripts.STATUS, self._root, *pairs).stdout.decode()
        for line in status.splitlines():
            digest, have = line.split()
            if int(have) < len(by_hash[digest]):
                self._store(digest, by_hash[digest], int(have))
        places = [part for name, digest in hashes.items() for part in (name, digest)]
        self._script(scripts.PLACE, self.folder, self._root, *places)

    def run(self, command: Sequence[str], stdin: bytes, timeout_s: float) -> CommandResult:
        """Run a command in the run's folder."""
        return self._call(scripts.command(scripts.START, self.folder, *command), stdin, timeout_s)

    def read_files(self, paths: Sequence[str]) -> dict[str, str]:
        """Text of those files of the device that can be read."""
        text = self._script(scripts.READ_FILES, *paths).stdout.decode(errors="replace")
        parts = (part.split("\n", 1) for part in text.split("\x1e") if "\n" in part)
        return {path: content for path, content in parts}  # noqa: C416  (mypy cannot tell two from many)

    def shell(self, script: str, *arguments: str, timeout_s: float = _CONNECT_S) -> CommandResult:
        """Run a script; a non-zero exit code is the caller's business."""
        return self._call(scripts.command(script, *arguments), b"", timeout_s)

    def _script(self, script: str, *arguments: str) -> CommandResult:
        result = self.shell(script, *arguments)
        if result.code:
            raise self._problem(result)
        return result

    def _store(self, digest: str, content: bytes, have: int) -> None:
        line = scripts.command(scripts.STORE, self._root, digest, str(len(content)))
        timeout_s = _CONNECT_S + len(content) / _UPLOAD_BYTES_PER_S
        result = self._call(line, content[have:], timeout_s)
        if result.code == _EX_DAMAGED and have:  # the part kept from last time was not what it seemed
            result = self._call(line, content, timeout_s)
        if result.code:
            raise self._problem(result)

    def _problem(self, result: CommandResult) -> DeviceError:
        device = self.transport.device
        detail = " ".join(result.stderr.split())[-300:]
        found, way_out = f"A step on {device} failed with exit code {result.code} ({detail}).", "Try again."
        if result.code == _EX_NO_SPACE:
            found = f"{device} has no space left ({detail})."
            way_out = f"Free some below {self._root} there, and try again."
        elif result.code == _EX_DAMAGED:
            found, way_out = f"What arrived at {device} is not what was sent.", "Check its storage and cable."
        return DeviceError(found, "", way_out)

    def _call(self, line: str, stdin: bytes, timeout_s: float) -> CommandResult:
        process = _start(self.transport.argv(line))
        try:
            stdout, stderr = process.communicate(stdin, timeout_s)
        except subprocess.TimeoutExpired as error:
            raise DeviceError(
                f"{self.transport.device} did not answer within {timeout_s:.0f} s; the run was stopped.", "",
                "Raise --time-limit, or check the device.",
            ) from error
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        text, code = scripts.split_exit(stderr.decode(errors="replace"))
        if code is None:
            raise self._lost(process.returncode, text)
        return CommandResult(code, stdout, text)

    def _lost(self, code: int, stderr: str) -> DeviceError:
        last = (stderr.strip().splitlines() or [f"exit code {code}"])[-1]
        return self.transport.failure(code, stderr) or DeviceError(
            f"The connection to {self.transport.device} was lost ({last[-200:]}).", "", "Try again."
        )

    def _await_ready(self, process: subprocess.Popen[bytes]) -> tuple[str, str]:
        """The run's folder and the root, once the lock is held."""
        assert process.stdout is not None  # noqa: S101  (a pipe was asked for)
        text = _read_until(process.stdout, scripts.READY.encode(), _CONNECT_S + self._lock_wait_s)
        match = re.search(rf"^{scripts.READY} (\S+) (\S+)\r?$", text.decode(errors="replace"), re.MULTILINE)
        if not match:
            raise self._refused(process)
        return match[1], match[2]

    def _refused(self, process: subprocess.Popen[bytes]) -> DeviceError:
        device = self.transport.device
        try:
            _, stderr = process.communicate(timeout=_CLOSE_S)
        except subprocess.TimeoutExpired:
            return DeviceError(f"{device} did not answer in {_CONNECT_S:.0f} s.", "", "Check the device.")
        text = stderr.decode(errors="replace")
        if process.returncode == _EX_LOCKED:
            return DeviceError(
                f"{device} is busy: {' '.join(text.split())}.", "One run at a time keeps timings true.",
                "Wait for the other run, or end it.",
            )
        result = CommandResult(process.returncode, b"", text)
        return self.transport.failure(process.returncode, text) or self._problem(result)


def _start(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    """In a session of its own: Ctrl-C is for edgeprune, which then cleans up in order."""
    return subprocess.Popen(  # noqa: S603  (a list, no shell on this side)
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def _read_until(stream: IO[bytes], mark: bytes, timeout_s: float) -> bytes:
    """Read up to the end of the line that begins with `mark`, the end of `stream` or the time limit."""
    deadline = time.monotonic() + timeout_s
    seen = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while selector.select(max(deadline - time.monotonic(), 0)):
            piece = os.read(stream.fileno(), 1 << 16)
            seen += piece
            if not piece or (mark in seen and b"\n" in seen[seen.index(mark) :]):
                break
    return seen
