"""`bench`: a bundle or a bare `.tflite` on one or several devices, one `RunRecord` each."""

from __future__ import annotations

import dataclasses
import json
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from device_runners.agent.job import Job
from device_runners.agent.main import ERROR_MARK
from device_runners.archive import agent_zip
from device_runners.session import Answer, Session
from device_runners.transports import open_transport
from edgeprune import jsonable
from edgeprune.bundle import Bundle, read_bundle
from edgeprune.bundle.read import HOST_ONLY, MANIFEST, MODEL
from edgeprune.errors import DeviceError, EdgepruneError, InputError
from edgeprune.run_record import RunRecord, RunSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

STEP_MARK = "edgeprune-step: "
_SLACK_S = 15.0  # the device ends a run at its limit by itself; the host waits a little longer
_COMMAND_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


@dataclasses.dataclass(frozen=True)
class BenchOptions:
    """How to measure.

    Attributes:
        threads: of the runtime.
        runs: timed inferences at least.
        warmup: inferences before them at least.
        min_time_s: timed inferences go on for at least this long.
        time_limit_s: for the run on the device; the device keeps it by itself.
        xnnpack: False turns the default delegate off.
        python: to run the agent with; None for `python3`, or this one on this machine.
        eval_samples: how many samples to evaluate at most; None for all.
        lock_wait_s: how long to wait for another run on the same device.
        runner: ``python``, ``native`` or ``benchmark_model``.
        library: the TFLite library for the native runner; None for what fits.
        benchmark_model: Google's prebuilt tool, for that runner.
        native_runner: a runner built for the device; None to look for or build one.
    """

    threads: int = 1
    runs: int = 50
    warmup: int = 5
    min_time_s: float = 1.0
    time_limit_s: float = 120.0
    xnnpack: bool = True
    python: str | None = None
    eval_samples: int | None = None
    lock_wait_s: float = 120.0
    runner: str = "python"
    library: Path | None = None
    benchmark_model: Path | None = None
    native_runner: Path | None = None

    def settings(self) -> RunSettings:
        """What of it the record keeps."""
        return RunSettings(self.runner, self.threads, self.xnnpack, self.runs, self.warmup, self.time_limit_s)


DEFAULT_OPTIONS = BenchOptions()


@dataclasses.dataclass(frozen=True)
class Target:
    """What to run: a verified bundle, or a bare model.

    Attributes:
        model: the `.tflite` file.
        bundle: None for a bare model, which gives latency and memory only.
    """

    model: Path
    bundle: Bundle | None = None

    def device_files(self, folder: str) -> dict[str, Path | bytes]:
        """Files to bring to the device, by their path in the run's folder."""
        if self.bundle is None:
            return {f"{folder}/{MODEL}": self.model}
        names = [name for name in self.bundle.manifest.files if name not in HOST_ONLY]
        return {f"{folder}/{name}": self.bundle.file(name) for name in (*names, MANIFEST)}


def open_target(target: Path | str | Bundle) -> Target:
    """A folder is a bundle, a file a bare model.

    Raises:
        InputError: neither, or a bundle that is damaged.
    """
    if isinstance(target, Bundle):
        target = target.path
    path = Path(target)
    if path.is_dir():
        bundle = read_bundle(path)
        return Target(bundle.model, bundle)
    if not path.is_file():
        raise InputError(
            f"There is no {path}.", "A bundle or a .tflite file was expected.", "See `edgeprune build`."
        )
    with path.open("rb") as stream:
        if stream.read(8)[4:] != b"TFL3":
            raise InputError(f"{path} is not a .tflite file.", "A bundle or a .tflite file was expected.")
    return Target(path)


def bench(
    target: Path | str | Bundle, device: str = "local", options: BenchOptions = DEFAULT_OPTIONS
) -> RunRecord:
    """Measure on one device; blocks until it is done.

    Raises:
        InputError: a bad target or device name.
        DeviceError: the device refused, failed or went away.
    """
    record = bench_many(target, [device], options)[0]
    if isinstance(record, EdgepruneError):
        raise record
    return record


