"""Results in a notebook and a REPL: a line that says what matters, a table, nothing that becomes markup."""

from __future__ import annotations

import dataclasses
import html.parser
from pathlib import Path

import numpy as np
import pytest

import edgeprune
from device_runners.comparison import Comparison, Verdict
from edgeprune import jsonable
from edgeprune.gate.limits import Limits
from edgeprune.gate.result import Judgement, Status, VerifiedPart
from edgeprune.graph.cost import Cost
from edgeprune.graph.dependency_graph import Refusal
from edgeprune.html_table import html_table, stages_table
from edgeprune.keras_bridge.inspect import InspectedGroup, InspectedRefusal, Inspection
from edgeprune.pruning.equivalence import Equivalence
from edgeprune.pruning.result import GroupReport, PruneReport, PruneResult, Removed
from edgeprune.report.read import read_report_file
from edgeprune.run_parts import DeviceFacts, DeviceState, Latency, Memory, ModelFile, RunSettings, Runtime
from edgeprune.run_record import RunRecord
from edgeprune.sweep.front import Front, TrialResult

TESTS = Path(__file__).parents[1]
HOSTILE = "<img src=x onerror='alert(1)'>&\"</table><script>"
REPORT = TESTS / "report" / "golden" / "report_v2.json"
COSTS = Cost(64, 1000, 20_000), Cost(32, 400, 9000)


@pytest.fixture(scope="module")
def bundle() -> edgeprune.Bundle:
    return edgeprune.read_bundle(TESTS / "device_runners" / "golden" / "bundle_v1")


def prune_report() -> PruneReport:
    return PruneReport(
        (GroupReport(HOSTILE, 64, 32),), *COSTS, Removed(0.5, 0.6, 0.55),
        (Refusal(HOSTILE, 3, "x", HOSTILE),), Equivalence(0.0, 1e-5, 8), None, (HOSTILE,), {},
    )


def results(bundle: edgeprune.Bundle) -> dict[str, object]:
    judged = Judgement("max-size", Status.HELD, 2e6, 1e6, HOSTILE)
    trial = TrialResult(3, {"prune": HOSTILE}, figures={"accuracy": 0.9}, bundle=HOSTILE, optimal=True)
    return {
        "Bundle": dataclasses.replace(bundle, path=bundle.path / ".." / bundle.path.name),
        "PruneReport": prune_report(),
        "PruneResult": PruneResult(None, prune_report(), None, np.ones(64, bool)),
        "Inspection": Inspection(3, COSTS[0], (), (InspectedGroup(HOSTILE, 64, (HOSTILE,)),),
                                 (InspectedRefusal(HOSTILE, 3, "x", HOSTILE),)),
        "Comparison": Comparison(HOSTILE, HOSTILE, HOSTILE, Verdict.FASTER, 2.0, 1.9, 2.1, 0.98, 2.0,
                                 1.0, (0.1,) * 8, None),
        "CheckResult": edgeprune.CheckResult(
            HOSTILE, (judged,), (VerifiedPart(HOSTILE, Status.HELD),), (HOSTILE,)),
        "Front": Front(("accuracy",), (trial,), (HOSTILE,)),
        "Report": dataclasses.replace(read_report_file(REPORT), model=HOSTILE, notes=(HOSTILE,)),
    }  # fmt: skip


class Tags(html.parser.HTMLParser):
    """Which elements there are, and the text between them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        self.found.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(markup: str) -> Tags:
    tags = Tags()
    tags.feed(markup)
    return tags


@pytest.mark.parametrize("kind", ["Bundle", "PruneReport", "PruneResult", "Inspection", "Comparison",
                                  "CheckResult", "Front", "Report"])
def test_a_line_for_the_terminal_and_a_table_for_the_notebook(kind, bundle):
    one = results(bundle)[kind]
    assert type(one).__name__ == kind
    assert repr(one).startswith(f"<{kind}")
    assert repr(one).count("\n") == 0
    assert len(repr(one)) < 200 + 3 * len(HOSTILE)
    tags = read(one._repr_html_())
    assert tags.found <= {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert "table" in tags.found
    if kind != "Bundle":
        assert HOSTILE in tags.text  # shown as it is, as text


def test_a_record_shows_its_figures_and_not_its_thousand_runs():
    runs = tuple(range(1_000_000, 1_001_000))
    state = DeviceState()
    facts = DeviceFacts("Pi", HOSTILE, "arm64", 4, (), "Linux", None, state, state)
    one = RunRecord(
        "ssh://pi", ModelFile("model.tflite", 9, ""), RunSettings("python", 1, True, 50, 5, 9.0),
        Runtime("litert", "2"), Latency(0.25, 1.0, 0.1, 1.25), runs, (), 1, 1, 1.0,
        Memory(peak_bytes=12_300_000), facts, metrics={"accuracy": 0.975, "f1_per_class/cat": 1.0},
    )
    assert repr(one) == (
        "<RunRecord of model.tflite on ssh://pi: p50 250 µs, p90 1.250 ms, peak 12.3 MB, accuracy 0.975>")
    marked = dataclasses.replace(one, device=HOSTILE, unstable=(HOSTILE,))
    assert "unstable>" in repr(marked)
    tags = read(marked._repr_html_())
    assert tags.found <= {"table", "caption", "tbody", "tr", "td"}
    assert tags.text.count(HOSTILE) == 2


def test_a_prune_result_says_what_went():
    text = repr(results_of_prune())
    assert text == ("<PruneResult: 50.0 % removed, neurons 64 -> 32, parameters 1,000 -> 400, "
                    "MACs 20,000 -> 9,000, 1 notes>")


def results_of_prune() -> PruneResult:
    return PruneResult(None, prune_report(), None, np.ones(64, bool))


def test_stages_that_hold_no_numbers_make_no_figures():
    baseline = {"metrics": {"accuracy": 0.5, "x/y": 1, "bad": HOSTILE}, "params": 12_345, "macs": "9",
                "latency_ms": {"p50": 1.25}}  # fmt: skip
    stages = {"baseline": baseline, "deployed": [HOSTILE], "pruned": None}
    tags = read(stages_table("t", stages))
    assert "accuracy0.5" in tags.text
    assert "12,345" in tags.text
    assert "1.25" in tags.text
    assert "bad" not in tags.text
    assert "MACs" not in tags.text


def test_tables_without_headings_have_none():
    assert "thead" not in html_table("t", (), [("a", 1)])
    assert read(html_table(HOSTILE, (HOSTILE,), [(HOSTILE,)])).text == 3 * HOSTILE


def test_a_bundle_stands_wherever_its_path_does(bundle, tmp_path):
    assert Path(bundle) == bundle.path
    assert edgeprune.read_bundle(bundle) == bundle
    assert edgeprune.check(bundle, max_size="2MB").passed
    assert edgeprune.check(bundle, Limits.parse("1kB"), max_size="2MB").passed  # what is written out wins
    assert not edgeprune.check(bundle, Limits.parse("1kB")).passed
    (one,) = edgeprune.export(bundle, python=tmp_path / "wheel", name="digits")
    assert one.kind == "python"
    assert jsonable.dumps(one)
