from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from device_runners import BenchOptions, bench
from edgeprune import jsonable
from tests.gate.edit import edit_report
from tests.gate.samples import make_bundle
from tests.report.rich import enrich


@pytest.fixture(scope="session")
def true_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("true"))


@pytest.fixture
def bundle(true_bundle: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(true_bundle, tmp_path / "bundle"))


@pytest.fixture(scope="session")
def rich_bundle(true_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With everything a report may hold."""
    folder = Path(shutil.copytree(true_bundle, tmp_path_factory.mktemp("rich") / "rich"))
    edit_report(folder, enrich)
    return folder


@pytest.fixture(scope="session")
def run_file(true_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `edgeprune bench --json` prints."""
    record = bench(true_bundle, "local", BenchOptions(runs=60, min_time_s=0.05))
    path = tmp_path_factory.mktemp("run") / "run.json"
    path.write_text(jsonable.dumps([record]))
    return path
