"""The whole of `bench` on emulated devices and on this machine; figures there mean nothing, plumbing does."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

import pytest

from device_runners import BenchOptions, bench, bench_devices, bench_threads
from device_runners.native.runner import build_program
from edgeprune.run_record import RunRecord
from edgeprune.tasks import OwnMetric

if TYPE_CHECKING:
    from pathlib import Path

    from tests.device_runners.testbeds.beds import Bed

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("devices")]

QUICK = {"min_time_s": 0.2, "runs": 10, "time_limit_s": 200.0}


def check_record(record: RunRecord, device: str, reference: RunRecord) -> None:
    assert record.device == device
    assert len(record.latency_ns) >= 10
    assert record.samples == 40
    assert record.metrics.keys() == {"accuracy"}
    assert record.model == reference.model
    assert RunRecord.from_json(record.to_json()) == record


@pytest.fixture(scope="module")
def reference() -> RunRecord:
    from tests.device_runners.conftest import GOLDEN

    return bench(GOLDEN / "bundle_v1", "local", BenchOptions(**QUICK))


def test_ssh_into_aarch64(pi64: Bed, bundle: Path, reference: RunRecord) -> None:
    record = bench(bundle, pi64.device, BenchOptions(**QUICK))
    check_record(record, "ssh://pi64", reference)
    assert record.runtime.name == "ai-edge-litert"
    assert record.facts.arch == "aarch64"
    assert record.facts.model == "Raspberry Pi 4 Model B Rev 1.4"
    assert record.facts.soc == "BCM2835"
    assert record.facts.governor == "ondemand"
    assert record.facts.before.temperature_c == 48.312
    assert record.predictions == reference.predictions
    assert record.metrics == reference.metrics
    assert not pi64.leftovers()


def test_ssh_into_armhf(pi32: Bed, bundle: Path, reference: RunRecord) -> None:
    """A metric of the user's own is computed here, from what this device sends back."""
    hits = OwnMetric(lambda y, outputs: {"hits": float((outputs.argmax(-1) == y).mean())}, "hits")
    record = bench(bundle, pi32.device, BenchOptions(**QUICK, metric=hits))
    assert record.metrics["hits"] == pytest.approx(record.metrics["accuracy"], abs=1e-9)
    check_record(dataclasses.replace(record, metrics=reference.metrics), "ssh://pi32", reference)
    assert record.runtime.name == "tflite-runtime"
    assert record.predictions[0].shape == reference.predictions[0].shape
    assert not pi32.leftovers()


def test_ssh_here(here: Bed, bundle: Path, reference: RunRecord) -> None:
    record = bench(bundle, here.device, BenchOptions(**QUICK, python=sys.executable))
    check_record(record, "ssh://here", reference)
    assert record.predictions == reference.predictions
    assert not here.leftovers()


def test_adb_python(droid: Bed, carried_python: str, bundle: Path, reference: RunRecord) -> None:
    record = bench(bundle, droid.device, BenchOptions(**QUICK, python=carried_python))
    check_record(record, "adb://127.0.0.1:5599", reference)
    assert record.predictions == reference.predictions
    assert not droid.leftovers()


def test_several_devices_at_once(pi64: Bed, bundle: Path) -> None:
    records = bench_devices(bundle, ["local", pi64.device], BenchOptions(**QUICK))
    assert [record.device for record in records if isinstance(record, RunRecord)] == ["local", pi64.device]


def test_numbers_of_threads_in_one_session(here: Bed, bundle: Path) -> None:
    options = BenchOptions(**QUICK, python=sys.executable)
    (records,) = bench_threads(bundle, [here.device], (1, 2), options)
    assert isinstance(records, list)
    assert [record.settings.threads for record in records] == [1, 2]
    assert records[0].predictions == records[1].predictions
    assert not here.leftovers()


def native_options(roots: Path) -> BenchOptions:
    library = roots / "pi64/usr/local/lib/python3.11/dist-packages/ai_edge_litert/libLiteRt.so"
    return BenchOptions(
        **QUICK, runner="native", native_runner=build_program("aarch64-linux-gnu-gcc"), library=library
    )


def test_adb_native(droid: Bed, roots: Path, bundle: Path, reference: RunRecord) -> None:
    record = bench(bundle, droid.device, native_options(roots))
    check_record(record, "adb://127.0.0.1:5599", reference)
    assert record.facts.model == "Google Pixel 7"
    assert record.facts.os.startswith("Android 14, kernel ")
    assert record.predictions == reference.predictions
    assert not droid.leftovers()


def test_ssh_native(pi64: Bed, roots: Path, bundle: Path, reference: RunRecord) -> None:
    record = bench(bundle, pi64.device, native_options(roots))
    check_record(record, "ssh://pi64", reference)
    assert record.predictions == reference.predictions
    assert record.facts.governor == "ondemand"
    assert not pi64.leftovers()


def test_python_3_9(roots: Path, bundle: Path, reference: RunRecord) -> None:
    record = bench(bundle, "local", BenchOptions(**QUICK, python=str(roots / "old/python")))
    check_record(record, "local", reference)
    assert record.runtime.python is not None
    assert record.runtime.python.startswith("3.9.")
    assert record.runtime.name == "tflite-runtime"
