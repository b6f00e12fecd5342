from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgeprune.bundle import read_bundle
from edgeprune.errors import DeviceError, InputError, VerificationError
from edgeprune.gate import Limits, Status, check
from edgeprune.report.figures import device_figures, main_metric
from tests.gate.edit import edit_manifest, edit_report

ORDER = ("size", "latency", "memory", "accuracy", "drop")


def one(result):
    (judgement,) = result.judgements
    return judgement


def accuracies(bundle: Path, baseline: float, deployed: float) -> None:
    def change(report):
        report["stages"]["baseline"]["metrics"] = {"accuracy": baseline}
        report["stages"]["deployed"]["metrics"] = {"accuracy": deployed}

    edit_report(bundle, change)


def test_limits_at_the_figure_hold_and_just_beyond_break(bundle):
    size = (bundle / "model.tflite").stat().st_size
    accuracies(bundle, 0.975, 0.95)
    figures = {  # limit, its step, and the figure as report.json and the file say it
        "max_size_bytes": (size, 1), "max_latency_ms": (0.02, 1e-6), "max_memory_bytes": (40_000_000, 1),
        "min_accuracy": (0.95, -1e-6), "max_drop_points": (2.5, 1e-6),
    }
    for field, (value, step) in figures.items():
        held, broken = (one(check(bundle, Limits(**{field: limit}))) for limit in (value, value - step))
        assert (held.status, broken.status) == (Status.HELD, Status.BROKEN), field
        assert held.found == pytest.approx(value, rel=1e-9)
        assert broken.over_by == pytest.approx(abs(step), rel=1e-3)


def test_the_size_is_the_file_s_and_not_the_report_s(bundle):
    edit_report(bundle, lambda r: r["stages"]["deployed"].update(tflite_bytes=10))
    size = (bundle / "model.tflite").stat().st_size
    assert one(check(bundle, Limits(max_size_bytes=100))).found == size


def test_every_broken_limit_is_named_with_how_much(bundle):
    accuracies(bundle, 0.975, 0.95)
    result = check(bundle, Limits.parse("5kB", "10us", "1GB", "96%", "0.5"))
    with pytest.raises(VerificationError) as caught:
        result.require()
    text = str(caught.value)
    size = (bundle / "model.tflite").stat().st_size
    assert f"max-size: {size / 1000:.1f} kB (model.tflite), at most 5.0 kB allowed" in text
    assert f"that is {size / 1000 - 5:.1f} kB, {100 * (size / 5000 - 1):.1f} % above it" in text
    assert "max-latency: 20.0 µs (report.json), at most 10.0 µs allowed; that is 10.0 µs, 100.0 %" in text
    assert "min-accuracy: 95.00 % (report.json), at least 96.00 % allowed; that is 1.00 %" in text
    assert "max-drop: 2.50 points" in text
    assert "max-memory" not in text


def test_percentiles_are_told_apart(bundle):
    found = [one(check(bundle, Limits.parse(max_latency="1s"), percentile=p)).found for p in (50, 90, 99)]
    assert found == [0.02, 0.03, 0.05]


@pytest.mark.parametrize(
    ("limit", "key"),
    [("max_latency", "latency_ms"), ("max_memory", "peak_memory_bytes"), ("min_accuracy", "metrics"),
     ("max_drop", "metrics")],
)
def test_a_limit_that_cannot_be_measured_is_an_error(bundle, limit, key):
    edit_report(bundle, lambda r: r["stages"]["deployed"].pop(key))
    allowed = {"max_latency": "1s", "max_memory": "1GB", "min_accuracy": "0", "max_drop": "100"}[limit]
    result = check(bundle, Limits.parse(**{limit: allowed}))
    assert one(result).status is Status.UNMEASURED
    with pytest.raises(InputError, match="cannot be measured: report"):
        result.require()


def test_a_report_that_is_none_is_an_error_for_all_but_the_size(bundle):
    edit_report(bundle, lambda r: r.pop("stages"))
    result = check(bundle, Limits.parse("1MB", "1s", "1GB", "0", "100"))
    assert [j.status for j in result.judgements] == [Status.HELD] + [Status.UNMEASURED] * 4


