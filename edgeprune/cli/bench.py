"""`edgeprune bench`: accuracy, latency and memory on one or several devices."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeprune.cli.busy import busy, waiting
from edgeprune.cli.history import HISTORY_FILE
from edgeprune.cli.options import COUNT, FROM_0, METRIC, SECONDS
from edgeprune.cli.output import cell, cells, draw, say, say_document
from edgeprune.cli.record_tables import print_extras
from edgeprune.errors import EdgepruneError, InputError
from edgeprune.quantities import show_duration

if TYPE_CHECKING:
    from edgeprune.run_record import RunRecord

EXAMPLES = """Examples

edgeprune bench build/edgeprune --device local --device ssh://pi@pi.local

edgeprune bench model.tflite --device adb:// --threads 1,2,4"""
_RUNNER = "Program that measures: python, native or benchmark_model."
_THREADS = "Threads of the runtime. Several numbers, such as 1,2,4, are measured one after the other."
_MOST_THREADS = 64
_DEVICE = "Device: local, ssh://[user@]host[:port] or adb://[serial]. Repeatable."
_SUSTAINED = "Afterwards, run without a pause for this long, such as 5m, and record speed, heat and clock."
_CONCURRENT = "Afterwards, run this many copies of the model at the same time."
_ENERGY = "Also measure the energy of one inference where the device has a meter. For information only."
_POWER = "Command on the device that prints its power in watts, for --energy."
_ACCELERATOR = "Also run LiteRT's CompiledModel on cpu, gpu or npu, and compare the outputs."
_GOVERNOR = "Set the CPU's governor for the run, such as performance, and restore the old one."
_CPUS = "Cores to run on: big, little, or numbers as in 0,2-3."
_PROFILE = "Also time every operator (takes about 20 s more)."
_HISTORY = "Keep the result in the history, which `edgeprune history` shows."
_HISTORY_NAME = "Name of the model in the history. Default: its path."
_SHAPE = "Sizes of an input that the file leaves open, such as image=1,224,224,3. Repeatable."


