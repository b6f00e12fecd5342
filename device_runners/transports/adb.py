"""An Android device over adb: USB or TCP, by its serial.

`adb shell` must speak the second version of its protocol (Android 7 and later), which passes exit codes
and keeps stderr apart.
"""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from device_runners.transports.transport import Transport
from edgeprune.errors import DeviceError, InputError

_SERIAL = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.:-]*")
_TIMEOUT_S = 20.0
_ADVICE = {
    "unauthorized": "Unlock the device and allow USB debugging for this computer, then try again.",
    "offline": "Unplug it and plug it in again, or: adb reconnect offline.",
    "no permissions": "Add yourself to the plugdev group, or install its udev rules.",
}


class Adb(Transport):
    """See `Transport`; the adb server is the user's and goes on running."""

    root = "/data/local/tmp/edgeprune"

    def __init__(self, device: str) -> None:
        super().__init__(device)
        serial = device.removeprefix("adb://").rstrip("/")
        if serial and not _SERIAL.fullmatch(serial):
            raise InputError(f"{device!r} is not understood.", "Expected adb:// or adb://SERIAL.")
        self._adb = find_adb()
        self._serial = self._choose(serial)

    def argv(self, line: str, *, lock_holder: bool = False) -> Sequence[str]:  # noqa: ARG002
        """By `adb shell` without a terminal, so that bytes pass as they are."""
        return [self._adb, "-s", self._serial, "shell", "-T", line]

    def failure(self, code: int, stderr: str) -> DeviceError | None:
        """What adb itself prints when the device is not there any more."""
        pattern = r"^(?:error|adb): (.*(?:device|closed|offline|protocol|daemon).*)"
        lost = re.search(pattern, stderr, re.MULTILINE)
        if not code or not lost:
            return None
        found = f"The connection to {self.device} failed or was lost ({lost[1]})."
        return DeviceError(found, "", "Try again.")

    def _choose(self, serial: str) -> str:
        """The serial to use, once the device is seen to be ready."""
        if re.search(r":\d+$", serial):
            run_adb(self._adb, "connect", serial)
        states = list_adb(self._adb)
        if not serial and len(states) == 1:
            serial = next(iter(states))
        if serial not in states:
            names = ", ".join(f"adb://{name}" for name in states) or "none"
            found = f"There is no adb device {serial!r}" if serial else f"{len(states)} adb devices are there"
            raise DeviceError(
                f"{found}; connected: {names}.", "Exactly one, or one that is named, was expected.",
                "Plug it in with USB debugging on, or: adb connect HOST:PORT.",
            )
        if states[serial] != "device":
            advice = next((text for state, text in _ADVICE.items() if states[serial].startswith(state)), "")
            raise DeviceError(f"adb://{serial} is {states[serial]}.", "Expected the state 'device'.", advice)
        if "shell_v2" not in run_adb(self._adb, "-s", serial, "features").stdout:
            found = f"adb://{serial} has an old adb without exit codes."
            raise DeviceError(found, "Android 7 or later is needed.")
        return serial


def find_adb() -> str:
    """Path of an adb program: the system's, or the one inside adbutils."""
    package = importlib.util.find_spec("adbutils")
    inside = Path(package.origin).parent / "binaries" / "adb" if package and package.origin else None
    found = shutil.which("adb") or (str(inside) if inside and inside.is_file() else "")
    if not found:
        way_out = "Install it (apt install adb), or: pip install adbutils."
        raise DeviceError("There is no adb program.", "", way_out)
    return found


def list_adb(adb: str) -> dict[str, str]:
    """State by serial of what the adb server sees, such as ``device``, ``offline``, ``unauthorized``."""
    answer = run_adb(adb, "devices")
    if answer.returncode:
        raise DeviceError(f"adb does not work: {answer.stderr.strip()[-300:]}", "", "Try: adb kill-server.")
    rows = (line.split("\t", 1) for line in answer.stdout.splitlines() if "\t" in line)
    return {serial: state.strip() for serial, state in rows}


def run_adb(adb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run adb, which starts its server if there is none."""
    try:
        return subprocess.run(  # noqa: S603  (a list, no shell; the serial was checked)
            [adb, *arguments], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError(
            f"`{' '.join(['adb', *arguments[:3]])}` did not answer in {_TIMEOUT_S:.0f} s.", "",
            "See that the device is on and in this network; then try: adb kill-server.",
        ) from error
