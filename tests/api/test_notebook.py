"""Progress in a notebook: one output that is redrawn, however long a build takes."""

from __future__ import annotations

import os
import runpy
import sys
import types
from pathlib import Path

import pytest

from edgeprune.api.notebook import NotebookCell, in_notebook, showing
from edgeprune.data.decisions import decided
from edgeprune.progress import at
from tests.tools import need_package


class Kernel(types.ModuleType):
    """IPython as a kernel has it: it remembers what was displayed, and what took its place."""

    def __init__(self, *, is_kernel: bool = True) -> None:
        super().__init__("IPython")
        self.shell = types.SimpleNamespace(kernel=object()) if is_kernel else types.SimpleNamespace()
        self.outputs: dict[str, dict[str, str]] = {}
        self.updates = 0
        self.display = types.ModuleType("IPython.display")
        self.display.display = self._display
        self.display.update_display = self._update

    def get_ipython(self) -> object:
        return self.shell

    def _display(self, data: dict[str, str], *, raw: bool, display_id: str) -> None:
        assert raw
        assert display_id not in self.outputs
        self.outputs[display_id] = data

    def _update(self, data: dict[str, str], *, raw: bool, display_id: str) -> None:
        assert raw
        assert display_id in self.outputs
        self.outputs[display_id] = data
        self.updates += 1


@pytest.fixture
def kernel(monkeypatch) -> Kernel:
    made = Kernel()
    monkeypatch.setitem(sys.modules, "IPython", made)
    monkeypatch.setitem(sys.modules, "IPython.display", made.display)
    return made


def test_one_output_whatever_happens(kernel):
    now = [0.0]
    cell = NotebookCell(lambda: now[0])
    for stage in ("open", "<script>alert(1)</script>"):
        for step in range(10_001):
            cell.tell(stage, step / 10_000)
            now[0] += 0.01
    cell.draw()
    (output,) = kernel.outputs.values()
    assert kernel.updates < 2 * 10_000 * 0.01 / 0.5 + 10
    assert output["text/plain"].splitlines()[0] == "open the model: 100 %, 100 s"
    assert "<script>" not in output["text/html"]
    assert "&lt;script&gt;" in output["text/html"]
    assert output["text/html"].count("<progress") == 2


def test_a_notebook_is_told_without_being_asked_and_a_script_is_not(kernel, monkeypatch, capsys):
    with showing(None) as (tell, announce):
        announce(decided("samples", ["9 train."]))
        tell("prune", 0.5)
        tell("prune", 1.0)
    (output,) = kernel.outputs.values()
    assert "9 train." in output["text/plain"]
    assert "100 %" in output["text/plain"]  # the last state is drawn, however soon it came
    with showing(False) as (tell, _):
        tell("prune", 0.5)
    assert len(kernel.outputs) == 1
    monkeypatch.setitem(sys.modules, "IPython", Kernel(is_kernel=False))  # IPython in a terminal
    with showing(None) as (tell, _):
        tell("prune", 0.5)
    assert capsys.readouterr() == ("", "")


def test_a_function_is_told_wherever_it_runs(kernel):
    told = []
    with showing(lambda stage, done: told.append((stage, done))) as (tell, _):
        tell("prune", 0.5)
    assert told == [("prune", 0.5)]
    assert kernel.outputs == {}


def test_without_ipython_there_is_no_notebook(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", None)
    assert not in_notebook()


NOTEBOOK = Path(__file__).with_name("notebook.py")
TYPED = "!{sys.executable} -m edgeprune build mine.keras --data mine.npz --epochs 30 --out build/two"


@pytest.mark.heavy
def test_a_notebook_runs_and_shows_its_results(kernel, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = runpy.run_path(str(NOTEBOOK))
    for name in ("found", "result", "bundle", "report", "record", "checked"):
        assert "<table>" in made[name]._repr_html_(), name
        assert "\n" not in repr(made[name]), name
    assert made["checked"].passed
    (progress,) = kernel.outputs.values()
    assert progress["text/html"].count("<progress") > 3
    assert "fine-tune: 100 %" in progress["text/plain"]
    assert "samples" in progress["text/plain"]


@pytest.mark.heavy
def test_a_notebook_in_a_real_kernel(tmp_path):
    """Needs nbclient and ipykernel."""
    for package in ("nbclient", "nbformat", "ipykernel"):
        need_package(package, "pip install -e '.[test-notebook]'")
    import nbformat
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    class Manager(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            environment = {"PYTHONPATH": os.pathsep.join(sys.path), "TF_CPP_MIN_LOG_LEVEL": "3"}
            command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=command, display_name="this Python", language="python", env=environment)

    cells = NOTEBOOK.read_text(encoding="utf-8").split("# %%")[1:]
    saved = "import sys\nmodel.save('mine.keras')\nnp.savez('mine.npz', x=x, y=y)"
    texts = ["#" + one for one in cells] + [saved, TYPED]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in texts])
    NotebookClient(notebook, timeout=300, kernel_manager_class=Manager).execute(cwd=str(tmp_path))
    _, _, pruned, built, _, measured, _, _, typed = (cell.outputs for cell in notebook.cells)
    assert "<table>" in pruned[-1].data["text/html"]
    (progress,) = (one for one in built if one.output_type == "display_data")
    assert progress.data["text/html"].count("<progress") > 3
    assert "fine-tune: 100 %" in progress.data["text/plain"]
    assert sum(len(one.text.splitlines()) for one in built if one.output_type == "stream") < 20
    assert "accuracy" in built[-1].data["text/html"]
    assert "build/mine: vision" in built[-1].data["text/plain"]
    assert measured[-1].data["text/plain"].startswith("<RunRecord of ")
    lines = [line for one in typed for line in one.text.splitlines()]
    assert len(lines) < 80
    assert not any("\x1b[1A" in line for line in lines)  # no line is drawn again


def test_a_bar_tells_what_its_stage_is_at(kernel):
    cell = NotebookCell(lambda: 0.0)
    cell.tell("convert", 0.0)
    cell.tell(at("convert", "<int8>", 1, 2), 0.1)
    cell.draw()
    (output,) = kernel.outputs.values()
    assert output["text/plain"] == "quantize and verify, <int8> (1 of 2): 10 %, 0 s"
    assert "&lt;int8&gt;" in output["text/html"]
