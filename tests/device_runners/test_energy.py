"""Energy: recorded formats of real meters, figures from a known power, and a gate."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from device_runners import BenchOptions
from device_runners.agent.extras.energy import average_watts, measure_energy
from device_runners.agent.extras.power_meters import (
    PowerMeter,
    find_meter,
    parse_odpm,
    parse_pmic,
    parse_watts,
)
from device_runners.options import open_target
from device_runners.plausible import check_record
from edgeprune.cli.bench import bench as bench_command
from edgeprune.cli.check import check
from edgeprune.errors import DeviceError, InputError, VerificationError
from edgeprune.run_parts import EnergyUse
from edgeprune.run_record import RunRecord

app = typer.Typer()
app.command("bench")(bench_command)
app.command("check")(check)

# As a Raspberry Pi 5 prints it (part of the 17 rails).
PMIC = """\
   3V7_WL_SW_A current(0)=0.09369780A
   3V3_SYS_A current(1)=0.08881168A
   VDD_CORE_A current(7)=2.31300000A
   3V7_WL_SW_V volt(8)=3.71709200V
   3V3_SYS_V volt(9)=3.31379900V
   VDD_CORE_V volt(15)=0.72031500V
   EXT5V_V volt(24)=5.15113000V
   BATT_V volt(25)=0.00781316V
