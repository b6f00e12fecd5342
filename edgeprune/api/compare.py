"""`edgeprune.compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from device_runners import comparison
from device_runners.comparison import Comparison
from device_runners.options import BenchOptions
from edgeprune.api.bench import options_of
from edgeprune.bundle import Bundle
from edgeprune.keywords import declares

ROUND_TIME_S = 0.5


def _compare(
    a: Path | str | Bundle, b: Path | str | Bundle, device: str = "local",
    options: BenchOptions | None = None, rounds: int = 8, **given: Any,
) -> Comparison:
    options = options or BenchOptions(min_time_s=ROUND_TIME_S)
    return comparison.compare(a, b, device, options_of(options, given), rounds)


@declares(_compare)
def compare(
    a: Path | str | Bundle, b: Path | str | Bundle, device: str = "local",
    options: BenchOptions | None = None, rounds: int = 8, *, threads: int = 1,
    round_time: float = ROUND_TIME_S, time_limit: float = 120.0, python: str | None = None,
) -> Comparison:
    """Says whether B is faster than A on a device, and how sure that is. A is the one to beat.

    >>> found = edgeprune.compare("build/mine", "build/mine", rounds=6, round_time=0.05)
    >>> found.low <= found.speedup <= found.high
    True

    Args:
        a: a bundle, its folder, or a .tflite file.
        b: another one.
        device: ``local``, ``ssh://[user@]host[:port]`` or ``adb://[serial]``.
        options: how to measure, in one value; keywords win.
        rounds: fresh processes that time A and B in turn, at least 6.
        threads: threads of the runtime.
        round_time: seconds of timing in each round.
        time_limit: seconds for one round on the device.
        python: Python on the device, such as that of a venv.

    Raises:
        InputError: a model, device or setting that cannot be used.
        DeviceError: the device refused, failed or went away.
    """
    raise NotImplementedError  # `_compare` is called
