"""The agent's parts, with a fake clock and interpreter, and the zip it travels in."""

from __future__ import annotations

import ast
import dataclasses
import io
import json
import subprocess
import sys
import typing
import zipfile
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from device_runners import BenchOptions, bench, bench_threads
from device_runners.agent import facts, interleaved, job, measure, stability, tensors
from device_runners.python_runner import agent_zip
from edgeprune.cli import app
from edgeprune.errors import InputError
from edgeprune.run_parts import DeviceFacts, DeviceState, percentile, spread, summarize
from edgeprune.run_record import RunRecord
from edgeprune.types import Manifest, TensorInfo

STATE = DeviceState(clock_khz=1_500_000, temperature_c=50.0, throttled=0, load=0.1)
FACTS = DeviceFacts("Pi", "BCM", "aarch64", 4, ("asimd",), "Debian", "ondemand", STATE, STATE)


class FakeModel:
    """An `invoke` that takes the given times, by a clock of its own."""

    def __init__(self, times_ns: list[int]) -> None:
        self.now = 0
        self.calls = 0
        self._times = times_ns

    def invoke(self) -> None:
        self.now += self._times[self.calls % len(self._times)]
        self.calls += 1

    def clock(self) -> int:
        return self.now


def test_timed_runs_are_the_clock_s_and_nothing_else() -> None:
    model = FakeModel([100, 101, 102])
    plan = measure.Plan(runs=25, warmup_runs=4, min_time_ns=0, max_time_ns=10**9, warmup_time_ns=0)
    assert measure.warm_up(model.invoke, model.clock, plan) == [100, 101, 102, 100]
    # Blocks of ten, so 25 become 30; they go on where the warm-up ended.
    assert measure.time_runs(model.invoke, model.clock, plan) == [101, 102, 100] * 10
    assert model.calls == 34


def test_unsteady_runs_go_on_until_the_longest_time() -> None:
    steady, unsteady = FakeModel([1000]), FakeModel([1000, 2000])
    plan = measure.Plan(runs=10, warmup_runs=0, min_time_ns=20_000, max_time_ns=300_000)
    assert len(measure.time_runs(steady.invoke, steady.clock, plan)) == 20
    assert len(measure.time_runs(unsteady.invoke, unsteady.clock, plan)) == 200


def test_a_run_never_fills_the_record_and_always_has_one_block() -> None:
    fast, slow = FakeModel([1]), FakeModel([10**12])
    plan = measure.Plan(runs=5, warmup_runs=0, min_time_ns=10**9, max_time_ns=10**9)
    assert len(measure.time_runs(fast.invoke, fast.clock, plan)) == measure.MAX_RUNS
    assert len(measure.time_runs(slow.invoke, slow.clock, plan)) == 10


def test_models_are_timed_in_turn_between_blocks_of_the_reference() -> None:
    order: list[str] = []
    clock = FakeModel([5])

    def block(name: str, runs: int) -> interleaved.Block:
        def invoke() -> None:
            order.append(name)
            clock.invoke()

        return interleaved.block_of(invoke, runs, clock.clock, 0.5)

    blocks = [block("a", 1), block("b", 3)]
    times = interleaved.time_against(block("r", 2), blocks, clock.clock, 240, 0.0)
    # The model that comes first changes from round to round; rounds go on for 240 ns.
    assert "".join(order) == "rr" + ("arrbbbrr" + "bbbrrarr") * 3
    assert times.reference_ns == (5.0,) * 13
    assert times.model_ns == ((5.0,) * 6, (5.0,) * 6)
    assert times.log_ratios == ((0.0,) * 6, (0.0,) * 6)


def test_a_block_stands_for_the_quantile_of_its_runs() -> None:
    model = FakeModel([10, 20, 30, 1000])
    assert interleaved.block_of(model.invoke, 4, model.clock, 0.5)() == 25.0
    assert interleaved.block_of(model.invoke, 4, model.clock, 0.25)() == 17.5


