"""Long runs, several models at the same time, chosen cores, and a governor that is put back."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from device_runners import BenchOptions, bench, scripts
from device_runners.agent.extras.affinity import choose, parse
from device_runners.agent.extras.sustained import run_concurrent, run_sustained
from device_runners.options import open_target
from device_runners.plausible import check_record
from device_runners.session import Session
from device_runners.transports import open_transport
from edgeprune.cli.bench import bench as bench_command
from edgeprune.errors import DeviceError, InputError
from edgeprune.run_parts import ConcurrentRun, DeviceState, SustainedWindow
from edgeprune.run_record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

app = typer.Typer()
app.command()(bench_command)


def test_a_long_run_counts_by_windows_and_shows_throttling() -> None:
    """10 ms for each inference; after 5 s, at 85 °C, twice as long."""
    now = 0

    def invoke() -> None:
        nonlocal now
        now += 10_000_000 if now < 5 * 10**9 else 20_000_000

    def read(path: str) -> str | None:
        hot = now >= 5 * 10**9
        if path.endswith("temp"):
            return "85000\n" if hot else "50000\n"
        return ("600000" if hot else "1800000") if path.endswith("scaling_cur_freq") else None

    windows = run_sustained(invoke, lambda: now, 10.0, read)
    assert [round(one.end_s) for one in windows] == list(range(1, 11))
    assert [one.per_s for one in windows] == pytest.approx([100.0] * 5 + [50.0] * 5, rel=0.03)
    assert [one.state.temperature_c for one in windows] == [50.0] * 4 + [85.0] * 6
    assert windows[-1].state.clock_khz == 600_000
    assert len(run_sustained(invoke, lambda: now, 1000.0, read)) == 120


def test_several_run_at_the_same_time() -> None:
    """Each waits for the two others: nothing would end if they ran one after the other."""
    together = threading.Barrier(3)
    met: list[int] = []

    def meet() -> None:
        met.append(together.wait(30))
        time.sleep(0.01)

    found = run_concurrent([meet] * 3, time.perf_counter_ns, 0.0)  # once each
    assert (found.workers, sorted(met)) == (3, [0, 1, 2])
    assert found.p99_ms >= found.p50_ms >= 10
    assert found.per_s > 0

    def fails() -> None:
        raise RuntimeError("node 3")

    with pytest.raises(RuntimeError, match="node 3"):
        run_concurrent([fails, lambda: time.sleep(0.01)], time.perf_counter_ns, 0.05)


def capacities(*values: int) -> Callable[[str], str | None]:
    files = {f"/sys/devices/system/cpu/cpu{n}/cpu_capacity": f"{value}\n" for n, value in enumerate(values)}
    return files.get


def test_cores_by_name_and_number() -> None:
    read = capacities(446, 446, 871, 1024, 1024)
    assert choose("big", range(5), read) == (3, 4)
    assert choose("little", range(5), read) == (0, 1)
    assert choose("0,2-3,2", range(5), read) == (0, 2, 3)
    path = "/sys/devices/system/cpu/cpu{}/cpufreq/cpuinfo_max_freq"
    clocks = {path.format(0): "1", path.format(1): "2"}
    assert choose("big", range(2), clocks.get) == (1,)
    with pytest.raises(InputError, match="all 2 are alike"):
        choose("big", range(2), capacities(1024, 1024))
    with pytest.raises(InputError, match="no core 5"):
        choose("1,5", range(5), read)


@pytest.mark.parametrize("text", ["", "a", "3-1", "-1", "1,,2", "9999", "\u0662", "0-99999999", "1;2"])
def test_a_text_that_names_no_cores(text: str) -> None:
    with pytest.raises(InputError, match="--cpus"):
        parse(text)
    with pytest.raises(InputError, match="--cpus"):
        BenchOptions(cpus=text)


@pytest.mark.parametrize("changes", [{"sustained_s": 1.0}, {"concurrent": 2}, {"cpus": "0"}])
def test_only_the_python_runner_does_it(changes: dict[str, object]) -> None:
    with pytest.raises(InputError, match="runner native"):
        BenchOptions(runner="native", **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def everything() -> tuple[RunRecord, BenchOptions]:
    from tests.device_runners.conftest import GOLDEN

    core = str(min(os.sched_getaffinity(0)))
    options = BenchOptions(runs=5, min_time_s=0.02, sustained_s=0.2, concurrent=2, cpus=core, time_limit_s=30)
    return bench(GOLDEN / "bundle_v1", "local", options), options


def test_all_of_it_in_one_run(everything: tuple[RunRecord, BenchOptions], plain_record: RunRecord) -> None:
    record, options = everything
    assert record.cpus == (min(os.sched_getaffinity(0)),)
    assert record.concurrent is not None
    assert record.concurrent.workers == 2
    assert record.sustained[-1].end_s >= options.sustained_s
    assert record.settings.time_limit_s == 30.2
    assert RunRecord.from_json(record.to_json()) == record
    assert (plain_record.cpus, plain_record.concurrent, plain_record.sustained) == ((), None, ())


def record_target() -> Path:
    from tests.device_runners.conftest import GOLDEN

    return GOLDEN / "bundle_v1"


STATE = DeviceState()


@pytest.mark.parametrize(
    "changes",
    [
        {"sustained": ()},
        {"sustained": (SustainedWindow(900.0, 10.0, STATE),)},
        {"sustained": (SustainedWindow(0.3, -1.0, STATE),)},
        {"sustained": (SustainedWindow(0.3, float("inf"), STATE),)},
        {"sustained": (SustainedWindow(0.3, 5.0, DeviceState(temperature_c=float("nan"))),)},
        {"sustained": (SustainedWindow(0.3, 5.0, DeviceState(clock_khz=-5)),)},
        {"sustained": (SustainedWindow(0.3, 5.0, STATE), SustainedWindow(0.25, 5.0, STATE))},
        {"concurrent": None},
        {"concurrent": ConcurrentRun(3, 1.0, 1.0, 1.0)},
        {"concurrent": ConcurrentRun(2, 1.0, 2.0, 1.0)},
        {"cpus": ()},
        {"cpus": (-1,)},
    ],
)
def test_what_cannot_be_is_refused(
    everything: tuple[RunRecord, BenchOptions], changes: dict[str, object]
) -> None:
    record, options = everything
    target = open_target(record_target())
    assert check_record(record, "local", target, options, 10**12) is record
    with pytest.raises(DeviceError, match="cannot be right"):
        check_record(dataclasses.replace(record, **changes), "local", target, options, 10**12)  # type: ignore[arg-type]


@pytest.mark.heavy
def test_the_command_shows_what_was_asked_for(bundle: Path) -> None:
    arguments = [str(bundle), "--min-time", "0.02", "--runs", "5", "--sustained", "0.5s", "--concurrent", "2"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "2 models at the same time" in result.output
    assert "in the last fifth" in result.output
    (found,) = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert found["concurrent"]["workers"] == 2
    for wrong in ("5x", "1.2.3m", "0m", "-1s", "1e9m"):
        refused = CliRunner().invoke(app, [str(bundle), "--sustained", wrong])
        assert isinstance(refused.exception, InputError), wrong


@pytest.fixture
def governors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files of two cores where the script looks for the system's."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    system = "/sys/devices/system/cpu"
    monkeypatch.setattr(scripts, "SET_GOVERNOR", scripts.SET_GOVERNOR.replace(system, str(tmp_path / "cpu")))
    files = [tmp_path / "cpu" / f"cpu{number}" / "cpufreq" / "scaling_governor" for number in (0, 1)]
    for one, name in zip(files, ("ondemand", "powersave"), strict=True):
        one.parent.mkdir(parents=True)
        one.write_text(f"{name}\n")
    return files


def set_to(name: str, files: list[Path]) -> list[str]:
    """What the files hold during a session that sets it."""
    with Session(open_transport("local"), 60) as session:
        session.set_governor(name)
        return [one.read_text().strip() for one in files]


def test_a_governor_is_set_for_the_session_and_put_back(governors: list[Path]) -> None:
    assert set_to("performance", governors) == ["performance", "performance"]
    assert [one.read_text().strip() for one in governors] == ["ondemand", "powersave"]
    (governors[1].parent / "scaling_available_governors").write_text("ondemand powersave\n")
    with pytest.raises(DeviceError, match="no governor performance"):
        set_to("performance", governors)
    assert [one.read_text().strip() for one in governors] == ["ondemand", "powersave"]  # the first, too


def test_a_governor_that_cannot_be_set(governors: list[Path]) -> None:
    governors[0].unlink()
    governors[0].symlink_to("/proc/version")  # which even root cannot write
    with pytest.raises(DeviceError, match="does not let this user"):
        set_to("performance", governors)
    for one in governors:
        one.unlink()
    with pytest.raises(DeviceError, match="no governor to set"):
        set_to("performance", [])


def test_a_governor_has_a_plain_name(float_model: Path) -> None:
    with pytest.raises(InputError, match="--set-governor"):
        bench(float_model, "local", BenchOptions(governor="x; reboot"))
