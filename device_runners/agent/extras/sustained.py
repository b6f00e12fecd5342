"""Minutes of work without a pause, and several models at the same time.

A board that is fast for a second may throttle after a minute; an app may run a model for each camera.
"""

from __future__ import annotations

import threading
from typing import Callable, Sequence

from device_runners.agent import facts
from edgeprune.run_parts import ConcurrentRun, SustainedWindow, percentile

_MOST_WINDOWS = 120
_SHORTEST_WINDOW_S = 1.0
_MOST_LATENCIES = 100_000

Invoke = Callable[[], object]


def run_sustained(
    invoke: Invoke, clock: Callable[[], int], seconds: float, read: facts.Read = facts.read_file
) -> tuple[SustainedWindow, ...]:
    """Inferences back to back for `seconds`, counted by windows, with the device's state after each."""
    window_ns = max(_SHORTEST_WINDOW_S, seconds / _MOST_WINDOWS) * 1e9
    windows = []
    begin = clock()
    end = begin + int(seconds * 1e9)
    started = begin
    while started < end:
        count, now = 0, started
        while now - started < window_ns and now < end:
            invoke()
            count += 1
            now = clock()
        rate = count / ((now - started) / 1e9)
        windows.append(SustainedWindow((now - begin) / 1e9, rate, facts.device_state(read)))
        started = clock()
    return tuple(windows)


def run_concurrent(invokes: Sequence[Invoke], clock: Callable[[], int], seconds: float) -> ConcurrentRun:
    """Each in a thread of its own, all at the same time; a runtime that works does not hold Python's lock."""
    found: list[list[int]] = [[] for _ in invokes]
    together = threading.Barrier(len(invokes) + 1)
    errors: list[Exception] = []

    def work(invoke: Invoke, latencies: list[int]) -> None:
        together.wait()
        end = clock() + int(seconds * 1e9)
        started = clock()
        try:
            while not latencies or (started < end and len(latencies) < _MOST_LATENCIES):
                invoke()
                now = clock()
                latencies.append(now - started)
                started = now
        except (RuntimeError, ValueError) as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(invokes, found)]
    for one in threads:
        one.start()
    together.wait()
    began = clock()
    for one in threads:
        one.join()
    if errors:
        raise errors[0]
    everything = [latency / 1e6 for latencies in found for latency in latencies]
    rate = len(everything) / ((clock() - began) / 1e9)
    p50_ms, p99_ms = (percentile(everything, fraction) for fraction in (0.5, 0.99))
    return ConcurrentRun(len(invokes), rate, p50_ms, p99_ms)
