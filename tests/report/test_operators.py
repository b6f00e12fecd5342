"""Where the time goes, on the page."""

import json

import pytest

from edgeprune.errors import InputError
from edgeprune.report.page import open_subjects, report_page
from tests.report.markup import Page

AFTER = [("CONV_2D", "conv", 300_000), ("ADD", "conv", 100_000), ("SOFTMAX", "scores<b>", 2_000)]
BEFORE = [("CONV_2D", "m/conv/Relu", 1_200_000), ("CONV_2D", "m/gone/Relu", 50_000)]


def with_profile(run_file, path, operators, **changes):
    run = json.loads(run_file.read_text())[0]
    run["profile"] = [{"operator": name, "tensor": tensor, "ns": ns} for name, tensor, ns in operators]
    run.update(changes)
    path.write_text(json.dumps([run]))
    return path


def rows(page):
    texts = [text for _, text in page.all("tr") if not text.startswith("operators")]
    return [text for text in texts if "CONV_2D" in text or "scores" in text or "gone" in text]


def test_layers_before_and_after_stand_side_by_side(true_bundle, run_file, tmp_path):
    after = with_profile(run_file, tmp_path / "after.json", AFTER)
    before = with_profile(run_file, tmp_path / "before.json", BEFORE)
    page = Page(report_page(open_subjects([true_bundle], [after], before=[before])))
    assert "b0-operators0" in {a["id"] for a, _ in page.all("svg", role="img")}
    assert rows(page) == [
        "convCONV_2D, ADD1.200 ms400 µs3.0x faster", "scores<b>SOFTMAX2.0 µs", "gone50.0 µs",
    ]
    alone = Page(report_page(open_subjects([true_bundle], [after])))
    assert rows(alone) == ["convCONV_2D, ADD400 µs", "scores<b>SOFTMAX2.0 µs"]


def test_another_device_is_not_the_same_before(true_bundle, run_file, tmp_path):
    after = with_profile(run_file, tmp_path / "after.json", AFTER)
    before = with_profile(run_file, tmp_path / "before.json", BEFORE, device="ssh://pi")
    page = Page(report_page(open_subjects([true_bundle], [after], before=[before])))
    assert rows(page) == ["convCONV_2D, ADD400 µs", "scores<b>SOFTMAX2.0 µs"]


def test_times_that_cannot_be_are_refused(true_bundle, run_file, tmp_path):
    after = with_profile(run_file, tmp_path / "after.json", [("CONV_2D", "conv", -5)])
    with pytest.raises(InputError, match="cannot be right"):
        open_subjects([true_bundle], [after])


def test_runs_without_times_of_operators_are_no_before(true_bundle, run_file):
    with pytest.raises(InputError, match="--profile"):
        open_subjects([true_bundle], [run_file], before=[run_file])
    page = Page(report_page(open_subjects([true_bundle], [run_file])))
    assert "Where the time goes" not in {text for _, text in page.all("h2")}
