"""Energy of one inference: what the device draws while it works, less what it draws while it waits.

    energy = (power at work - power at rest) · time at work / inferences

A thread reads the meter while the model runs. Informative: meters differ in what they see, see
`device_runners.agent.extras.power_meters`; an average over seconds says nothing of single peaks.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import Callable, Optional, Sequence

from device_runners.agent.extras.power_meters import PowerMeter
from edgeprune.run_parts import EnergyUse

REST_S, WORK_S = 3.0, 6.0
_LEAST_READS = 3


@dataclasses.dataclass(frozen=True)
class PowerReading:
    """Average power over some time, from this many reads; None where too few succeeded."""

    watts: Optional[float]
    reads: int
    seconds: float
    inferences: int = 0


def measure_energy(
    power_meter: Optional[PowerMeter], invoke: Callable[[], object], clock: Callable[[], int],
    rest_s: float = REST_S, work_s: float = WORK_S,
) -> EnergyUse:
    """At rest first, then at work."""
    if power_meter is None:
        reason = "the device has no meter that can be read; --power-command names one"
        return EnergyUse("none", (), reason=reason)
    rest = read_power(power_meter, None, clock, rest_s)
    work = read_power(power_meter, invoke, clock, work_s)
    if rest.watts is None or work.watts is None:
        reason = "the meter could not be read often enough"
        return EnergyUse(power_meter.method, power_meter.rails, reason=reason)
    more_w = work.watts - rest.watts
    energy_mj = 1e3 * more_w * work.seconds / work.inferences if more_w > 0 else None
    reason = "" if more_w > 0 else "the meter sees no difference between rest and work"
    return EnergyUse(
        power_meter.method, power_meter.rails, power_meter.interval_s, rest.watts, work.watts, energy_mj,
        work.inferences, rest.reads + work.reads, reason,
    )


def read_power(
    power_meter: PowerMeter, invoke: Optional[Callable[[], object]], clock: Callable[[], int], seconds: float
) -> PowerReading:
    """Average power while `invoke` runs again and again for `seconds`; at rest where there is none."""
    reads: list[tuple[int, float]] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            value = power_meter.read()
            if value is not None:
                reads.append((clock(), value))
            over.wait(power_meter.interval_s)

    watcher = threading.Thread(target=watch, daemon=True)
    if invoke is not None:
        invoke()  # at work before the first read
    begin = clock()
    watcher.start()
    inferences, end = 0, begin + int(seconds * 1e9)
    while clock() < end:
        if invoke is None:
            time.sleep(min(0.05, seconds))
        else:
            invoke()
            inferences += 1
    lasted_s = (clock() - begin) / 1e9
    over.set()
    watcher.join(10)
    return PowerReading(average_watts(power_meter, reads), len(reads), lasted_s, inferences)


def average_watts(power_meter: PowerMeter, reads: Sequence[tuple[int, float]]) -> Optional[float]:
    """Of (nanoseconds, value) in order: the mean of watts, or the joules that a counter gained over time."""
    if len(reads) < _LEAST_READS:
        return None
    if not power_meter.counts:
        return sum(value for _, value in reads) / len(reads)
    joules = 0.0
    for (_, before), (_, after) in zip(reads, reads[1:]):  # noqa: RUF007  (Python 3.10's)
        gained = after - before
        if gained < 0:
            if not power_meter.wraps_at:
                return None
            gained += power_meter.wraps_at
        joules += gained
    seconds = (reads[-1][0] - reads[0][0]) / 1e9
    return joules / seconds if seconds > 0 else None
