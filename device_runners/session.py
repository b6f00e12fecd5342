"""One run's stay on a device: locked, in a folder of its own, gone afterwards whatever happens.

    with Session(open_transport(name), time_limit_s=60) as session:
        session.upload({"agent.zip": path_or_bytes, ...})
        result = session.run(["python3", "agent.zip"], stdin=b"...", timeout_s=60)

The lock holder, a process on the device (see `scripts`), owns the lock and the folder. Its stdin is the life
line: when that closes, on purpose, by Ctrl-C or by a cut connection, it kills and removes everything.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from device_runners import exchange, scripts
from device_runners.agent.job import STEP_MARK
from device_runners.options import Waiting, unheard
from device_runners.transports.transport import Transport
from edgeprune.errors import DeviceError, InputError

_CONNECT_S = 30.0
_SLACK_S = 2.5  # the device ends a run at its limit by itself; the host waits a little longer
_CLOSE_S = 1.5  # with the slack and a kill below the 5 s after the limit in which everything ends
_SCRIPT_BYTES = 4 << 20  # what a script of ours may print
RUN_BYTES = 64 << 20  # what a run may print, its outputs included
_UPLOAD_BYTES_PER_S = 20_000  # slower than that counts as hung
_LOCK_TRIES_PER_S = 5
# Exit codes of the scripts.
_EX_LOCKED, _EX_NO_SPACE, _EX_DAMAGED, _EX_NO_HASHES, _EX_NO_FOLDER, _EX_GONE = 75, 28, 76, 77, 73, 78
_EX_NO_LOCK = 79
_EX_NO_GOVERNOR, _EX_OTHER_GOVERNOR, _EX_MAY_NOT = 80, 81, 82


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

    def __init__(
        self, transport: Transport, time_limit_s: float, lock_wait_s: float = 120.0, tell: Waiting = unheard
    ) -> None:
        self.transport = transport
        self._tell = tell
        self._time_limit_s = time_limit_s
        self._lock_wait_s = lock_wait_s
        self._lock_holder: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self.folder = ""
        self._root = ""

    def __enter__(self) -> Session:  # noqa: PYI034  (Self is Python 3.11's)
        # Longer than any step may take: the lock holder's own limit is for a host that vanished silently.
        limit = int(self._time_limit_s * 2 + 600)
        tries = int(self._lock_wait_s * _LOCK_TRIES_PER_S)
        line = scripts.lock_holder_command(self.transport.root, str(tries), str(limit))
        try:
            self._lock_holder = exchange.start(self.transport.argv(line, lock_holder=True))
            self.folder, self._root = self._await_ready(self._lock_holder)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        try:
            if self._lock_holder is not None:
                exchange.end(self._lock_holder, _CLOSE_S)  # its closed stdin ends everything on the device
        finally:
            self.transport.close()

    def abort(self) -> None:
        """Have whatever step is under way fail at once; leaving the session then cleans up."""
        self._stop.set()

    @property
    def _patience_s(self) -> float:
        """How long a short step may take: on a device that hangs the user's limit counts here too."""
        return min(_CONNECT_S, self._time_limit_s + _SLACK_S)

    def upload(self, files: Mapping[str, Path | bytes]) -> None:
        """Bring files into the run's folder, sending only what the device does not have."""
        contents = {name: one if isinstance(one, bytes) else one.read_bytes() for name, one in files.items()}
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        by_hash = {hashes[name]: content for name, content in contents.items()}
        places = [part for name, digest in hashes.items() for part in (name, digest)]
        self._send(by_hash)
        result = self.shell(scripts.PLACE, self.folder, self._root, *places)
        if result.code == _EX_GONE:  # somebody cleared the cache in between
            self._send(by_hash)
            result = self.shell(scripts.PLACE, self.folder, self._root, *places)
        if result.code:
            raise self._problem(result)

    def _send(self, by_hash: Mapping[str, bytes]) -> None:
        """Have the device keep each content under its hash."""
        pairs = [part for digest, content in by_hash.items() for part in (digest, str(len(content)))]
        status = self._script(scripts.STATUS, self._root, *pairs).stdout
        for digest, have in self._have(status, by_hash).items():
            if have < len(by_hash[digest]):
                self._store(digest, by_hash[digest], have)

    def _have(self, status: bytes, wanted: Mapping[str, bytes]) -> dict[str, int]:
        """How many bytes of each file are on the device already, as it says."""
        text = status.decode(errors="replace")
        pairs = re.findall(r"^([0-9a-f]{64}) ([0-9]{1,15})\r?$", text, re.MULTILINE)
        have = {digest: int(size) for digest, size in pairs}
        if have.keys() != wanted.keys():
            raise DeviceError(
                f"What {self.transport.device} says of its uploaded files is not understood.", "",
                "Run it again; if it repeats, check what its login shell does.",
            )
        return have

    def run(
        self, command: Sequence[str], stdin: bytes, time_limit_s: float, most_bytes: int = RUN_BYTES
    ) -> CommandResult:
        """Run a command in the run's folder, which ends by itself after `time_limit_s`."""
        line = scripts.command(scripts.START, self.folder, *command)
        return self._call(line, stdin, time_limit_s + _SLACK_S, most_bytes)

    def read_files(self, paths: Sequence[str]) -> dict[str, str]:
        """Text of those files of the device that can be read."""
        text = self._script(scripts.READ_FILES, *paths).stdout.decode(errors="replace")
        parts = (part.split("\n", 1) for part in text.split("\x1e") if "\n" in part)
        return {path: content for path, content in parts}  # noqa: C416  (mypy cannot tell two from many)

    def set_governor(self, name: str) -> None:
        """Set every core's governor; the lock holder puts the old ones back when the session ends, however.

        Raises:
            InputError: no name of one.
            DeviceError: the device has none, not this one, or does not let this user set it.
        """
        if not re.fullmatch(r"[a-z_]{1,40}", name):
            raise InputError(f"--set-governor is {name[:60]!r}.", "A name such as performance was expected.")
        result = self.shell(scripts.SET_GOVERNOR, self.folder, name)
        device, detail = self.transport.device, " ".join(result.stderr.split())[-200:]
        if result.code == _EX_NO_GOVERNOR:
            raise DeviceError(f"{device} has no governor to set.", "", "Leave --set-governor out.")
        if result.code == _EX_OTHER_GOVERNOR:
            raise DeviceError(f"{device} has no governor {name}.", f"It has {detail}.")
        if result.code == _EX_MAY_NOT:
            raise DeviceError(
                f"{device} does not let this user set the governor ({detail}).", "",
                f"Set it there yourself: echo {name} | sudo tee {detail}",
            )
        if result.code:
            raise self._problem(result)

    def shell(self, script: str, *arguments: str) -> CommandResult:
        """Run a script; a non-zero exit code is the caller's business."""
        return self._call(scripts.command(script, *arguments), b"", self._patience_s)

    def _script(self, script: str, *arguments: str) -> CommandResult:
        result = self.shell(script, *arguments)
        if result.code:
            raise self._problem(result)
        return result

    def _store(self, digest: str, content: bytes, have: int) -> None:
        line = scripts.command(scripts.STORE, self._root, digest, str(len(content)))
        timeout_s = self._patience_s + len(content) / _UPLOAD_BYTES_PER_S
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
        elif result.code in (_EX_NO_FOLDER, _EX_GONE):
            found = f"The folder for uploads on {device} vanished or cannot be used ({detail})."
            way_out = f"{self._root}/files must be a folder of your own there: remove what is in its place."
        elif result.code == _EX_NO_LOCK:
            found, way_out = f"{device} cannot make its lock ({detail}).", "Free some space for it there."
        elif result.code == _EX_NO_HASHES:
            found = f"{device} has no sha256sum or shasum to check uploads with."
            way_out = "Install coreutils there."
        elif result.code == _EX_DAMAGED:
            found, way_out = f"What arrived at {device} is not what was sent.", "Check its storage and cable."
        return DeviceError(found, "", way_out)

    def _call(
        self, line: str, stdin: bytes, timeout_s: float, most_bytes: int = _SCRIPT_BYTES
    ) -> CommandResult:
        device = self.transport.device
        process = exchange.start(self.transport.argv(line))
        try:
            printed, said = exchange.exchange(process, stdin, timeout_s, most_bytes, self._stop)
        except exchange.ExchangeTimeoutError as error:
            raise DeviceError(
                f"{device} did not answer within {timeout_s:.0f} s{_last_step(error.stderr)}; "
                "the run was stopped.", "", "Raise --time-limit, or check the device.",
            ) from error
        except exchange.TooMuchOutputError as error:
            raise DeviceError(
                f"{device} sent more than {most_bytes >> 20} MB.", "No step sends that much.",
                "Check what runs on the device.",
            ) from error
        except exchange.ExchangeAbortedError as error:
            raise _aborted(device) from error
        finally:
            exchange.end(process, 0)
        text, code = scripts.split_exit(scripts.own_output(said).decode(errors="replace"))
        if code is None:
            raise self._lost(process.returncode, text)
        return CommandResult(code, scripts.own_output(printed), text)

    def _lost(self, code: int, stderr: str) -> DeviceError:
        last = (stderr.strip().splitlines() or [f"exit code {code}"])[-1]
        return self.transport.failure(code, stderr) or DeviceError(
            f"The connection to {self.transport.device} was lost ({last[-200:]}).", "", "Try again."
        )

    def _await_ready(self, process: subprocess.Popen[bytes]) -> tuple[str, str]:
        """The run's folder and the root, once the lock is held."""
        assert process.stdout is not None  # noqa: S101  (a pipe was asked for)
        def complete(printed: bytes) -> object:
            if waited := scripts.seconds_waited(printed):
                self._tell(self.transport.device, waited)
            return scripts.ready(printed)

        try:
            printed = exchange.read_until(
                process.stdout, complete, _CONNECT_S + self._lock_wait_s, self._patience_s,
                _SCRIPT_BYTES, self._stop,
            )
        except exchange.ExchangeTimeoutError as error:
            raise self._silent() from error
        if self._stop.is_set():
            raise _aborted(self.transport.device)
        return scripts.ready(printed) or self._refused(process)

    def _silent(self) -> DeviceError:
        return DeviceError(
            f"{self.transport.device} did not answer in {self._patience_s:.0f} s.", "", "Check the device."
        )

    def _refused(self, process: subprocess.Popen[bytes]) -> NoReturn:
        device = self.transport.device
        try:
            _, stderr = exchange.exchange(process, b"", self._patience_s, _SCRIPT_BYTES, self._stop)
        except (exchange.ExchangeTimeoutError, exchange.TooMuchOutputError) as error:
            raise self._silent() from error
        except exchange.ExchangeAbortedError as error:
            raise _aborted(device) from error
        text = stderr.decode(errors="replace")
        if process.returncode == _EX_LOCKED:
            raise DeviceError(
                f"{device} is busy: {' '.join(text.split())}.", "One run at a time keeps timings true.",
                "Wait for the other run, or end it.",
            )
        result = CommandResult(process.returncode, b"", text)
        raise self.transport.failure(process.returncode, text) or self._problem(result)


def _aborted(device: str) -> DeviceError:
    return DeviceError(f"The run on {device} was interrupted.")


def _last_step(stderr: bytes) -> str:
    steps = re.findall(rf"^{STEP_MARK}(.+)$", stderr.decode(errors="replace"), re.MULTILINE)
    return f", while {steps[-1].strip()[:200]}" if steps else ""
