"""What is installed is what is here: every package, and every file that is no Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
PACKAGES = {"edgeprune": "edgeprune", "device_runners": "device_runners", "models": "edgeprune_models"}
ONLY_HERE = {".md", ".pyc"}  # documents, and what Python leaves


def tracked() -> list[Path]:
    """Files that git knows, below the packages."""
    command = ["git", "ls-files", *PACKAGES]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no clone")
    return [Path(line) for line in listed.stdout.splitlines()]


def installed_name(folder: Path) -> str:
    top, *rest = folder.parts
    return ".".join([PACKAGES[top], *rest])


def test_every_package_is_installed():
    found = {installed_name(path.parent) for path in tracked() if path.name == "__init__.py"}
    assert found == set(SETTINGS["packages"])


def test_every_file_that_is_no_python_is_installed():
    lost = []
    for path in tracked():
        if path.suffix in {".py", *ONLY_HERE}:
            continue
        # The nearest package holds it, by a pattern of its own.
        holder = next(one for one in path.parents if (ROOT / one / "__init__.py").exists())
        patterns = SETTINGS["package-data"].get(installed_name(holder), [])
        if not any(path.relative_to(holder).match(pattern) for pattern in patterns):
            lost.append(str(path))
    assert lost == []
