"""A pool of devices: each trial's bundle is measured on a free one."""

import contextlib
import queue
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from device_runners import BenchOptions, bench
from device_runners.discovery import check_device
from device_runners.transports import open_transport
from edgeprune.errors import DeviceError
from edgeprune.run_record import RunRecord

_POLL_S = 1.0


class DevicePool:
    """Hands out free devices, named as ``--device`` takes them; a lost one is not handed out again."""

    def __init__(self, names: Sequence[str], python: str | None) -> None:
        self._names, self._python = tuple(dict.fromkeys(names)), python
        self._free: queue.Queue[str] = queue.Queue()
        self._ended = threading.Event()
        self.lost: dict[str, str] = {}
        for name in self._names:
            self._free.put(name)

    def check(self) -> None:
        """Checks all devices before anything is built; those on which nothing can run are left out.

        Raises:
            InputError: a name that is none.
            DeviceError: none is left.
        """
        for name in self._names:
            with contextlib.suppress(DeviceError):
                open_transport(name)
            if why := self._problem(name):
                self.lost[name] = why
        self._require_one()

    def measure(self, bundle: Path, threads: int) -> RunRecord:
        """Runs a bundle on a free device; on another one if that goes away.

        Raises:
            InputError: the bundle cannot run there.
            DeviceError: no device is left, or the bundle fails on devices that work.
        """
        failed = False
        while True:
            with self._borrowed() as device:
                try:
                    return bench(bundle, device, BenchOptions(threads=threads, python=self._python))
                except DeviceError as error:
                    if self._problem(device):
                        self.lost[device] = str(error)
                    elif failed:
                        raise  # twice, on devices that work: it is the model
                    else:
                        failed = True

    def available(self) -> bool:
        """Whether there is a device to measure on."""
        return len(self.lost) < len(self._names)

    def end(self) -> None:
        """Ends all waiting for a device."""
        self._ended.set()

    @contextlib.contextmanager
    def _borrowed(self) -> Iterator[str]:
        device = None
        while device is None or device in self.lost:
            self._require_one()
            if self._ended.is_set():
                raise DeviceError("The sweep was ended.")
            with contextlib.suppress(queue.Empty):
                device = self._free.get(timeout=_POLL_S)
        try:
            yield device
        finally:
            self._free.put(device)

    def _problem(self, device: str) -> str:
        """Why nothing can run on it; empty if something can."""
        if device == "local":
            return ""
        found = check_device(device, self._python)
        if found.reachable and found.runtime is not None:
            return ""
        return f"{device}: {'; '.join(found.problems)}." if found.reachable else " ".join(found.problems)

    def _require_one(self) -> None:
        if not self.available():
            raise DeviceError(
                " ".join(dict.fromkeys(self.lost.values())),
                "A device to measure on is needed.",
                "Connect one again and repeat the same command: what is done is kept.",
            )