"""
# As a Pixel's /sys/bus/iio/devices/iio:device0/energy_value gives it.
ODPM = """\
t=349894
CH0(T=349894)[S10M_VDD_TPU], 5578756
CH1(T=349894)[VSYS_PWR_MODEM], 29110940
CH2(T=349894)[S2M_VDD_CPUCL2], 8166695
"""
CAP = "/sys/class/powercap/intel-rapl:"
HWMON = "/sys/class/hwmon/hwmon"


def test_recorded_formats_are_read() -> None:
    found = parse_pmic(PMIC)
    assert found.keys() == {"3V7_WL_SW", "3V3_SYS", "VDD_CORE"}  # EXT5V and BATT tell no current
    assert found["VDD_CORE"] == pytest.approx(2.313 * 0.720315, rel=1e-9)
    joules = {"S10M_VDD_TPU": 5.578756, "VSYS_PWR_MODEM": 29.11094, "S2M_VDD_CPUCL2": 8.166695}
    assert parse_odpm(ODPM) == joules
    for text in ("", "error=1", "VDD_A current(0)=nanA\nVDD_V volt(0)=1V", "CH0(T=1)[X], -5", "x" * 10000):
        assert parse_pmic(text) == {}
        assert parse_odpm(text) == {}


@pytest.mark.parametrize(
    ("text", "watts"),
    [("3.21", 3.21), ("3.21 W\n", 3.21), ("3210 mW\nignored", 3.21), ("0", 0.0), ("-1", None), ("nan", None),
     ("1e9", None), ("", None), ("99999", None), ("watts: 3", None), ("\u0663", None)],
)
def test_what_a_command_prints(text: str, watts: float | None) -> None:
    assert parse_watts(text) == watts


def meter_of(files: dict[str, str], vcgencmd: str | None = None) -> PowerMeter | None:
    """Of a device with these files."""

    def glob(pattern: str) -> list[str]:
        parts = pattern.split("/")
        heads = {"/".join(path.split("/")[: len(parts)]) for path in files}
        return [head for head in heads if Path(head).match(pattern)]

    return find_meter((), files.get, glob, lambda command: vcgencmd if command[0] == "vcgencmd" else None)


def test_each_device_s_own_meter_is_found() -> None:
    assert meter_of({}) is None
    pi = meter_of({}, PMIC)
    assert pi is not None
    assert pi.read() == pytest.approx(sum(parse_pmic(PMIC).values()))
    phone = meter_of({f"/sys/bus/iio/devices/iio:device{n}/energy_value": ODPM for n in (0, 1)})
    assert phone is not None
    assert phone.counts
    assert len(phone.rails) == 6
    assert phone.read() == pytest.approx(2 * 42.856391)
    zones = {
        f"{CAP}0/name": "package-0\n", f"{CAP}0/energy_uj": "5000000\n",
        f"{CAP}0/max_energy_range_uj": "9000000", f"{CAP}0:0/name": "core", f"{CAP}0:0/energy_uj": "4000000",
    }
    pc = meter_of(zones)
    assert pc is not None
    assert (pc.read(), pc.rails, pc.wraps_at) == (5.0, ("package-0",), 9.0)
    unreadable = {name: text for name, text in zones.items() if "energy_uj" not in name}
    assert meter_of(unreadable) is None  # for root alone, on most systems
    ina = meter_of({
        f"{HWMON}0/name": "cpu_thermal", f"{HWMON}1/name": "ina226\n", f"{HWMON}1/power1_input": "2500000",
    })
    assert ina is not None
    assert ina.read() == 2.5
    jetson = {f"{HWMON}3/name": "ina3221\n"}
    for number, label, milliamperes in ((1, "VDD_IN", 1200), (2, "VDD_CPU_GPU_CV", 400)):
        jetson |= {
            f"{HWMON}3/in{number}_label": label, f"{HWMON}3/in{number}_input": "5000",
            f"{HWMON}3/curr{number}_input": str(milliamperes),
        }
    board = meter_of(jetson)
    assert board is not None
    assert (board.rails, board.read()) == (("VDD_IN",), pytest.approx(6.0))  # the CPU's rail is a part of it


def test_a_counter_that_begins_anew() -> None:
    meter = PowerMeter("powercap", ("package-0",), True, lambda: None, 0.1, 100.0)
    reads = [(0, 90.0), (10**9, 98.0), (2 * 10**9, 4.0), (3 * 10**9, 10.0)]
    assert average_watts(meter, reads) == pytest.approx(20 / 3)
    assert average_watts(dataclasses.replace(meter, wraps_at=0.0), reads) is None
    assert average_watts(meter, reads[:2]) is None


class Device:
    """2 W at rest, and more at work; an inference takes 1 ms of its own clock."""

    def __init__(self, at_work_w: float | None) -> None:
        self.now, self.working, self.at_work_w = 0, False, at_work_w

    def invoke(self) -> None:
        self.working, self.now = True, self.now + 1_000_000
        time.sleep(0.0005)  # the thread that reads the meter needs its turn

    def clock(self) -> int:
        self.now += 0 if self.working else 1_000_000
        return self.now

    def power(self) -> float | None:
        return self.at_work_w if self.working or self.at_work_w is None else 2.0

    def energy(self) -> EnergyUse:
        meter = PowerMeter("test", ("a",), False, self.power, 0.002)
        return measure_energy(meter, self.invoke, self.clock, 0.02, 0.1)


def test_energy_is_what_work_adds() -> None:
    found = Device(5.0).energy()
    assert (found.rest_w, found.work_w) == (2.0, pytest.approx(5.0, abs=0.2))
    assert found.per_inference_mj == pytest.approx(3.0, rel=0.07)
    flat = Device(2.0).energy()
    assert flat.per_inference_mj is None
    assert "no difference" in flat.reason
    deaf = Device(None).energy()
    assert "not be read" in deaf.reason
    assert measure_energy(None, Device(5.0).invoke, Device(5.0).clock).method == "none"


@pytest.mark.parametrize(
    "changes",
    [{"per_inference_mj": -1.0}, {"per_inference_mj": math.nan}, {"rest_w": math.inf}, {"rest_w": 9.0},
     {"rest_w": None}, {"reads": -1}, {"method": "x" * 5000}],
)
def test_what_cannot_be_is_refused(
    changes: dict[str, object], bundle: Path, plain_record: RunRecord
) -> None:
    options = BenchOptions(runs=5, min_time_s=0.02, time_limit_s=60, energy=True)
    true = EnergyUse("hwmon INA", ("VDD_IN",), 0.05, 2.0, 5.0, 3.0, 100, 50)
    record = dataclasses.replace(plain_record, settings=options.settings(), energy=true)
    target = open_target(bundle)
    assert check_record(record, "local", target, options, 10**12) is record
    assert RunRecord.from_json(record.to_json()) == record
    wrong = dataclasses.replace(record, energy=dataclasses.replace(true, **changes))  # type: ignore[arg-type]
    with pytest.raises(DeviceError, match="cannot be right"):
        check_record(wrong, "local", target, options, 10**12)


def typed(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None:
        raise result.exception
    return result.output


def test_a_power_command_is_no_shell(bundle: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        typed("bench", str(bundle), "--power-command", "meter 'x")
    with pytest.raises(InputError, match="is empty"):
        typed("bench", str(bundle), "--power-command", "")
    with pytest.raises(InputError, match="max-energy"):
        typed("check", str(bundle), "--max-energy", "2 W", "--device", "local")
    with pytest.raises(InputError, match="limits was not measured: max-energy"):
        typed("check", str(bundle), "--max-energy", "2mJ")


@pytest.mark.heavy
def test_a_command_that_measures_and_a_limit(bundle: Path, tmp_path: Path) -> None:
    """A meter that tells more while this machine's run works: by the CPU time of its own parent."""
    meter = tmp_path / "meter.py"
    meter.write_text(
        "import os, time\n"
        "def used():\n"
        "    fields = open(f'/proc/{os.getppid()}/stat').read().rpartition(')')[2].split()\n"
        "    return int(fields[11]) + int(fields[12])\n"
        "before = used(); time.sleep(0.1)\n"
        "print(f'{2 + (used() - before) / 10:.3f} W')\n"
    )
    command = f"{sys.executable} {meter}"
    run = ("bench", str(bundle), "--min-time", "0.05", "--power-command", command, "--json")
    energy = json.loads(typed(*run))[0]["energy"]
    assert energy["method"] == "command"
    assert 2 <= energy["rest_w"] < energy["work_w"] < 20
    assert energy["per_inference_mj"] > 0
    judge = ("check", str(bundle), "--device", "local", "--power-command", command, "--max-energy")
    assert "ok  max-energy on local" in typed(*judge, "1000J")
    with pytest.raises(VerificationError, match="max-energy on local"):
        typed(*judge, "0.000001uJ")
