"""What can tell how much power a device draws, and how its answers are read.

    a command of the user's     prints watts, such as ``3.21``, ``3.21 W`` or ``3210 mW``
    Raspberry Pi 5              ``vcgencmd pmic_read_adc``: current and voltage of the chip's rails
    Android (Pixel)             ODPM rails: ``energy_value`` counts microwatt-seconds
    INA219, INA226, INA3221 …   Linux hwmon, as on Jetson boards
    Linux powercap              RAPL packages count microjoules; readable by root alone on most systems

Each knows other parts of a device: the Pi's has neither USB nor the 5 V input, RAPL has the processor alone.
So figures of two methods are never comparable.
"""

from __future__ import annotations

import dataclasses
import re
import subprocess
from pathlib import Path
from typing import Callable, Optional, Sequence

from device_runners.agent.facts import Read, read_file

_COMMAND_S = 5.0
_PMIC = re.compile(
    r"^\s*(\w{1,40}?)_([AV])\s+(?:current|volt)\(\d+\)=(\d{1,6}(?:\.\d{1,12})?)[AV]\s*$",
    re.MULTILINE | re.ASCII,
)
_ODPM = re.compile(r"^CH\d{1,3}\(T=\d{1,20}\)\[([\w.-]{1,60})\], (\d{1,20})\s*$", re.MULTILINE | re.ASCII)
_WATTS = re.compile(r"\s*(\d{1,6}(?:\.\d{1,9})?)\s*(m?W)?\s*", re.ASCII)
_MOST_POWER_W = 10_000.0

Glob = Callable[[str], Sequence[str]]
Run = Callable[[Sequence[str]], Optional[str]]


@dataclasses.dataclass(frozen=True)
class PowerMeter:
    """`read` gives watts, or joules since some time where it `counts`; None where it fails."""

    method: str
    rails: tuple[str, ...]
    counts: bool
    read: Callable[[], Optional[float]]
    interval_s: float  # between two reads
    wraps_at: float = 0.0  # joules at which a counter begins anew; 0 for never


def find_meter(
    command: Sequence[str], read: Read = read_file, glob: Optional[Glob] = None, run: Optional[Run] = None
) -> Optional[PowerMeter]:
    """The user's command, or the first that this device has."""
    glob, run = glob or _glob, run or _run
    if command:
        name, ask = command[0][:100], run
        return PowerMeter("command", (name,), False, lambda: parse_watts(ask(command) or ""), 0.2)
    for kind in (_pmic, _odpm, _hwmon, _powercap):
        meter = kind(read, glob, run)
        if meter is not None and meter.read() is not None:
            return meter
    return None


def parse_watts(text: str) -> Optional[float]:
    """The first line of what a command printed; None for anything but a sensible power."""
    match = _WATTS.fullmatch((text.splitlines() or [""])[0])
    if match is None:
        return None
    watts = float(match[1]) / (1000 if match[2] == "mW" else 1)
    return watts if watts <= _MOST_POWER_W else None


def parse_pmic(text: str) -> dict[str, float]:
    """Watts by rail, of those whose current and voltage are both told."""
    values = {(rail, kind): float(number) for rail, kind, number in _PMIC.findall(text)}
    return {
        rail: amperes * values[rail, "V"]
        for (rail, kind), amperes in values.items() if kind == "A" and (rail, "V") in values
    }


def parse_odpm(text: str) -> dict[str, float]:
    """Joules by rail."""
    return {rail: int(microjoules) / 1e6 for rail, microjoules in _ODPM.findall(text)}


def _pmic(read: Read, glob: Glob, run: Run) -> Optional[PowerMeter]:
    del read, glob
    command = ("vcgencmd", "pmic_read_adc")
    rails = parse_pmic(run(command) or "")
    if not rails:
        return None

    def watts() -> Optional[float]:
        found = parse_pmic(run(command) or "")
        return sum(found.values()) if found.keys() == rails.keys() else None

    return PowerMeter("vcgencmd pmic_read_adc", tuple(rails), False, watts, 0.2)


