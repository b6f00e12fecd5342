"""`bench`: a bundle or a bare `.tflite` on one or several devices, with one or several numbers of threads."""

import dataclasses
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from device_runners.native.benchmark_model import run_benchmark_model
from device_runners.native.runner import run_native
from device_runners.options import DEFAULT_OPTIONS, BenchOptions, open_target
from device_runners.own_metric import with_decoded_figures, with_own_metric
from device_runners.plausible import check_record
from device_runners.python_runner import run_agent
from device_runners.session import Session
from device_runners.transports import open_transport
from edgeprune.bundle import Bundle
from edgeprune.errors import EdgepruneError, InputError
from edgeprune.run_record import RunRecord

RUNNERS = {"python": run_agent, "native": run_native, "benchmark_model": run_benchmark_model}


def bench(
    target: Path | str | Bundle, device: str = "local", options: BenchOptions = DEFAULT_OPTIONS
) -> RunRecord:
    """Measure on one device; blocks until it is done.

    Raises:
        InputError: a bad target or device name.
        DeviceError: the device refused, failed or went away.
    """
    record = bench_devices(target, [device], options)[0]
    if isinstance(record, EdgepruneError):
        raise record
    return record


def bench_devices(
    target: Path | str | Bundle, devices: Sequence[str], options: BenchOptions = DEFAULT_OPTIONS
) -> list[RunRecord | EdgepruneError]:
    """Measure on several devices at once; a device's failure stands in place of its record."""
    found = bench_threads(target, devices, (options.threads,), options)
    return [one if isinstance(one, EdgepruneError) else one[0] for one in found]


def bench_threads(
    target: Path | str | Bundle, devices: Sequence[str], threads: Sequence[int],
    options: BenchOptions = DEFAULT_OPTIONS,
) -> list[list[RunRecord] | EdgepruneError]:
    """Measure with each number of threads in turn, on several devices at once.

    A device's records are in the order of `threads`; its failure stands in place of all of them. Nothing
    else gets the device between its runs.
    """
    run = RUNNERS.get(options.runner)
    if run is None:
        raise InputError(f"There is no runner {options.runner!r}.", f"Expected {' or '.join(RUNNERS)}.")
    opened = open_target(target)
    sessions: list[Session] = []
    interrupted = threading.Event()
    each = [dataclasses.replace(options, threads=count) for count in threads]

    def one(device: str) -> list[RunRecord] | EdgepruneError:
        try:
            transport, limit_s = open_transport(device), options.run_limit_s
            session = Session(transport, limit_s, options.lock_wait_s, options.waiting)
            sessions.append(session)
            if interrupted.is_set():  # between the connection and this line
                session.abort()
            with session:
                if options.governor is not None:
                    session.set_governor(options.governor)
                records = [measured(session, device, settings) for settings in each]
            own = options.metric
            return records if own is None else [with_own_metric(one, opened.bundle, own) for one in records]
        except EdgepruneError as error:
            return error

    def measured(session: Session, device: str, settings: BenchOptions) -> RunRecord:
        began = time.monotonic_ns()
        record = run(session, opened, settings)
        record = check_record(record, device, opened, settings, time.monotonic_ns() - began)
        # Only the Python runner decodes.
        return with_decoded_figures(record, opened.bundle) if run is run_agent else record

    with ThreadPoolExecutor(max(len(devices), 1)) as pool:
        try:
            return list(pool.map(one, devices))
        except BaseException:  # Ctrl-C lands here, in the main thread; the threads end within seconds
            interrupted.set()
            for session in sessions:
                session.abort()
            raise