def bench_many(
    target: Path | str | Bundle, devices: Sequence[str], options: BenchOptions = DEFAULT_OPTIONS
) -> list[RunRecord | EdgepruneError]:
    """Measure on several devices at once; a device's failure stands in place of its record."""
    opened = open_target(target)
    sessions: list[Session] = []

    def one(device: str) -> RunRecord | EdgepruneError:
        try:
            session = Session(open_transport(device), options.time_limit_s, options.lock_wait_s)
            sessions.append(session)
            with session:
                return run_on(session, opened, options)
        except EdgepruneError as error:
            return error

    with ThreadPoolExecutor(max(len(devices), 1)) as pool:
        try:
            return list(pool.map(one, devices))
        except BaseException:  # Ctrl-C lands here, in the main thread; the threads end when their devices do
            for session in sessions:
                session.abort()
            raise


def run_on(session: Session, target: Target, options: BenchOptions) -> RunRecord:
    """Run with the runner that `options` names, in an open session."""
    if options.runner == "python":
        return _run_agent(session, target, options)
    if options.runner == "native":
        from device_runners.native.runner import run_native

        return run_native(session, target, options)
    if options.runner == "benchmark_model":
        from device_runners.native.benchmark_model import run_benchmark_model

        return run_benchmark_model(session, target, options)
    raise InputError(f"There is no runner {options.runner!r}.", "Expected python, native or benchmark_model.")


def _run_agent(session: Session, target: Target, options: BenchOptions) -> RunRecord:
    session.upload({"agent.zip": agent_zip(), **target.device_files("bundle")})
    job = Job(
        device=session.transport.device,
        settings=options.settings(),
        bundle="bundle" if target.bundle else None,
        model=None if target.bundle else f"bundle/{MODEL}",
        eval_samples=options.eval_samples,
        min_time_s=options.min_time_s,
    )
    answer = run_python(session, jsonable.dumps(job), options)
    record = RunRecord.from_json(answer.stdout, f"What {session.transport.device} sent")
    return dataclasses.replace(record, model=dataclasses.replace(record.model, name=target.model.name))


def run_python(session: Session, job: str, options: BenchOptions, *arguments: str) -> Answer:
    """Run the uploaded agent; its errors and crashes come back as exceptions."""
    python = options.python or session.transport.python
    # -B: no caches are written on the device. The agent's folder is the zip, never the bundle's.
    answer = session.run(
        [python, "-B", "agent.zip", *arguments], job.encode(), options.time_limit_s + _SLACK_S
    )
    if answer.code:
        raise failure(answer, session.transport.device, options.time_limit_s, python)
    return answer


def failure(answer: Answer, device: str, time_limit_s: float, program: str) -> EdgepruneError:
    """What went wrong on the device, from an exit code other than 0 and stderr."""
    lines = answer.stderr.splitlines()
    for line in lines:
        if line.startswith(ERROR_MARK):
            return _named_error(line.removeprefix(ERROR_MARK), device, lines)
    step = next(
        (line.removeprefix(STEP_MARK) for line in reversed(lines) if line.startswith(STEP_MARK)), "starting"
    )
    last = next((line for line in reversed(lines) if line.strip() and not line.startswith(STEP_MARK)), "")
    if answer.code == 128 + signal.SIGALRM:
        return DeviceError(
            f"The run on {device} was ended at the time limit of {time_limit_s:.0f} s, while {step}.",
            "",
            "Raise --time-limit, or use fewer --runs.",
        )
    if answer.code > 128:
        return DeviceError(
            f"The runtime on {device} crashed with {_signal_name(answer.code - 128)} while {step}.",
            "",
            "Try another runtime version there, or --no-xnnpack.",
        )
    if answer.code in (_COMMAND_NOT_FOUND, _NOT_EXECUTABLE):
        return DeviceError(
            f"{device} has no {program} that runs ({last.strip()[-200:]}).",
            "",
            "Check that it is there and built for this device; --python and --native-runner name one.",
        )
    return DeviceError(f"The run on {device} failed with exit code {answer.code} while {step}: {last[-300:]}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _named_error(text: str, device: str, lines: Sequence[str]) -> EdgepruneError:
    fields = json.loads(text)
    kind = InputError if fields["kind"] == "InputError" else DeviceError
    # The runtimes print their own reason; the native runner's API does not hand it out.
    said = next((line for line in lines if line.startswith("ERROR: ")), "").removeprefix("ERROR: ")
    reason = f" The runtime says: {said[:200]}" if said and said[:40] not in fields["found"] else ""
    return kind(f"{device}: {fields['found']}{reason}", fields["expected"], fields["way_out"])