@pytest.mark.parametrize(
    ("limit", "stage", "figure"),
    [
        (Limits(max_latency_ms=1e9), "deployed", {"latency_ms": {"p50": -1.0, "p90": 1.0, "p99": 1.0}}),
        (Limits(max_latency_ms=1e9), "deployed", {"latency_ms": {"p50": 0.0}}),
        (Limits(min_accuracy=0.1), "deployed", {"metrics": {"accuracy": 7.0}}),
        (Limits(max_drop_points=1.0), "baseline", {"metrics": {"accuracy": -7.0}}),
        (Limits(max_memory_bytes=1e12), "deployed", {"peak_memory_bytes": -5}),
    ],
)
def test_a_report_with_figures_that_cannot_be_holds_no_limit(bundle, limit, stage, figure):
    edit_report(bundle, lambda report: report["stages"][stage].update(figure))
    judged = check(bundle, limit)
    with pytest.raises(InputError, match=r"report\.json cannot be right"):
        judged.require()


def test_an_error_rate_is_limited_by_its_drop_alone(bundle):
    edit_manifest(bundle, lambda m: m.update(metrics=["word_error_rate"]))

    def change(report):
        for name, value in (("baseline", 0.10), ("deployed", 0.13)):
            report["stages"][name]["metrics"] = {"word_error_rate": value}

    edit_report(bundle, change)
    accuracy, drop = check(bundle, Limits(min_accuracy=0.5, max_drop_points=2)).judgements
    assert accuracy.status is Status.UNMEASURED
    assert "lower is better" in accuracy.reason
    assert drop.found == pytest.approx(3.0)
    assert main_metric(["f1", "accuracy"]) == "accuracy"
    assert main_metric([]) is None


def test_the_drop_of_a_detector_is_that_of_where_its_boxes_lie_too(bundle):
    metrics = ["map_50", "map_50_95"]
    edit_manifest(bundle, lambda m: m.update(metrics=metrics, tasks=[{"kind": "boxes", "metrics": metrics}]))

    def change(report):
        for name, values in (("baseline", (0.98, 0.78)), ("deployed", (0.97, 0.75))):
            report["stages"][name]["metrics"] = dict(zip(metrics, values, strict=True))

    edit_report(bundle, change)
    accuracy, drop = check(bundle, Limits(min_accuracy=0.9, max_drop_points=2)).judgements
    assert (accuracy.status, accuracy.found) == (Status.HELD, pytest.approx(0.97))
    assert (drop.status, drop.found) == (Status.BROKEN, pytest.approx(3.0))
    assert "map_50_95" in drop.sentence()


def test_nothing_to_check_is_wrong_usage(true_bundle):
    with pytest.raises(InputError, match="nothing to check"):
        check(true_bundle)


def row_of_bundles(bundle: Path, folder: Path, latencies: dict[str, float]) -> Path:
    for name, value in latencies.items():
        copy = Path(shutil.copytree(bundle, folder / name))
        edit_report(copy, lambda r, v=value: r["stages"]["deployed"].update(latency_ms={"p50": v}))
    return folder


@pytest.mark.parametrize(
    ("earlier", "since"),
    [
        ({"v1": 0.001, "v2": 0.002, "v10": 0.03}, "v10"),
        ({"v1": 0.001, "v2": 0.03, "v10": 0.03}, "v2"),
        ({"v1": 0.03, "v2": 0.002, "v10": 0.001}, "this build"),
        ({"v1": 0.03, "v2": 0.001, "v10": 0.03}, "v10"),
        ({"v1": 0.03, "v2": 0.03, "v10": 0.03}, "v1"),
    ],
)
def test_since_when_a_limit_is_broken(bundle, tmp_path, earlier, since):
    folder = row_of_bundles(bundle, tmp_path / "past", earlier)
    judgement = one(check(bundle, Limits(max_latency_ms=0.01), against=folder))
    assert judgement.since == since
    assert judgement.change == pytest.approx(0.02 - earlier["v10"])
    assert f"broken since {since}; v10 had" in judgement.sentence()
    single = one(check(bundle, Limits(max_latency_ms=0.01), against=folder / "v1"))
    assert single.since == ("v1" if earlier["v1"] > 0.01 else "this build")
    assert one(check(bundle, Limits(max_latency_ms=1.0), against=folder)).since is None


def test_earlier_bundles_must_be_there_and_sound(bundle, tmp_path):
    with pytest.raises(InputError, match="holds no earlier bundle"):
        check(bundle, Limits(max_size_bytes=1), against=tmp_path / "none")
    # The bundle itself is no earlier one.
    with pytest.raises(InputError, match="holds no earlier bundle"):
        check(bundle, Limits(max_size_bytes=1), against=bundle.parent)
    folder = row_of_bundles(bundle, tmp_path / "past", {"v1": 0.001})
    (folder / "v1" / "model.tflite").write_bytes(b"broken")
    with pytest.raises(InputError, match="v1"):
        check(bundle, Limits(max_size_bytes=1), against=folder)