def test_percentiles_are_numpy_s() -> None:
    values = np.random.default_rng(2).integers(1, 10**6, 37)
    for fraction in (0.0, 0.25, 0.5, 0.9, 0.99, 1.0):
        np.testing.assert_allclose(
            percentile(values.tolist(), fraction), np.percentile(values, fraction * 100), rtol=1e-12
        )
    latency = summarize(values.tolist())
    np.testing.assert_allclose(latency.mean_ms, values.mean() / 1e6, rtol=1e-12)
    np.testing.assert_allclose(latency.std_ms, values.std() / 1e6, rtol=1e-12)
    quartiles = np.percentile(values, [25, 50, 75])
    np.testing.assert_allclose(
        spread(values.tolist()), (quartiles[2] - quartiles[0]) / quartiles[1], rtol=1e-12
    )


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ({}, {"throttled": 0x50004}, "throttled: the firmware reports 0x50004"),
        ({}, {"clock_khz": 600_000}, "clock changed from 1500 to 600 MHz"),
        ({}, {"temperature_c": 84.0}, "hot: 84 °C"),
        ({"load": 3.5}, {}, "other load: 3.5 processes"),
    ],
)
def test_a_disturbed_device_is_flagged(before: dict, after: dict, reason: str) -> None:
    device = dataclasses.replace(
        FACTS, before=dataclasses.replace(STATE, **before), after=dataclasses.replace(STATE, **after)
    )
    (found,) = stability.reasons([1000] * 30, device)
    assert reason in found


def test_disturbed_timings_are_flagged_and_steady_ones_are_not() -> None:
    assert stability.reasons([1000, 1010] * 20, FACTS) == ()
    # Throttled in the past, but not now: bits above the lowest four.
    assert (
        stability.reasons(
            [1000] * 9, dataclasses.replace(FACTS, after=dataclasses.replace(STATE, throttled=0x50000))
        )
        == ()
    )
    assert "spread too wide" in stability.reasons([1000, 2000] * 20, FACTS)[0]
    drifting = stability.reasons([1000] * 20 + [1040] * 20 + [1150] * 20, FACTS)
    assert any("drift: the last third took 15% longer" in reason for reason in drifting)


PI_FILES = {
    "/proc/device-tree/model": "Raspberry Pi 3 Model B Rev 1.2\0",
    "/proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd crc32\n\nprocessor\t: 1\nHardware\t: BCM2837\n",
    "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n',
    "/proc/sys/kernel/osrelease": "6.6.31-v8\n",
    "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
    "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1200000\n",
    "/sys/class/thermal/thermal_zone0/temp": "48312\n",
    "/sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    "/proc/loadavg": "0.31 0.2 0.1 1/99 1000\n",
}


def test_facts_of_a_raspberry_pi() -> None:
    state = facts.device_state(PI_FILES.get)
    assert state == DeviceState(1_200_000, 48.312, 0x50005, 0.31)
    found = facts.device_facts(PI_FILES.get, "aarch64", state, state)
    assert found == DeviceFacts(
        "Raspberry Pi 3 Model B Rev 1.2",
        "BCM2837",
        "aarch64",
        2,
        ("asimd",),
        "Debian GNU/Linux 12 (bookworm), kernel 6.6.31-v8",
        "ondemand",
        state,
        state,
    )
    android = facts.with_android(found, ["Google", "Pixel 7", "GS201", "14"])
    assert (android.model, android.soc, android.os) == (
        "Google Pixel 7",
        "GS201",
        "Android 14, kernel 6.6.31-v8",
    )


def test_facts_of_a_machine_that_shows_nothing() -> None:
    state = facts.device_state(lambda path: None)  # noqa: ARG005
    assert state == DeviceState()
    found = facts.device_facts({}.get, "riscv64", state, state)
    assert (found.model, found.cores, found.governor) == ("unknown", 1, None)


