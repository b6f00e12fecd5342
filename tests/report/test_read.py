"""report.json of every version is read, and what is written is read again."""

import dataclasses
import html
import json
import shutil
from pathlib import Path

import pytest

from edgeprune.errors import InputError
from edgeprune.report import budget, quantization
from edgeprune.report.page import open_subjects, report_page
from edgeprune.report.read import read_report_file
from edgeprune.report.schema import SCHEMA_VERSION, LatencyReport
from edgeprune.report.table import table_rows
from tests.gate.edit import rehash

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))


def plain(value):
    """JSON values without what is null, as today's files leave it out."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if item is not None}
    return [plain(item) for item in value] if isinstance(value, list) else value


def test_there_is_a_golden_file_of_every_version():
    assert {json.loads(path.read_text())["schema_version"] for path in FILES} == {1, SCHEMA_VERSION}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_version_is_read_without_a_loss_and_written_again(path, tmp_path):
    report = read_report_file(path)
    (tmp_path / "again.json").write_bytes(report.to_json())
    assert read_report_file(tmp_path / "again.json") == report
    was, now = plain(json.loads(path.read_text())), plain(json.loads(report.to_json()))
    assert now["schema_version"] == SCHEMA_VERSION
    if was["schema_version"] == 1:
        text = json.dumps(was).replace('"harms"', '"divergences"').replace('"harm"', '"added_divergence"')
        text = text.replace('"units"', '"channels"').replace('"amount"', '"ratio"')
        was = json.loads(text.replace('"next_units"', '"next_width"'))
    made = now["quantization"]
    for place in (made, made["validation"]):  # added later, empty where a report has none
        assert place.pop("parts") == []
    assert now["data"].pop("decisions") == []
    for step in made["steps"]:
        assert [step.pop(key) for key in ("runner_up", "verdict", "worst_part")] == [0, "", ""]
    for stage in now["stages"].values():  # version 1 left them out where there were none
        if not stage["unstable"]:
            del stage["unstable"]
    for stage in was["stages"].values():
        if not stage.get("unstable"):
            stage.pop("unstable", None)
    assert now == was | {"schema_version": SCHEMA_VERSION}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_version_is_shown(path, true_bundle, tmp_path):
    report = read_report_file(path)
    assert report.refusals[0].channels == 4
    assert table_rows(report)[0] == ("accuracy", "100.00 %", "100.00 %", "100.00 %", "+0.00 points")
    assert next(quantization.lines(report)).startswith("Quantized to int8 by ")
    bundle = Path(shutil.copytree(true_bundle, tmp_path / "bundle"))
    shutil.copy(path, bundle / "report.json")
    rehash(bundle)
    page = report_page(open_subjects([bundle]))
    assert "softmax needs all its channels" in page
    if report.budget is not None:
        assert all(line in html.unescape(page) for line in budget.summary(report.budget))


def test_what_was_not_measured_is_absent(tmp_path):
    report = read_report_file(GOLDEN / f"report_v{SCHEMA_VERSION}.json")
    stage = dataclasses.replace(report.stages.pruned, latency_ms=None, peak_memory_bytes=None)
    partly = dataclasses.replace(report.stages.baseline, latency_ms=LatencyReport(1.0))
    stages = dataclasses.replace(report.stages, pruned=stage, baseline=partly)
    bare = dataclasses.replace(report, stages=stages, confusion=None, search=None)
    written = json.loads(bare.to_json())
    assert not {"latency_ms", "peak_memory_bytes", "on_eval"} & set(written["stages"]["pruned"])
    assert written["stages"]["baseline"]["latency_ms"] == {"p50": 1.0}
    assert not {"confusion", "search", "zero_weights"} & set(written)
    (tmp_path / "bare.json").write_bytes(bare.to_json())
    assert read_report_file(tmp_path / "bare.json") == bare


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1])
def test_another_version_is_refused(version, tmp_path):
    document = json.loads(FILES[0].read_text()) | {"schema_version": version}
    (tmp_path / "report.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=f"schema version {version}"):
        read_report_file(tmp_path / "report.json")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda r: r["stages"]["deployed"]["metrics"].update(accuracy=7.0), "accuracy"),
        (lambda r: r["stages"]["deployed"]["latency_ms"].update(p50=-5.0), "latencies"),
        (lambda r: r["stages"]["baseline"]["latency_ms"].update(p50=5.0, p90=1.0, p99=0.1), "latencies"),
        (lambda r: r["stages"]["baseline"].update(tflite_bytes=-3), "a file of -3 bytes"),
        (lambda r: r["stages"]["pruned"].update(macs=-1), "macs = -1"),
        (lambda r: r["removed"].update(neurons=9.0), "removed.neurons is 9.0"),
        (lambda r: r.update(change_errors={"accuracy": -1.0}), "the error of accuracy is -1.0"),
    ],
)
def test_a_report_of_figures_that_cannot_be_is_refused(change, told, tmp_path):
    document = json.loads((GOLDEN / f"report_v{SCHEMA_VERSION}.json").read_text())
    change(document)
    (tmp_path / "report.json").write_text(json.dumps(document))
    with pytest.raises(InputError) as raised:
        read_report_file(tmp_path / "report.json")
    assert told in str(raised.value)
