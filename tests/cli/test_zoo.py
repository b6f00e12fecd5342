import json

import pytest
import typer
from typer.testing import CliRunner

import edgeprune_models
from edgeprune.cli import zoo
from edgeprune.errors import InputError
from edgeprune_models import results


def run(*arguments):
    app = typer.Typer()
    app.command()(zoo.zoo)
    return CliRunner().invoke(app, arguments)


def test_json_is_one_document_with_every_model():
    found = json.loads(run("--json").stdout)["models"]
    assert [row["name"] for row in found] == list(edgeprune_models.ZOO)
    assert {row["task"] for row in found if row["default"]} == {
        "detection", "segmentation", "speech", "text", "translation", "vision",
    }


def test_a_task_narrows_the_list_and_an_unknown_one_is_named():
    assert {row["task"] for row in zoo.entries("text")} == {"text"}
    with pytest.raises(InputError, match="'smell'"):
        zoo.entries("smell")


def test_the_table_shows_results_and_says_synthetic(tmp_path, monkeypatch):
    stage = {"params": 10, "tflite_bytes": 2048, "latency_ms": {"p50": 1.5}}
    reports = {
        seed: {
            "stages": {
                "baseline": {**stage, "metrics": {"accuracy": accuracy}},
                "deployed": {**stage, "metrics": {"accuracy": 0.5}, "tflite_bytes": 1024},
            },
            "removed": {"neurons": 0.5},
            "data": {"name": "rows", "source": "drawn", "licence": "none", "synthetic": True},
        }
        for seed, accuracy in ((0, 0.9), (1, 0.8))
    }
    entry = edgeprune_models.find("mlp")
    results.write(entry, reports, entry.recipe, folder=tmp_path)
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    line = "    rows (synthetic): accuracy 85.00 -> 50.00 %, 2 -> 1 kB, 1.500 ms -> 1.500 ms"
    assert line in run("--task", "tabular").stdout.splitlines()
    shown = run("--task", "vision").stdout
    assert "lenet-5 " in shown
    assert "not measured yet" in shown


def test_every_results_file_belongs_to_a_model():
    for path in results.FOLDER.glob("*.json"):
        found = json.loads(path.read_text())
        assert path.stem.startswith(f"{found['model']}--")
        assert found in results.read(found["model"])
        assert found["model"] in edgeprune_models.ZOO
        assert set(found["stages"]) >= {"baseline", "deployed"}
        assert found["data"]["licence"]
        assert found["recipe"]["epochs"]
