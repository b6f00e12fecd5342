from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.gate.samples import make_bundle


@pytest.fixture(scope="session")
def true_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("true"))


@pytest.fixture
def bundle(true_bundle: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(true_bundle, tmp_path / "bundle"))