def test_quantize_and_back() -> None:
    info = TensorInfo("x", (1, 4), "int8", 0.5, -3)
    x = np.array([[-1.0, 0.24, 0.26, 100.0]], np.float32)
    quantized = tensors.quantize(x, info)
    assert quantized.dtype == np.int8
    assert quantized.tolist() == [[-5, -3, -2, 127]]
    assert tensors.dequantize(quantized, info).tolist() == [[-1.0, 0.0, 0.5, 65.0]]
    # Data that is quantized already, and tokens, pass.
    assert tensors.quantize(quantized, info).tolist() == quantized.tolist()
    tokens = np.array([[1, 2, 3, 70000]])
    assert tensors.quantize(tokens, TensorInfo("t", (1, 4), "int32")).tolist() == tokens.tolist()


def test_synthetic_inputs_are_repeatable_and_in_range() -> None:
    quantized = TensorInfo("x", (1, 2000), "int8", 0.1, 0)
    noise = tensors.synthetic_input(quantized)
    assert noise.min() < -120
    assert noise.max() > 120
    np.testing.assert_array_equal(noise, tensors.synthetic_input(quantized))
    assert not tensors.synthetic_input(TensorInfo("tokens", (1, 8), "int32")).any()
    # Tokens may come as floats; what they look up must be there.
    floats = tensors.synthetic_input(TensorInfo("x", (1, 2000), "float32"))
    assert floats.dtype == np.float32
    assert floats.std() > 0.2
    assert not floats.astype(np.int32).any()


def test_the_zip_is_small_and_the_same_each_time() -> None:
    content = agent_zip()
    assert content == agent_zip()
    assert len(content) < 90_000
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert "__main__.py" in names
    assert not [name for name in names if "/cli/" in name or "/conversion/" in name]


@pytest.mark.parametrize("extras", [False, True])
def test_what_travels_imports_nothing_that_stays(extras: bool) -> None:
    """But the extras, which a plain run never imports, and what shows a value in a notebook."""
    archive = zipfile.ZipFile(io.BytesIO(agent_zip(extras=extras)))
    names = {name.removesuffix("/__init__.py").removesuffix(".py") for name in archive.namelist()}
    for name in archive.namelist():
        text = archive.read(name).decode()
        for node in ast.walk(ast.parse(text)):
            module = str(node.module).replace(".", "/") if isinstance(node, ast.ImportFrom) else ""
            if not module.startswith(("edgeprune", "device_runners")):
                continue
            asked = not extras and module.startswith("device_runners/agent/extras")
            hosts = "# not on devices" in text.splitlines()[node.lineno - 1]
            assert module in names or asked or hosts, f"{name}:{node.lineno}"


def _trees() -> list[tuple[str, ast.Module]]:
    archive = zipfile.ZipFile(io.BytesIO(agent_zip(extras=True)))
    return [
        (name, ast.parse(archive.read(name), name, feature_version=(3, 9))) for name in archive.namelist()
    ]


def test_what_travels_is_python_3_9() -> None:
    """By syntax, and by the newer arguments that syntax does not show."""
    newer = {"zip": {"strict"}, "dataclass": {"slots", "kw_only"}}
    for name, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                used = {keyword.arg for keyword in node.keywords}
                assert not used & newer.get(called, set()), f"{name}:{node.lineno}"


@pytest.mark.parametrize(
    "kind",
    [
        RunRecord, Manifest, job.Job, job.InterleavedJob, job.InterleavedTimes, job.AcceleratorJob,
        job.AcceleratorAnswer,
    ],
)
def test_what_is_read_from_json_has_annotations_that_3_9_can_evaluate(kind: type) -> None:
    texts = {text for one in _dataclasses(kind) for text in one.__annotations__.values()}
    assert not [text for text in texts if "|" in text]


def _dataclasses(kind: type) -> set[type]:
    found = {kind}
    for hint in typing.get_type_hints(kind).values():
        for part in (hint, *typing.get_args(hint)):
            if dataclasses.is_dataclass(part) and isinstance(part, type):
                found |= _dataclasses(part)
    return found


