"""What `bench` shows of a record beside its main line: time by layer, long runs, several at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeprune.cli.output import cell, draw, say
from edgeprune.quantities import show_duration, show_energy

if TYPE_CHECKING:
    from edgeprune.run_parts import AcceleratedRun, EnergyUse
    from edgeprune.run_record import RunRecord

_ROWS = 12


def print_extras(record: RunRecord) -> None:
    """Each part that was asked for."""
    if record.profile:
        _print_profile(record)
    if record.concurrent is not None:
        one = record.concurrent
        say(
            f"{record.device}: {one.workers} models at the same time: {one.per_s:,.1f} inferences/s, "
            f"p50 {show_duration(one.p50_ms)}, p99 {show_duration(one.p99_ms)}"
        )
    if record.energy is not None:
        say(f"{record.device}: {_energy(record.energy)}")
    if record.accelerated is not None:
        say(f"{record.device}: {_accelerated(record, record.accelerated)}")
    if record.sustained:
        _print_sustained(record)


def _energy(one: EnergyUse) -> str:
    if one.per_inference_mj is None or one.rest_w is None or one.work_w is None:
        return f"energy: {one.reason or 'not measured'}"
    rails = f", {len(one.rails)} rails" if len(one.rails) > 1 else ""
    drawn = f"{one.rest_w:.2f} W at rest, {one.work_w:.2f} W at work"
    how = f"{one.method}{rails}, every {one.interval_s:g} s"
    return f"energy (for information only): {show_energy(one.per_inference_mj)} an inference; {drawn} ({how})"


def _accelerated(record: RunRecord, run: AcceleratedRun) -> str:
    if run.latency is None:
        return f"{run.accelerator}: not available ({run.reason}); all figures are of the CPU"
    ratio = record.latency.p50_ms / run.latency.p50_ms
    change = f"{ratio:.2f}x faster" if ratio >= 1 else f"{1 / ratio:.2f}x slower"
    worst = max((one.largest for one in run.differences), default=0.0)
    state = {
        "full": "all operators ran on it",
        "partial": run.reason,
        "other outputs": "ITS OUTPUTS DIFFER FROM THE CPU'S",
    }[run.state]
    time = show_duration(run.latency.p50_ms)
    same = f"outputs differ by {100 * worst:.2g} % at most"
    return f"{run.accelerator}, {run.precision}: p50 {time}, {change} than above; {state}; {same}"


def _print_profile(record: RunRecord) -> None:
    from rich.table import Table

    from device_runners.layer_names import layer_times

    threads = record.settings.threads
    title = f"{cell(record.device)}, {threads} thread{'s' * (threads > 1)}: where the time goes"
    table = Table("layer", "operators", "time", "part", title=title)
    for one in layer_times(record.profile):
        part = one.ns / max(record.latency.p50_ms * 1e6, 1)
        table.add_row(cell(one.layer), cell(one.operators), show_duration(one.ns / 1e6), f"{part:.1%}")
    draw(table)


def _print_sustained(record: RunRecord) -> None:
    from rich.table import Table

    table = Table("until", "inferences/s", "°C", "MHz", title=cell(f"{record.device}: without a pause"))
    windows = record.sustained
    step = max(-(-len(windows) // _ROWS), 1)
    for window in windows[step - 1 :: step]:
        heat, clock = window.state.temperature_c, window.state.clock_khz
        table.add_row(
            f"{window.end_s:.0f} s", f"{window.per_s:,.1f}", "-" if heat is None else f"{heat:.1f}",
            "-" if clock is None else f"{clock / 1000:.0f}",
        )
    draw(table)
    first, settled = record.settled_per_s
    say(
        f"{record.device}: {first:,.1f} inferences/s in the first fifth, {settled:,.1f} in the last fifth "
        f"({100 * (settled / first - 1):+.1f} %)"
    )
