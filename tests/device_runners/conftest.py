"""Fixtures: golden models, and emulated devices that live as long as the test session."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from device_runners import BenchOptions, bench
from tests.device_runners.testbeds import beds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgeprune.run_record import RunRecord

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def bundle() -> Path:
    return GOLDEN / "bundle_v1"


@pytest.fixture(scope="session")
def plain_record(bundle: Path) -> RunRecord:
    """Of a plain run on this machine, which several tests spoil in their own ways."""
    return bench(bundle, "local", BenchOptions(runs=5, min_time_s=0.02, time_limit_s=60.0))


@pytest.fixture(scope="session")
def float_model() -> Path:
    return GOLDEN / "float.tflite"


@pytest.fixture(scope="session")
def slow_model() -> Path:
    """Still runs when a test gets round to disturbing it."""
    return GOLDEN / "slow.tflite"


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Local runs keep their uploads in a folder of the tests."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "edgeprune"


@pytest.fixture
def own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Other runs on this machine neither wait for these nor hold them up."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path / "edgeprune.lock"


@pytest.fixture
def nothing_left(own_cache: Path, own_lock: Path) -> object:
    yield
    assert not list(own_cache.glob("run.*"))
    assert not own_lock.exists()


@pytest.fixture(scope="session")
def roots() -> Path:
    return beds.build_roots()


@pytest.fixture(scope="session")
def pi64_server(roots: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[beds.Bed]:
    with beds.ssh_bed("pi64", tmp_path_factory.mktemp("pi64"), roots / "pi64", "cortex-a72") as bed:
        yield bed


@pytest.fixture(scope="session")
def pi32_server(roots: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[beds.Bed]:
    with beds.ssh_bed("pi32", tmp_path_factory.mktemp("pi32"), roots / "pi32", "cortex-a7") as bed:
        yield bed


@pytest.fixture(scope="session", params=["bare64", "bare32"])
def bare_server(
    request: pytest.FixtureRequest, roots: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[beds.Bed]:
    cpu = {"bare64": "cortex-a72", "bare32": "cortex-a7"}[request.param]
    with beds.ssh_bed(request.param, tmp_path_factory.mktemp("bare"), roots / request.param, cpu) as bed:
        shutil.rmtree(bed.cache, ignore_errors=True)  # of an earlier session
        yield bed


@pytest.fixture(scope="session")
def here_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[beds.Bed]:
    beds.need("sshd", "ssh")
    with beds.ssh_bed("here", tmp_path_factory.mktemp("here"), None) as bed:
        yield bed


def _in_path(bed: beds.Bed, monkeypatch: pytest.MonkeyPatch) -> beds.Bed:
    monkeypatch.setenv("PATH", f"{bed.state}/bin:{os.environ['PATH']}")
    return bed


@pytest.fixture
def pi64(pi64_server: beds.Bed, monkeypatch: pytest.MonkeyPatch) -> beds.Bed:
    return _in_path(pi64_server, monkeypatch)


@pytest.fixture
def pi32(pi32_server: beds.Bed, monkeypatch: pytest.MonkeyPatch) -> beds.Bed:
    return _in_path(pi32_server, monkeypatch)


@pytest.fixture
def bare(bare_server: beds.Bed, monkeypatch: pytest.MonkeyPatch) -> beds.Bed:
    return _in_path(bare_server, monkeypatch)


@pytest.fixture
def here(here_server: beds.Bed, monkeypatch: pytest.MonkeyPatch) -> beds.Bed:
    return _in_path(here_server, monkeypatch)


@pytest.fixture(scope="session")
def droid(roots: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[beds.Bed]:
    with beds.adb_bed(tmp_path_factory.mktemp("droid"), roots / "droid") as bed:
        yield bed


@pytest.fixture
def carried_python(droid: beds.Bed, roots: Path) -> str:
    """A Python with numpy and the runtime, carried onto the phone that has none."""
    if not (droid.root / "data/local/tmp/python").exists():
        shutil.copytree(roots / "python", droid.root / "data/local/tmp/python")
    return "/data/local/tmp/python/python"