# Code that lists the modules which come from an installed package.
INSTALLED = "[n for n, m in sys.modules.items() if 'site-packages' in (getattr(m, '__file__', None) or '')]"


def test_the_agent_imports_only_what_a_device_has(tmp_path: Path) -> None:
    (tmp_path / "agent.zip").write_bytes(agent_zip())
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import device_runners.agent.run, device_runners.agent.samples, device_runners.agent.main\n"
        "import edgeprune.metrics, edgeprune.preprocessing, json\n"
        f"print(json.dumps({INSTALLED}))\n"
        "print(device_runners.agent.run.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "agent.zip"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    modules, where = done.stdout.splitlines()
    assert "agent.zip" in where
    assert {name.partition(".")[0] for name in json.loads(modules)} <= {"numpy"} | _loaded_by_site()


def _loaded_by_site() -> set[str]:
    """Editable installs put finder modules into every process."""
    code = f"import sys; print({INSTALLED})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ast.literal_eval(done.stdout))


def test_a_record_round_trips_and_is_checked(bundle: Path) -> None:
    record = bench(bundle, "local", BenchOptions(min_time_s=0.05, runs=10, eval_samples=7))
    assert record.samples == 7
    assert record.predictions[0].shape == (7, 5)
    assert RunRecord.from_json(record.to_json()) == record
    broken = json.loads(record.to_json())
    broken["latency_ns"][3] = "fast"
    with pytest.raises(InputError, match=r"latency_ns\[3\] is str"):
        RunRecord.from_json(json.dumps(broken))
    del broken["latency_ns"]
    with pytest.raises(InputError, match="has no 'latency_ns'"):
        RunRecord.from_json(json.dumps(broken))


def test_a_local_run_agrees_with_the_host_s_own_interpreter(bundle: Path) -> None:
    """Accuracy and predictions, computed here step by step."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(bundle / "model.tflite"))
    interpreter.allocate_tensors()
    (source,), (sink,) = interpreter.get_input_details(), interpreter.get_output_details()
    scale, zero_point = source["quantization"]
    arrays = np.load(bundle / "eval.npz")
    x = arrays["x"].astype(np.float32) * np.float32(1 / 127.5) - 1
    quantized = np.clip(np.round(x / np.float32(scale)) + zero_point, -128, 127).astype(np.int8)
    outputs = []
    for row in quantized:
        interpreter.set_tensor(source["index"], row[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(sink["index"])[0])
    record = bench(bundle, "local", BenchOptions(min_time_s=0.05, runs=10))
    import base64

    kept = np.frombuffer(base64.b64decode(record.predictions[0].data), np.int8).reshape(
        record.predictions[0].shape
    )
    np.testing.assert_array_equal(kept, np.array(outputs))
    assert record.metrics["accuracy"] == pytest.approx(np.mean(kept.argmax(-1) == arrays["y"]), abs=1e-12)


def test_several_numbers_of_threads_are_measured_in_one_run(bundle: Path) -> None:
    quick = BenchOptions(min_time_s=0.05, runs=10, eval_samples=7)
    (records,) = bench_threads(bundle, ["local"], (2, 1), quick)
    assert isinstance(records, list)
    assert [record.settings.threads for record in records] == [2, 1]
    assert records[0].predictions == records[1].predictions
    assert all(len(record.latency_ns) >= 10 for record in records)


@pytest.mark.parametrize("threads", ["", "0", "65", "1,2,2", "1;2", "-1", "1.5", "²", "1,,2", "many"])
def test_numbers_of_threads_that_cannot_be_meant_are_refused(threads: str, bundle: Path) -> None:
    done = CliRunner().invoke(app, ["bench", str(bundle), "--threads", threads])
    assert isinstance(done.exception, InputError)
    assert str(done.exception).startswith(f"--threads is {threads!r}.")
