"""Time of each operator: prefixes compute what the whole model computes up to there, and times add up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from device_runners import BenchOptions, bench
from device_runners.agent.extras.model_prefix import ModelPrefixes
from device_runners.agent.extras.operator_times import (
    Operator,
    OperatorPlan,
    never_falling,
    read_operators,
    time_operators,
)
from device_runners.agent.runtime import Interpreter, find_runtime, open_model
from device_runners.layer_names import layer_times
from edgeprune.cli.bench import bench as bench_command
from edgeprune.errors import InputError
from edgeprune.run_parts import OperatorTime
from edgeprune.run_record import RunRecord

MODELS = Path(__file__).parents[2].parent / "shared" / "models"
app = typer.Typer()
app.command()(bench_command)


def values(interpreter: Interpreter, numbers: tuple[int, ...], seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    for detail in interpreter.get_input_details():
        kind = np.dtype(detail["dtype"])
        noise = rng.standard_normal(detail["shape"]) * (1 if kind.kind == "f" else 50)
        interpreter.set_tensor(detail["index"], noise.astype(kind))
    interpreter.invoke()
    return [interpreter.get_tensor(number).copy() for number in numbers]


@pytest.mark.parametrize("which", ["bundle_v1/model.tflite", "float.tflite"])
@pytest.mark.parametrize("xnnpack", [False, True])
def test_a_prefix_computes_what_the_whole_model_computes_up_to_there(which: str, xnnpack: bool) -> None:
    module, _ = find_runtime()
    path = Path(__file__).parent / "golden" / which
    plan = read_operators(module, str(path))
    prefixes = ModelPrefixes(path.read_bytes())
    assert prefixes.operators == len(plan.operators) > 1
    whole = module.Interpreter(  # the reference keeps every tensor
        model_path=str(path), num_threads=1, experimental_preserve_all_tensors=True,  # type: ignore[call-arg]
        experimental_op_resolver_type=module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    whole.allocate_tensors()
    for count in range(1, len(plan.operators) + 1):
        live = plan.live(count)
        assert live
        prefix = open_model(module, prefixes.cut_after(count, live), 1, xnnpack)
        assert [int(one["index"]) for one in prefix.get_output_details()] == list(live)
        for mine, its in zip(values(prefix, live, count), values(whole, live, count), strict=True):
            tolerance = 1 if its.dtype.kind in "iu" else 1e-5 * float(np.abs(its).max())
            np.testing.assert_allclose(mine.astype(float), its.astype(float), rtol=0, atol=tolerance)
            assert len(np.unique(its)) > 1
    assert set(plan.live(len(plan.operators))) == set(plan.outputs)


def test_what_is_needed_later_is_an_output_of_the_prefix() -> None:
    """A branch: 2 is read by the third operator, 3 by the second; 9 by nobody."""
    plan = OperatorPlan(
        (Operator("A", (0,), (2, 3, 9)), Operator("B", (3, -1), (4,)), Operator("C", (2, 4), (5,))), (5,), ()
    )
    assert plan.live(1) == (2, 3)
    assert plan.live(2) == (2, 4)
    assert plan.live(3) == (5,)
    assert plan.cuts(100) == [1, 2, 3]
    assert plan.cuts(2) == [2, 3]
    assert plan.cuts(0) == [3]
    assert plan.row(0, 2, 7) == OperatorTime("B and 1 before it", "", 7)


class Paced:
    """Runs for as long as it is told, on a clock of its own."""

    now = 0

    def __init__(self, ns: int) -> None:
        self.ns = ns

    def invoke(self) -> None:
        Paced.now += self.ns


def test_times_are_differences_and_add_up_to_the_median(bundle: Path) -> None:
    content = (bundle / "model.tflite").read_bytes()
    plan = read_operators(find_runtime()[0], str(bundle / "model.tflite"))
    ends = [20_000, 50_000, 45_000, 100_000, 700_000]  # the third seems faster than the second
    opened = iter([Paced(1_000_000), *map(Paced, ends)])  # the whole first
    found = time_operators(
        plan, content, lambda _: next(opened), lambda: Paced.now, 10**9, 2_000_000.0,  # type: ignore[arg-type, return-value]
    )
    assert [one.ns for one in found] == [40_000, 55_000, 0, 105_000, 1_200_000, 600_000]
    assert [one.operator for one in found] == [one.name for one in plan.operators]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3]), ([0, 3, 1, 4], [0, 2, 2, 4]), ([0, 5, 2, 3], [0, 2.5, 2.5, 3]),
        ([0, 1], [0, 1]), ([0, -1, 1], [0, 0, 1]),
    ],
)
def test_sums_that_never_fall(values: list[float], expected: list[float]) -> None:
    assert never_falling(values) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "content", [b"", b"\x10\0\0\0TFL3", b"\x08\0\0\0TFL3\xff\xff\xff\x7f" + b"\xff" * 40, bytes(64)]
)
def test_a_file_that_is_no_model_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="without --profile"):
        ModelPrefixes(content)


@pytest.mark.parametrize(
    ("tensors", "layers"),
    [
        (["m/a/Relu;m/a/Conv2D", "m/b/MatMul", "StatefulPartitionedCall:0"], ["a", "b", "(output)"]),
        (["m/block/conv/Conv2D", "m/block/bn/add", "m/block/conv/Relu"], ["block/conv", "block/bn"]),
        (["conv2d", "conv2d", "scores"], ["conv2d", "scores"]),
        (["conv2d/Relu", "dense/MatMul"], ["conv2d", "dense"]),
        (["", "Identity_1", "x"], ["(output)", "x"]),
    ],
)
def test_layers_by_their_tensors(tensors: list[str], layers: list[str]) -> None:
    profile = [OperatorTime("OP", tensor, 10**index) for index, tensor in enumerate(tensors)]
    found = layer_times(profile)
    assert [one.layer for one in found] == layers
    assert sum(one.ns for one in found) == sum(one.ns for one in profile)


@pytest.mark.heavy
def test_bench_shows_and_records_where_the_time_goes(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from device_runners import options

    monkeypatch.setattr(options, "_PROFILE_S", 0.3)
    arguments = [str(bundle), "--min-time", "0.05", "--runs", "10", "--profile"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "where the time goes" in result.output
    assert "depthwise_conv2d" in result.output
    (record,) = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    read = RunRecord.from_json(json.dumps(record))
    assert sum(one.ns for one in read.profile) / 1e6 == pytest.approx(read.latency.p50_ms, abs=2e-6)
    assert not bench(bundle, "local", BenchOptions(runs=1, min_time_s=0.01)).profile


def test_only_the_python_runner_profiles() -> None:
    with pytest.raises(InputError, match="benchmark_model"):
        BenchOptions(profile=True, runner="benchmark_model")


@pytest.mark.heavy
def test_a_real_model_spends_its_time_in_its_convolutions() -> None:
    model = MODELS / "mobilenet_v1_0.25_224_quant.tflite"
    if not model.exists():
        pytest.skip("the published models are not on this machine")
    record = bench(model, "local", BenchOptions(profile=True))
    times = {one.operator: 0 for one in record.profile}
    for one in record.profile:
        times[one.operator] += one.ns
    assert len(record.profile) == 31
    assert sum(times.values()) / 1e6 == pytest.approx(record.latency.p50_ms, rel=0.1)
    assert times["CONV_2D"] + times["DEPTHWISE_CONV_2D"] > 0.8 * sum(times.values())
