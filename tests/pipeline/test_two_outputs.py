"""A model of two outputs and a metric of one's own, from the build through the device to the gate."""

import dataclasses
import json

import pytest
from typer.testing import CliRunner

import edgeprune
from device_runners import BenchOptions, bench
from device_runners.own_metric import with_own_metric
from edgeprune.cli import app
from edgeprune.errors import InputError, VerificationError
from edgeprune.gate import Limits, check
from edgeprune.tasks import OwnMetric
from tests.pipeline.test_reading import linear, samples

pytestmark = [pytest.mark.heavy, pytest.mark.xdist_group("two_outputs")]

METRICS = """
import numpy as np

def fit(y, outputs):
    classes, totals = outputs
    error = abs(totals.reshape(-1) - y[1].reshape(-1)).max()
    return {"total_error": error, "hits": (classes.argmax(-1) == y[0]).mean()}
"""


def report_of(bundle):
    return json.loads(bundle.file("report.json").read_text())


@pytest.fixture(scope="module")
def two_outputs(tmp_path_factory):
    """Class and value, pruned by half, judged by the tasks' own metrics."""
    x, y, total = samples(900)
    model = linear(("class", "total"))
    return edgeprune.build(
        model, {"x": x, "y_class": y, "y_total": total}, out=tmp_path_factory.mktemp("two") / "out",
        calibration=128, epochs=2, batch_size=32, min_width=4, round_to=1,
    )


def test_both_outputs_stay_within_a_point_and_limits_by_name_tell_them_apart(two_outputs):
    stages = report_of(two_outputs)["stages"]
    before, after = stages["baseline"]["metrics"], stages["deployed"]["metrics"]
    for name in ("class/accuracy", "total/r2"):
        assert after[name] >= before[name] - 0.01
    kept = Limits.parse(
        max_drop=["1", "class/accuracy=1", "total/r2=1"], minimum=["class/accuracy=90", "total/r2=0.95"]
    )
    check(two_outputs.path, kept, verify=True).require()
    value = after["total/mean_absolute_error"]
    check(two_outputs.path, Limits.parse(maximum=f"total/mean_absolute_error={1.01 * value}")).require()
    with pytest.raises(VerificationError, match="max total/mean_absolute_error"):
        check(two_outputs.path, Limits.parse(maximum=f"total/mean_absolute_error={0.99 * value}")).require()
    here = check(two_outputs.path, kept, devices=["local"])
    here.require()
    assert {one.limit for one in here.judgements} == {one.name for one, _ in kept.given()}


def test_bench_shows_each_output(two_outputs):
    done = CliRunner().invoke(app, ["bench", str(two_outputs.path)], env={"COLUMNS": "250"})
    assert done.exit_code == 0, done.output
    assert "class/accuracy" in done.output
    assert "total/r2" in done.output


def test_a_metric_of_ones_own_decides_and_is_measured_on_what_a_device_sends(tmp_path, monkeypatch):
    (tmp_path / "fit_metrics.py").write_text(METRICS)
    monkeypatch.chdir(tmp_path)
    x, y, total = samples(900)
    bundle = edgeprune.build(
        linear(("class", "total")), (x, (y, total)), out="out", metric="fit_metrics:fit", calibration=128,
        epochs=2, batch_size=32, min_width=4, round_to=1,
    )
    report = report_of(bundle)
    deployed = report["stages"]["deployed"]["metrics"]
    assert list(deployed)[:3] == ["total_error", "hits", "class/accuracy"]
    assert deployed["hits"] == pytest.approx(deployed["class/accuracy"], abs=1e-9)
    assert bundle.manifest.metrics[:2] == ("total_error", "hits")
    assert next(one["name"] for one in report["quantization"]["validation"]["parts"]) == "total_error"
    check(bundle.path, Limits.parse(max_drop="10", minimum="hits=0.9"), verify=True).require()
    # On a device: from raw outputs, with the function that is named here, and with no other.
    import fit_metrics

    own = OwnMetric(fit_metrics.fit, "fit_metrics:fit")
    assert "hits" not in bench(bundle, "local").metrics
    record = bench(bundle, "local", BenchOptions(metric=own))
    assert record.metrics["hits"] == pytest.approx(record.metrics["class/accuracy"], abs=1e-9)
    assert next(iter(record.metrics)) == "total_error"
    done = CliRunner().invoke(
        app, ["check", "out", "--device", "local", "--metric", "fit_metrics:fit", "--min", "hits=90%"]
    )
    assert done.exit_code == 0, done.output
    cut = tuple(dataclasses.replace(one, data="") for one in record.predictions)
    with pytest.raises(InputError, match="too large for a record"):
        with_own_metric(dataclasses.replace(record, predictions=cut), bundle, own)
    with pytest.raises(InputError, match="before"):
        bench(bundle, "local", BenchOptions(metric=dataclasses.replace(own, names=("other",))))
