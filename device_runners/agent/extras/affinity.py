"""Which cores a run may use: some by number, or all big or all little ones."""

from __future__ import annotations

import os
import re
from typing import Iterable

from device_runners.agent.facts import Read, read_file
from edgeprune.errors import DeviceError, InputError

_CPUS = "/sys/devices/system/cpu/"
_RANGE = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")
_MOST_CPUS = 1024


def pin(cpus: str, read: Read = read_file) -> tuple[int, ...]:
    """Keep this process, and the threads that it starts, on these cores; returns their numbers.

    Raises:
        InputError: a text of another form, or cores that are not there or all alike.
        DeviceError: the system refuses.
    """
    try:
        there = sorted(os.sched_getaffinity(0))
        chosen = choose(cpus, there, read)
        os.sched_setaffinity(0, chosen)
    except (OSError, AttributeError) as error:
        raise DeviceError(f"The device does not let a program choose its cores ({error}).") from error
    return chosen


def choose(cpus: str, there: Iterable[int], read: Read) -> tuple[int, ...]:
    """The cores that a text means, of those that are there."""
    allowed = list(there)
    if cpus in ("big", "little"):
        speeds = {number: _speed(number, read) for number in allowed}
        wanted = (max if cpus == "big" else min)(speeds.values())
        chosen = [number for number, speed in speeds.items() if speed == wanted]
        if len(chosen) == len(allowed):
            raise InputError(
                f"The device has no {cpus} cores: all {len(allowed)} are alike.",
                "--cpus big or little needs two kinds.",
                "Name cores by number, such as --cpus 0-1, or leave it out.",
            )
        return tuple(chosen)
    numbers = parse(cpus)
    missing = [number for number in numbers if number not in allowed]
    if missing:
        raise InputError(
            f"--cpus {cpus}: the device has no core {missing[0]} for this run.",
            f"It may use {', '.join(map(str, allowed[:64]))}.",
        )
    return numbers


def parse(cpus: str) -> tuple[int, ...]:
    """``0,2-3`` -> 0, 2, 3; an `InputError` for anything else."""
    numbers: list[int] = []
    for part in cpus.split(","):
        match = _RANGE.fullmatch(part.strip()) if part.isascii() else None
        begin, end = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if begin > end or end >= _MOST_CPUS:
            raise InputError(f"--cpus is {cpus[:60]!r}.", "Expected big, little or numbers such as 0,2-3.")
        numbers += range(begin, end + 1)
    return tuple(sorted(set(numbers)))


def _speed(number: int, read: Read) -> int:
    """What a core can do: the scheduler's capacity, or its highest clock; 0 where neither is told."""
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        text = (read(f"{_CPUS}cpu{number}/{name}") or "").strip()
        if re.fullmatch(r"[0-9]{1,9}", text):
            return int(text)
    return 0
