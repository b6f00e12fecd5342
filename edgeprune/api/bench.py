"""`edgeprune.bench`."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from device_runners import benchmark
from device_runners.options import DEFAULT_OPTIONS, BenchOptions, parse_shape
from edgeprune.bundle import Bundle
from edgeprune.errors import InputError
from edgeprune.keywords import declares
from edgeprune.quantities import parse_duration
from edgeprune.run_record import RunRecord
from edgeprune.tasks import OwnMetric

Runner = Literal["python", "native", "benchmark_model"]
OwnFunction = Callable[..., object]
"""``f(y_true, outputs) -> {name: value}``"""
_FIELDS = {"min_time": "min_time_s", "round_time": "min_time_s", "time_limit": "time_limit_s",
           "samples": "eval_samples", "shape": "shapes", "sustained": "sustained_s",
           "set_governor": "governor"}  # fmt: skip
_HISTORY = ("history", "history_file", "history_name")


def options_of(start: BenchOptions | None, given: Mapping[str, Any]) -> BenchOptions:
    """How to measure: `start`, changed by keywords as the command line has them.

    Raises:
        InputError: a value that cannot be meant.
    """
    fields = {_FIELDS.get(name, name): value for name, value in given.items()}
    for name in ("library", "native_runner", "benchmark_model"):
        if fields.get(name) is not None:
            fields[name] = Path(fields[name])
    if "sustained_s" in fields:
        fields["sustained_s"] = _seconds(fields["sustained_s"])
    if fields.get("power_command") is not None:
        fields["energy"] = True
    if "power_command" in fields:
        fields["power_command"] = _words(fields["power_command"])
    if "metric" in fields:
        fields["metric"] = metric_of(fields["metric"])
    if "shapes" in fields:
        fields["shapes"] = tuple(map(parse_shape, several(fields["shapes"])))
    return dataclasses.replace(start or DEFAULT_OPTIONS, **fields)


def _words(command: str | None) -> tuple[str, ...]:
    """The words of a command that prints watts; no shell reads them.

    Raises:
        InputError: no command, or an open quote.
    """
    if command is None:
        return ()
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(f"--power-command cannot be read ({error}).", "A command was expected.") from error
    if not words:
        raise InputError("--power-command is empty.", "A command that prints watts was expected.")
    return tuple(words)


def _seconds(text: str | None) -> float:
    if text is None:
        return 0.0
    minutes = re.fullmatch(r"([0-9]{1,4}(\.[0-9]{1,3})?)\s*(m|min)", text.strip())
    return parse_duration(f"{60 * float(minutes[1])}s" if minutes else text, "--sustained") / 1e3


def metric_of(given: OwnFunction | OwnMetric | str | None) -> OwnMetric | None:
    """The user's own metric: a function, or the name of one, which is asking for its code to run."""
    if given is None or isinstance(given, OwnMetric):
        return given
    if isinstance(given, str):
        from edgeprune.data.callables import find_function

        return OwnMetric(find_function(given, "f(y_true, outputs) -> {name: value} is expected."), given)
    return OwnMetric(given, getattr(given, "__name__", type(given).__name__))


def several(given: object) -> tuple[Any, ...]:
    """Values of which one may stand alone."""
    return tuple(given) if isinstance(given, (list, tuple)) else (given,)


def _bench(
    target: Path | str | Bundle, device: str = "local", options: BenchOptions | None = None, **given: Any
) -> RunRecord:
    history, file, name = (given.pop(one, None) for one in _HISTORY)
    record = benchmark.bench(target, device, options_of(options, given))
    if history or file or name:
        from device_runners.history import default_history, remember, series_name

        place = default_history() if file is None else Path(file)
        remember(place, name or series_name(Path(target)), [record])
    return record


@declares(_bench)
def bench(
    target: Path | str | Bundle, device: str = "local", options: BenchOptions | None = None, *,
    runner: Runner = "python", threads: int = 1, runs: int = 50, warmup: int = 5, min_time: float = 1.0,
    time_limit: float = 120.0, samples: int | None = None, xnnpack: bool = True, python: str | None = None,
    library: Path | str | None = None, native_runner: Path | str | None = None,
    benchmark_model: Path | str | None = None, shape: str | Sequence[str] = (),
    sustained: str | None = None, concurrent: int = 1, energy: bool = False, power_command: str | None = None,
    accelerator: str | None = None, cpus: str | None = None, set_governor: str | None = None,
    profile: bool = False, metric: OwnFunction | str | None = None, history: bool = False,
    history_file: Path | str | None = None, history_name: str | None = None,
) -> RunRecord:
    """Measures accuracy, latency and memory on one device. The call returns when it is done.

    >>> record = edgeprune.bench("build/mine", "local", threads=2, runs=20, min_time=0.1)
    >>> record.latency.p50_ms > 0, record.samples > 0
    (True, True)

    Args:
        target: a bundle (accuracy, latency, memory), its folder, or a .tflite file (latency and memory).
        device: ``local``, ``ssh://[user@]host[:port]`` or ``adb://[serial]``.
        options: all of the following in one value; keywords win.
        runner: the program that measures.
        threads: threads of the runtime.
        runs: timed inferences, at least.
        warmup: inferences before those, at least.
        min_time: seconds of timed inferences, at least.
        time_limit: seconds after which the run is stopped.
        samples: evaluate at most this many samples. None: all.
        xnnpack: False turns the XNNPACK delegate off.
        python: Python on the device, such as that of a venv.
        library: LiteRT library for the native runner.
        native_runner: edgeprune_runner built for the device.
        benchmark_model: Google's prebuilt benchmark_model.
        shape: sizes of inputs that the file leaves open, such as ``"image=1,224,224,3"``.
        sustained: then run without a pause for this long, such as ``"5m"``.
        concurrent: then run this many models at the same time, too.
        energy: measure the energy of one inference, too, where the device has a meter. Informative.
        power_command: command on the device that prints its power in watts.
        accelerator: ``cpu``, ``gpu`` or ``npu``: run through LiteRT's CompiledModel there, too.
        cpus: cores to stay on: ``big``, ``little``, or such as ``0,2-3``.
        set_governor: the CPU's governor for the run; the old one is put back.
        profile: time every operator, too (about 20 s more).
        history: keep the result in the history, which `edgeprune history` shows.
        history_file: SQLite file of the history. Default: in your data folder.
        history_name: what the model goes by in the history. Default: its path.
        metric: your own metric, ``f(y_true, outputs) -> {name: value}``, or its name.

    Raises:
        InputError: a target, device or setting that cannot be used.
        DeviceError: the device refused, failed or went away.
    """
    raise NotImplementedError  # `_bench` is called
