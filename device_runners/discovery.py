"""Find devices, and what each one lacks."""

import base64
import contextlib
import dataclasses
import re
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from device_runners import scripts
from device_runners.options import BenchOptions, Target
from device_runners.python_runner import run_agent
from device_runners.session import Session
from device_runners.transports import open_transport
from device_runners.transports.adb import find_adb, list_adb
from edgeprune.errors import DeviceError, EdgepruneError

_NEEDED_KB = 200_000
_CLOCK_S = 120
_TIME_LIMIT_S = 30.0
_NUMBER = re.compile(r"[0-9]{1,15}")
# x + x of four numbers, deflated: what `bench` needs to try everything that it does on a device.
_TINY_MODEL = (
    "eNplUctKw1AQPWljLTTUgkW66KJI18HW+gGhrRDoA2oRF4UqJIsskkKNoiB+g7h26dJPcOFC/AoXfoRr47k3k1B04JDJuXfOzJnb"
    "BDA/Hh3W0UITDdRRg0WuDJM5yKWIibYB9IhRASgiDaboESbxmSSJKfku0Z9OToezE3c6WY6Hc2fgzB3qWlq7jFQjuxsG0XJ9FcVB"
    "6C+v/fVlsIqwRf6FeCaeiDu5/yh9zomazFFGNddVXFuzJc2VpE6FlXs0tc/79WK//e02i+LF1FVA1+527IP/Gkq7Yx+lRxKvP0ny"
    "RrwTO/wfj9xZq7+K6CP2PRtcmd4lOGPWXWlWhVf7XYgfT/qEF0GkKjZr67q/hYrUiveKJfmAezGkprAxn7GB7M3OpM8Ha9RRTTTU"
    "WYN4IK926Xo+HyW+zeqMfJd72gvETRrbZNOWmZ4h3y+Z7eaPjqHfTuWm/v8FNVdKNw=="
)


@dataclasses.dataclass(frozen=True)
class DeviceCheck:
    """What one device is, as far as it says so, and what it lacks: `problems`, each with the fix.

    `runtime` is the TFLite runtime that the agent would use; `free_bytes` are where its folder is.
    """

    device: str
    reachable: bool
    problems: tuple[str, ...] = ()
    arch: str | None = None
    python: str | None = None
    runtime: str | None = None
    free_bytes: int | None = None

    @property
    def ready(self) -> bool:
        """Whether `bench` works there."""
        return not self.problems


def find_devices(ssh_config: Path | None = None) -> list[str]:
    """Names of this machine, of what the adb server sees, and of the hosts in the ssh config file."""
    names = ["local"]
    with contextlib.suppress(DeviceError):  # no adb: then no adb devices
        names += [f"adb://{serial}" for serial in list_adb(find_adb())]
    return names + [f"ssh://{host}" for host in _ssh_hosts(ssh_config or Path.home() / ".ssh" / "config")]


def check_devices(devices: Sequence[str], python: str | None = None) -> list[DeviceCheck]:
    """Look at all of them at once."""
    with ThreadPoolExecutor(max(len(devices), 1)) as pool:
        return list(pool.map(lambda device: check_device(device, python), devices))


def check_device(device: str, python: str | None = None) -> DeviceCheck:
    """Look at one; its problems are returned, never raised."""
    try:
        transport = open_transport(device)
        with Session(transport, _TIME_LIMIT_S, lock_wait_s=5) as session:
            result = session.shell(scripts.PROBE, python or transport.python, session.folder)
            found = _read_probe(device, result.stdout.decode(errors="replace"))
            return _tried(found, session, python) if found.ready else found
    except EdgepruneError as error:
        return DeviceCheck(device, reachable=False, problems=(str(error),))


def _tried(found: DeviceCheck, session: Session, python: str | None) -> DeviceCheck:
    """The same with what `bench` meets there: a runtime can be installed and not load."""
    options = BenchOptions(runs=1, warmup=0, min_time_s=0.01, time_limit_s=_TIME_LIMIT_S, python=python)
    with tiny_target() as target:
        try:
            run_agent(session, target, options)
        except EdgepruneError as error:
            return dataclasses.replace(found, problems=(f"a run of a tiny model failed: {error}",))
    return found


@contextlib.contextmanager
def tiny_target() -> Iterator[Target]:
    """A model that any runtime can run at once."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "tiny.tflite"
        model.write_bytes(zlib.decompress(base64.b64decode(_TINY_MODEL)))
        yield Target(model)


def _read_probe(device: str, printed: str) -> DeviceCheck:
    pairs = [line.split(None, 1) for line in printed.splitlines() if " " in line.strip()]
    values = {key: value.strip() for key, value in pairs}
    modules = [value.strip() for key, value in pairs if key == "module"]
    runtime = next((name for name in modules if name != "numpy"), None)
    free_kb = int(values["free_kb"]) if _NUMBER.fullmatch(values.get("free_kb", "")) else None
    problems = _python_problems(device, values.get("python"), modules, runtime)
    if free_kb is not None and free_kb < _NEEDED_KB:
        problems.append(f"only {free_kb // 1000} MB are free: free some, 200 MB are enough")
    clock = values.get("clock", "")
    if _NUMBER.fullmatch(clock) and abs(int(clock) - time.time()) > _CLOCK_S:
        problems.append("its clock is wrong: sudo timedatectl set-ntp true")
    return DeviceCheck(
        device, True, tuple(problems), values.get("arch"), values.get("python"), runtime,
        None if free_kb is None else free_kb * 1024,
    )


def _python_problems(
    device: str, python: str | None, modules: Sequence[str], runtime: str | None
) -> list[str]:
    fix = "pip install ai-edge-litert" if device == "local" else f"edgeprune devices --prepare {device}"
    if python is None:
        return ["no Python: use --runner native, or name one with --python"]
    problems = []
    if tuple(map(int, python.split(".")))[:2] < (3, 9):
        problems.append(f"Python {python} is too old: 3.9 or later is needed")
    if "numpy" not in modules:
        problems.append(f"no numpy: {fix}")
    if runtime is None:
        problems.append(f"no TFLite runtime: {fix}")
    return problems


def _ssh_hosts(config: Path) -> list[str]:
    """Plain names after ``Host`` in an ssh config file; patterns are left out."""
    if not config.is_file():
        return []
    lines = re.findall(r"^\s*Host\s+(.+)$", config.read_text(errors="replace"), re.MULTILINE | re.IGNORECASE)
    words = [word for line in lines for word in line.split()]
    return list(dict.fromkeys(word for word in words if not set(word) & set('*?!"')))
