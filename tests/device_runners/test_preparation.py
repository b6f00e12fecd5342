"""`edgeprune devices --prepare`: what a board gets, and that it is there afterwards or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from device_runners import BenchOptions, bench, preparation
from device_runners.discovery import check_device
from edgeprune.cli.devices import devices
from edgeprune.errors import DeviceError, EdgepruneError, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.device_runners.testbeds.beds import Bed

PI = """kernel aarch64
free_kb 9000000
python 3.11
executable /usr/bin/python3
bits 64
libc glibc 2.36
venv yes
"""
PI_32 = PI.replace("bits 64", "bits 32") + "numpy 1.24.2\n"
app = typer.Typer()
app.command()(devices)


@pytest.mark.parametrize(
    ("printed", "packages", "platform", "system"),
    [
        (PI, ("ai-edge-litert", "numpy"), "manylinux_2_36_aarch64", False),
        (PI + "numpy 2.2.4\n", ("ai-edge-litert", "numpy"), "manylinux_2_28_aarch64", False),
        (PI.replace("aarch64", "x86_64"), ("ai-edge-litert", "numpy"), "manylinux2014_x86_64", False),
        # Raspberry Pi OS of 32 bit starts a 64-bit kernel on a Pi 4.
        (PI_32, ("tflite-runtime",), "manylinux_2_34_armv7l", True),
        (PI_32.replace("aarch64", "armv7l"), ("tflite-runtime",), "manylinux_2_34_armv7l", True),
    ],
)
def test_what_a_board_gets(printed: str, packages: tuple[str, ...], platform: str, system: bool) -> None:
    plan = preparation.plan_for(printed, "ssh://pi")
    assert plan.packages == packages
    assert platform in plan.platforms
    assert plan.with_system_packages is system
    assert plan.executable == "/usr/bin/python3"
    glibc = [int(name.split("_")[2]) for name in plan.platforms if name.startswith("manylinux_")]
    assert max(glibc) == 36  # a wheel for a newer C library would not load


@pytest.mark.parametrize(
    ("printed", "found", "way_out"),
    [
        ("kernel aarch64\n", "no Python that runs", "apt install python3"),
        (PI.replace("python 3.11", "python 3.8"), "has Python 3.8", "--python"),
        (PI.replace("python 3.11", "python 3.11; rm -rf /"), "has Python 3.11; rm", "--python"),
        (PI.replace("/usr/bin/python3", "--help"), "has Python 3.11", "--python"),
        (PI.replace("venv yes\n", ""), "no venv module", "python3-venv"),
        (PI.replace("9000000", "90000"), "only 90 MB free", "Free some"),
        (PI.replace("glibc 2.36", ""), "unknown C library", "native"),
        (PI_32.replace("numpy 1.24.2\n", ""), "has no numpy", "python3-numpy"),
        (PI_32.replace("1.24.2", "2.2.4"), "has numpy 2.2.4", "64-bit system"),
        (PI.replace("aarch64", "riscv64"), "riscv64 with a 64-bit", "native"),
        (PI.replace("bits 64", "bits 9" + "9" * 500), "aarch64 with a 9999-bit", "native"),
        ("", "no Python that runs", "--python"),
    ],
)
def test_a_board_that_nothing_can_be_installed_on(printed: str, found: str, way_out: str) -> None:
    with pytest.raises(DeviceError) as error:
        preparation.plan_for(printed, "ssh://pi")
    assert found in error.value.found
    assert way_out in error.value.way_out


@pytest.mark.parametrize("arguments", [["--prepare"], ["--prepare", "local"], ["--prepare", "pi@pi"]])
def test_what_cannot_be_prepared(arguments: list[str]) -> None:
    assert isinstance(CliRunner().invoke(app, arguments).exception, InputError)


@pytest.mark.heavy
@pytest.mark.xdist_group("devices")
def test_a_bare_board_benches_afterwards(
    bare: Bed, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        preparation.download(preparation.plan_for(PI_32, bare.device), tmp_path)
    except InputError as error:
        pytest.skip(f"pip reaches no index: {error}")
    bits = "64" if "64" in bare.device else "32"
    options = BenchOptions(min_time_s=0.2, runs=10, time_limit_s=200.0)
    with pytest.raises(EdgepruneError, match="--prepare"):
        bench(bundle, bare.device, options)
    (problem, *_) = check_device(bare.device).problems
    assert f"edgeprune devices --prepare {bare.device}" in problem

    if bits == "32":  # an installation that fails leaves nothing
        with monkeypatch.context() as broken:
            broken.setattr(preparation.scripts, "KEEP_VENV", "echo full >&2; exit 73")
            with pytest.raises(DeviceError, match="cannot keep"):
                preparation.prepare(bare.device, None, lambda _: None)
        assert not bare.leftovers()
        assert not (bare.cache / "venv").exists()

    result = CliRunner().invoke(app, ["--prepare", bare.device])
    assert result.exit_code == 0, (result.output, result.exception)
    assert f"{bare.device}: ready" in result.output
    assert ".cache/edgeprune/venv" in result.output  # what it was going to do
    assert not bare.leftovers()
    record = bench(bundle, bare.device, options)
    assert record.samples == 40
    assert record.runtime.name == {"64": "ai-edge-litert", "32": "tflite-runtime"}[bits]
    assert not bare.leftovers()