def _odpm(read: Read, glob: Glob, run: Run) -> Optional[PowerMeter]:
    del run
    paths = sorted(glob("/sys/bus/iio/devices/iio:device*/energy_value"))

    def joules() -> dict[str, float]:
        texts = [read(path) or "" for path in paths]
        return {f"{i}:{rail}" if i else rail: one for i, text in enumerate(texts)
                for rail, one in parse_odpm(text).items()}

    rails = joules()
    if not rails:
        return None

    def total() -> Optional[float]:
        found = joules()
        return sum(found.values()) if found.keys() == rails.keys() else None

    return PowerMeter("Android ODPM", tuple(rails), True, total, 0.5)


def _hwmon(read: Read, glob: Glob, run: Run) -> Optional[PowerMeter]:
    del run
    channels: dict[str, Callable[[], Optional[float]]] = {}
    for folder in sorted(glob("/sys/class/hwmon/hwmon*")):
        chip = (read(f"{folder}/name") or "").strip()
        if not chip.startswith("ina"):
            continue
        for number in range(1, 5):
            label = (read(f"{folder}/in{number}_label") or "").strip()[:60] or f"{chip} {number}"
            for channel in (_ina_power(read, folder, number), _ina_product(read, folder, number)):
                if channel() is not None:
                    channels.setdefault(label, channel)
    # A board with a rail for all of it has the others behind that.
    whole = [name for name in channels if "VDD_IN" in name or "5V_IN" in name]
    used = {name: channels[name] for name in (whole[:1] or channels)}
    if not used:
        return None

    def watts() -> Optional[float]:
        found = [channel() for channel in used.values()]
        return None if None in found else sum(one for one in found if one is not None)

    return PowerMeter("hwmon INA", tuple(used), False, watts, 0.05)


def _ina_power(read: Read, folder: str, number: int) -> Callable[[], Optional[float]]:
    return lambda: _scaled(read(f"{folder}/power{number}_input"), 1e-6)


def _ina_product(read: Read, folder: str, number: int) -> Callable[[], Optional[float]]:
    def watts() -> Optional[float]:
        volts = _scaled(read(f"{folder}/in{number}_input"), 1e-3)
        amperes = _scaled(read(f"{folder}/curr{number}_input"), 1e-3)
        return None if volts is None or amperes is None else volts * amperes

    return watts


def _powercap(read: Read, glob: Glob, run: Run) -> Optional[PowerMeter]:
    del run
    # Zones within zones (intel-rapl:0:0) are counted by the outer one; MMIO repeats the packages.
    zones = [one for one in sorted(glob("/sys/class/powercap/intel-rapl:*")) if one.count(":") == 1]
    names = {one: (read(f"{one}/name") or "").strip()[:60] for one in zones}
    zones = [one for one in zones if names[one].startswith("package")]
    if not zones:
        return None

    def joules() -> Optional[float]:
        found = [_scaled(read(f"{zone}/energy_uj"), 1e-6) for zone in zones]
        return None if None in found else sum(one for one in found if one is not None)

    ranges = [_scaled(read(f"{zone}/max_energy_range_uj"), 1e-6) or 0.0 for zone in zones]
    return PowerMeter("powercap", tuple(names[one] for one in zones), True, joules, 0.1, min(ranges))


def _scaled(text: Optional[str], factor: float) -> Optional[float]:
    word = (text or "").strip()
    return int(word) * factor if re.fullmatch(r"[0-9]{1,18}", word) else None


def _glob(pattern: str) -> list[str]:
    folder, _, name = pattern.rpartition("/")
    if "*" in folder:
        above, _, inner = folder.rpartition("/")
        return [str(path / name) for path in Path(above).glob(inner) if (path / name).exists()]
    return [str(path) for path in Path(folder).glob(name)]


def _run(command: Sequence[str]) -> Optional[str]:
    try:
        done = subprocess.run(  # noqa: S603  (a list, no shell; the user's own, or vcgencmd)
            list(command), capture_output=True, text=True, timeout=_COMMAND_S, check=False, errors="replace",
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout[:100_000] if done.returncode == 0 else None