def bench(
    target: Annotated[Path, typer.Argument(help="A bundle, or a .tflite file (without accuracy).")],
    device: Annotated[list[str] | None, typer.Option("--device", help=_DEVICE)] = None,
    runner: Annotated[str, typer.Option(help=_RUNNER)] = "python",
    threads: Annotated[str, typer.Option(help=_THREADS)] = "1",
    runs: Annotated[int, COUNT(help="Least number of timed inferences.")] = 50,
    warmup: Annotated[int, FROM_0(help="Least number of warm-up inferences.")] = 5,
    min_time: Annotated[float, SECONDS(help="Least seconds of timed inferences.")] = 1.0,
    time_limit: Annotated[float, SECONDS(help="Seconds after which a run is stopped.")] = 120.0,
    samples: Annotated[int | None, FROM_0(help="Evaluate at most this many samples.")] = None,
    no_xnnpack: Annotated[bool, typer.Option("--no-xnnpack", help="Turn the XNNPACK delegate off.")] = False,
    python: Annotated[str | None, typer.Option(help="Python on the device, such as that of a venv.")] = None,
    library: Annotated[Path | None, typer.Option(help="LiteRT library for the native runner.")] = None,
    native_runner: Annotated[Path | None, typer.Option(help="edgeprune_runner built for the device.")] = None,
    benchmark_model: Annotated[Path | None, typer.Option(help="Google's prebuilt benchmark_model.")] = None,
    shape: Annotated[list[str] | None, typer.Option("--shape", help=_SHAPE)] = None,
    sustained: Annotated[str | None, typer.Option(help=_SUSTAINED)] = None,
    concurrent: Annotated[int, typer.Option(min=1, max=64, help=_CONCURRENT)] = 1,
    energy: Annotated[bool, typer.Option("--energy", help=_ENERGY)] = False,
    power_command: Annotated[str | None, typer.Option(help=_POWER)] = None,
    accelerator: Annotated[str | None, typer.Option(help=_ACCELERATOR)] = None,
    cpus: Annotated[str | None, typer.Option(help=_CPUS)] = None,
    set_governor: Annotated[str | None, typer.Option("--set-governor", help=_GOVERNOR)] = None,
    profile: Annotated[bool, typer.Option("--profile", help=_PROFILE)] = False,
    metric: Annotated[str | None, typer.Option(help=METRIC)] = None,
    history: Annotated[bool, typer.Option("--history", help=_HISTORY)] = False,
    history_file: Annotated[Path | None, typer.Option("--history-file", help=HISTORY_FILE)] = None,
    history_name: Annotated[str | None, typer.Option("--history-name", help=_HISTORY_NAME)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the run records as one JSON list.")] = False,
) -> None:
    """Measure accuracy, latency and memory on devices."""
    from device_runners.benchmark import bench_threads
    from edgeprune.api.bench import options_of

    options = options_of(None, {
        "runs": runs, "warmup": warmup, "min_time": min_time, "time_limit": time_limit,
        "xnnpack": not no_xnnpack, "python": python, "samples": samples, "runner": runner,
        "library": library, "shape": shape or (),
        "benchmark_model": benchmark_model, "native_runner": native_runner, "metric": metric,
        "sustained": sustained, "concurrent": concurrent, "energy": energy, "power_command": power_command,
        "accelerator": accelerator, "cpus": cpus, "set_governor": set_governor, "profile": profile,
    })
    devices, counts = device or ["local"], _counts(threads)
    with busy(f"Measuring on {', '.join(devices)}", enabled=not as_json) as tell:
        found = bench_threads(target, devices, counts, dataclasses.replace(options, waiting=waiting(tell)))
    try:
        _print(devices, found, as_json)
    finally:  # what could not be kept must not be lost, and what one device failed at is kept of the others
        if history or history_file or history_name:
            from device_runners.history import default_history, remember, series_name

            records = [record for result in found if isinstance(result, list) for record in result]
            remember(history_file or default_history(), history_name or series_name(target), records)


def _counts(text: str) -> list[int]:
    """Numbers of threads.

    Raises:
        InputError: text that is none, numbers out of range or twice.
    """
    parts = [part.strip() for part in text.split(",")]
    counts = [int(part) if part.isascii() and part.isdigit() and len(part) < 4 else 0 for part in parts]
    if not all(1 <= count <= _MOST_THREADS for count in counts) or len(set(counts)) < len(counts):
        raise InputError(
            f"--threads is {text[:60]!r}.", f"Numbers from 1 to {_MOST_THREADS} were expected, each once.",
            "For example --threads 1,2,4.",
        )
    return counts


def _print(
    devices: Sequence[str], results: Sequence[list[RunRecord] | EdgepruneError], as_json: bool
) -> None:
    """One table or JSON list of what worked; then the first failure, if any, decides the exit code."""
    from edgeprune import jsonable

    records = [record for result in results if isinstance(result, list) for record in result]
    failures = [result for result in results if isinstance(result, EdgepruneError)]
    if as_json:
        say_document(jsonable.dumps(records))
    elif records:
        _print_table(records)
    if failures:
        for device, result in zip(devices, results, strict=True):
            if records and isinstance(result, EdgepruneError) and result is not failures[0]:
                say(f"{device}: {result}", error=True)
        raise failures[0]


def _print_table(records: Sequence[RunRecord]) -> None:
    from rich.table import Table

    metrics = list(dict.fromkeys(name for record in records for name in record.metrics if _is_main(name)))
    several = len({record.settings.threads for record in records}) > 1
    columns = ("p50", "p90", "p99", "first", "peak MB", "model MB")
    table = Table("device", *(("threads",) if several else ()), *columns, *cells(metrics))
    for record in records:
        latency, memory = record.latency, record.memory
        first_ms = (record.load_ns + record.first_inference_ns) / 1e6
        times = (latency.p50_ms, latency.p90_ms, latency.p99_ms, first_ms)
        table.add_row(
            cell(record.device), *((str(record.settings.threads),) if several else ()),
            *("-" if value is None else show_duration(value) for value in times),
            *(_number(value and value / 1e6, 1) for value in (memory.peak_bytes, memory.model_bytes)),
            *(_number(record.metrics.get(name), 4) for name in metrics),
        )
    draw(table)
    for line in dict.fromkeys(line for record in records for line in _remarks(record)):
        say(line)
    for record in records:
        print_extras(record)


def _remarks(record: RunRecord) -> list[str]:
    """What a device is, and what to know about its figures."""
    facts, runtime = record.facts, f"{record.runtime.name} {record.runtime.version}"
    lines = [f"{facts.model}, {facts.soc} ({facts.arch}), {runtime}"]
    if record.inputs:
        ran = "; ".join(f"{one.name} {'x'.join(map(str, one.shape))}" for one in record.inputs)
        named = f", signature {record.signature}" if record.signature else ""
        lines.append(f"ran with batch {record.batch}: {ran}{named}")
    if facts.governor:
        lines.append(f"governor {facts.governor}")
    if record.cpus:
        lines.append(f"ran on the cores {', '.join(map(str, record.cpus))}")
    if record.synthetic:
        lines.append("the metrics are of synthetic data, so they say nothing about the real world")
    if record.settings.threads > facts.cores:
        lines.append(f"{record.settings.threads} threads share {facts.cores} cores")
    lines += [f"unstable: {reason}" for reason in record.unstable]
    return [f"{record.device}: {line}" for line in lines]


def _is_main(name: str) -> bool:
    """Whether a figure is no part of another, as ``f1_per_class/cat`` is; ``box/r2`` is an output's."""
    from edgeprune.metrics import METRICS

    first, *rest = name.split("/")
    return not rest or (len(rest) == 1 and first not in METRICS)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
