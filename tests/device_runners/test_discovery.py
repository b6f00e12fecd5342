"""`edgeprune devices` and the two other commands, run as a user does."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from device_runners import discovery
from device_runners.native import benchmark_model
from edgeprune.cli.bench import bench
from edgeprune.cli.compare import compare
from edgeprune.cli.devices import devices
from edgeprune.errors import DeviceError
from edgeprune.run_record import RunRecord

app = typer.Typer()
for command in (bench, compare, devices):
    app.command()(command)


def test_hosts_of_the_ssh_config_are_found(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host pi pi4\n  User pi\nHost *.lan !x ?\nhost lab\nMatch all\nHostName ignored\n")
    assert discovery._ssh_hosts(config) == ["pi", "pi4", "lab"]
    assert discovery._ssh_hosts(tmp_path / "absent") == []
    assert "local" in discovery.find_devices(config)


@pytest.mark.parametrize(
    ("printed", "problem"),
    [
        ("arch aarch64\n", "no Python: use --runner native"),
        ("arch aarch64\npython 3.7.3\nmodule numpy\nmodule tflite_runtime\n", "Python 3.7.3 is too old"),
        ("arch aarch64\npython 3.11.2\nmodule tflite_runtime\n", "no numpy"),
        ("arch aarch64\npython 3.11.2\nmodule numpy\n", "edgeprune devices --prepare ssh://pi"),
        ("arch x\npython 3.11.2\nmodule numpy\nmodule tensorflow\nfree_kb 5000\n", "only 5 MB are free"),
        ("arch x\npython 3.11.2\nmodule numpy\nmodule tensorflow\nclock 1000\n", "its clock is wrong"),
    ],
)
def test_what_a_device_lacks_is_said_with_the_fix(printed: str, problem: str) -> None:
    check = discovery._read_probe("ssh://pi", printed)
    assert check.reachable
    assert len(check.problems) == 1
    assert problem in check.problems[0]


def test_this_machine_is_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    result = CliRunner().invoke(app, ["devices", "local", "ssh://no-such-host.invalid", "--json"])
    assert isinstance(result.exception, DeviceError)  # one of those named is not ready
    here, missing = json.loads(result.stdout)
    assert (here["device"], here["reachable"], here["problems"]) == ("local", True, [])
    assert here["python"] == ".".join(map(str, sys.version_info[:3]))
    assert not missing["reachable"]
    assert missing["problems"]
    assert [check["ready"] for check in (here, missing)] == [True, False]


def test_a_runtime_that_does_not_load_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel of another architecture is installed all the same: only `bench`'s own run shows it."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    packages = tmp_path / "packages" / "ai_edge_litert"
    packages.mkdir(parents=True)
    (packages / "__init__.py").touch()
    (packages / "interpreter.py").write_text("raise ImportError('wrong ELF class: ELFCLASS32')")
    for distribution in ("tflite_runtime", "tensorflow"):
        (tmp_path / "packages" / f"{distribution}.py").write_text("raise ImportError('none')")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path}/packages exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    result = CliRunner().invoke(app, ["devices", "local", "--python", str(python)])
    assert isinstance(result.exception, DeviceError)
    assert "local: not ready" in result.stdout
    assert "wrong ELF class" in result.stdout


def test_bench_prints_records_as_json_and_nothing_else(bundle: Path) -> None:
    result = CliRunner().invoke(app, ["bench", str(bundle), "--min-time", "0.05", "--runs", "10", "--json"])
    assert result.exit_code == 0, result.output
    (record,) = json.loads(result.stdout)
    assert RunRecord.from_json(json.dumps(record)).samples == 40


def test_bench_prints_a_table_and_fails_for_a_device_that_did(bundle: Path) -> None:
    arguments = [
        "bench",
        str(bundle),
        "--min-time",
        "0.05",
        "--device",
        "local",
        "--device",
        "ssh://nowhere.invalid",
    ]
    result = CliRunner().invoke(app, arguments)
    assert "p50" in result.output
    assert isinstance(result.exception, DeviceError)


# ruff: noqa: E501  (what tools print)
# As printed by the tool (tensorflow/lite/tools/benchmark); no prebuilt could be run for these tests.
TOOL_OUTPUT = """\
INFO: Running benchmark for at least 5 iterations and at least 0.05 seconds but terminate if exceeding 150 seconds.
INFO: count=69 first=7702 curr=717 min=703 max=7702 avg=830.7 std=838 p5=705 median=716 p95=800
INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
INFO: count=1372 first=731 curr=719 min=702 max=1411 avg=725.511 std=41 p5=705 median=718 p95=780
INFO: Inference timings in us: Init: 3021, First inference: 7702, Warmup (avg): 830.7, Inference (avg): 725.511
INFO: Memory footprint delta from the start of the tool (MB): init=2.5 overall=4.25
"""


def test_output_of_benchmark_model_is_read() -> None:
    assert benchmark_model.parse(TOOL_OUTPUT) == {
        "median": 718.0,
        "avg": 725.511,
        "std": 41.0,
        "init": 3021.0,
        "first": 7702.0,
    }
    with pytest.raises(DeviceError, match="printed no median"):
        benchmark_model.parse(TOOL_OUTPUT.replace("median=", "middle="))


def test_benchmark_model_runs_as_a_runner(bundle: Path, tmp_path: Path) -> None:
    """With a stand-in that checks its flags and prints what the tool prints."""
    tool = tmp_path / "benchmark_model"
    tool.write_text(
        '#!/bin/sh\ncase "$*" in *--graph=model.tflite*--num_threads=2*--use_xnnpack=true*) ;; *) exit 1;; esac\n'
        f"[ -s model.tflite ] || exit 1\ncat <<'X'\n{TOOL_OUTPUT}X\n"
    )
    arguments = [
        "bench",
        str(bundle),
        "--runner",
        "benchmark_model",
        "--benchmark-model",
        str(tool),
        "--threads",
        "2",
    ]
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    (record,) = json.loads(result.stdout)
    assert record["latency"]["p50_ms"] == 0.718
    assert record["latency"]["p90_ms"] is None
    assert record["memory"]["peak_bytes"] == int(4.25 * (1 << 20))
    missing = CliRunner().invoke(app, ["bench", str(bundle), "--runner", "benchmark_model"])
    assert "Name Google's prebuilt tool" in str(missing.exception)


def test_adb_of_adbutils_is_used_where_the_system_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from device_runners.transports.adb import find_adb

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DeviceError, match=r"no adb program.*adbutils"):
        find_adb()
    (tmp_path / "adbutils" / "binaries").mkdir(parents=True)
    (tmp_path / "adbutils" / "__init__.py").touch()
    (tmp_path / "adbutils" / "binaries" / "adb").touch()
    assert find_adb() == os.fspath(tmp_path / "adbutils" / "binaries" / "adb")