def test_on_a_device_figures_are_measured_there(bundle):
    edit_report(bundle, lambda r: r["stages"]["deployed"].update(latency_ms={"p50": 1e6}))
    limits = Limits.parse("1MB", "10s", "1GB", "0", "1")
    result = check(bundle, limits, devices=["local"])
    assert result.passed
    names = [j.name for j in result.judgements]
    assert names[0] == "max-size"
    assert names[1:] == [f"max-{n} on local".replace("max-acc", "min-acc") for n in ORDER[1:]]
    found = {j.limit: j.found for j in result.judgements}
    on_eval = json.loads((bundle / "report.json").read_text())["stages"]["deployed"]["on_eval"]
    assert found["min-accuracy"] == on_eval["metrics"]["accuracy"]
    # This machine computes what this machine computed; nothing moves.
    assert found["max-drop"] == pytest.approx(0.0, abs=1e-9)
    assert 0 < found["max-latency"] < 1000


def test_on_a_device_earlier_bundles_are_measured_there_too(bundle, tmp_path):
    """What report.json says of them was measured elsewhere, and does not count."""
    folder = row_of_bundles(bundle, tmp_path / "past", {"v1": 1e-12})
    judgement = one(check(bundle, Limits(max_latency_ms=1e-9), devices=["local"], against=folder))
    assert judgement.since == "v1"
    assert judgement.past[0].value > 1e-6


def test_a_drop_on_a_device_is_what_the_device_changes(bundle):
    """The device errs on one of the sixteen samples that this machine gets right."""
    import dataclasses

    from device_runners import BenchOptions, bench

    accuracies(bundle, 0.975, 0.95)
    opened = read_bundle(bundle)
    here = bench(opened, "local", BenchOptions(runs=1, min_time_s=0.01))
    there = dataclasses.replace(here, metrics={"accuracy": here.metrics["accuracy"] - 1 / 16})
    assert device_figures(opened, there, here, 50)["drop"].value == pytest.approx(2.5 + 100 / 16)
    cut = dataclasses.replace(there, samples=3)
    assert device_figures(opened, cut, here, 50)["drop"].value is None


def test_a_device_that_fails_is_no_pass(true_bundle):
    result = check(true_bundle, Limits.parse("1MB", "10s"), devices=["ssh://nobody@127.0.0.1:1"])
    size, latency = result.judgements
    assert (size.status, latency.status) == (Status.HELD, Status.UNMEASURED)
    with pytest.raises(DeviceError, match="cannot be measured"):
        result.require()
    broken = check(true_bundle, Limits.parse("1B", "10s"), devices=["ssh://nobody@127.0.0.1:1"])
    with pytest.raises(VerificationError, match=r"max-size.*cannot be measured"):
        broken.require()


def edgeprune(*arguments):
    command = [sys.executable, "-m", "edgeprune", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_line(true_bundle, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[limits]\nmax_size = "1kB"\nmax_latency = "1s"\n')
    passed = edgeprune("check", true_bundle, "--recipe", recipe, "--max-size", "1MB", "--json")
    assert passed.returncode == 0, passed.stderr
    document = json.loads(passed.stdout)
    assert document["passed"] is True
    assert [j["limit"] for j in document["judgements"]] == ["max-size", "max-latency"]
    assert "renamed" not in passed.stderr
    older = tmp_path / "older.toml"
    older.write_text('[budget]\nmax_size = "1MB"\n')
    noted = edgeprune("check", true_bundle, "--recipe", older, "--json")
    assert "[budget] was renamed to [limits]" in json.loads(noted.stdout)["notes"][0]
    assert json.loads(noted.stdout)["passed"] is True
    failed = edgeprune(
        "check", true_bundle, "--recipe", recipe, "--junit", tmp_path / "out" / "j.xml", "--markdown",
        tmp_path / "m.md", "--github",
    )
    assert failed.returncode == 1
    assert "max-size" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert "::error title=edgeprune check%3A max-size::" in failed.stdout
    assert "<failure" in (tmp_path / "out" / "j.xml").read_text()
    assert "❌" in (tmp_path / "m.md").read_text(encoding="utf-8")
    assert edgeprune("check", true_bundle, "--max-size", "200").returncode == 2
    assert edgeprune("check", true_bundle).returncode == 2


def test_no_tensorflow_is_imported(true_bundle):
    script = (
        "import sys; from edgeprune.gate import Limits, check\n"
        f"check({str(true_bundle)!r}, Limits.parse('1MB', '1s'), verify=True).require()\n"
        "print([name for name in ('tensorflow', 'keras', 'tf_keras') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
