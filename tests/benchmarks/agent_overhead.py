"""What the agent costs beyond numpy and the runtime.

    python -m tests.benchmarks.agent_overhead [MODEL.tflite]

Prints six figures with their limits: p50 against a bare `invoke()` loop in the same process; start-up, the
memory in the record and that of the model in it against a process that only imports and runs; what the agent
takes itself; and command to result over ssh on this machine
(root and sshd needed; left out without them). Exits with 1 if a limit is exceeded.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from device_runners.agent import measure, runtime, tensors
from device_runners.agent.job import Job
from device_runners.python_runner import agent_zip
from edgeprune import jsonable
from edgeprune.bundle import pack_eval, write_bundle
from edgeprune.run_parts import RunSettings, percentile
from edgeprune.types import Manifest

GOLDEN = Path(__file__).parents[1] / "device_runners" / "golden"
REPEATS = 9
MARK = "edgeprune-step: loading the model"
BARE = """
import sys, re
import numpy as np
from ai_edge_litert.interpreter import Interpreter
def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read()).group(1))
with_runtime = resident()
print("edgeprune-step: loading the model", file=sys.stderr, flush=True)
model = Interpreter(model_path=sys.argv[1], num_threads=1)
model.allocate_tensors()
for detail in model.get_input_details():
    model.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
model.invoke()
print(resident(), resident() - with_runtime)
"""


def p50_difference(model: Path) -> float:
    """Agent's p50 over that of a bare loop, minus 1; blocks in turn in one process."""
    module, _ = runtime.find_runtime()
    interpreter = runtime.open_model(module, str(model), threads=1, xnnpack=True)
    details = interpreter.get_input_details()
    for detail, info in zip(details, tensors.infos(details), strict=True):
        interpreter.set_tensor(detail["index"], tensors.synthetic_input(info))
    plan = measure.Plan(runs=50, warmup_runs=0, min_time_ns=20_000_000, max_time_ns=20_000_000)
    agent: list[float] = []
    bare: list[float] = []
    for _ in range(40):
        agent.append(percentile(measure.time_runs(interpreter.invoke, time.perf_counter_ns, plan), 0.5))
        latencies = []
        for _ in range(200):
            begin = time.perf_counter_ns()
            interpreter.invoke()
            latencies.append(time.perf_counter_ns() - begin)
        bare.append(percentile(latencies, 0.5))
    return statistics.median(a / b for a, b in zip(agent, bare, strict=True)) - 1


def start(command: list[str], stdin: bytes, cwd: str) -> tuple[float, bytes]:
    """Seconds until the model is about to be loaded, and stdout."""
    with tempfile.TemporaryFile() as out:  # a pipe would fill up while stderr is read
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE, cwd=cwd
        )
        assert process.stdin
        assert process.stderr
        process.stdin.write(stdin)
        process.stdin.close()
        seconds, said = 0.0, ""
        for line in process.stderr:
            said += line.decode(errors="replace")
            if said.splitlines()[-1].startswith(MARK):
                seconds = time.perf_counter() - begin
        if process.wait():
            raise SystemExit(f"{command} failed: {said[-500:]}")
        out.seek(0)
        return seconds, out.read()


def start_up_and_memory(model: Path, folder: str) -> tuple[float, float, float, float]:
    """Seconds more than the bare process; memory, and the model's part of it, over those there, minus 1.

    And bytes that the agent takes. Medians over alternating starts.
    """
    (Path(folder) / "agent.zip").write_bytes(agent_zip())
    settings = RunSettings("python", 1, True, 1, 1, 60.0)
    job = jsonable.dumps(Job("local", settings, model=str(model), min_time_s=0.0)).encode()
    seconds, resident, of_model, of_agent = [], [], [], []
    for _ in range(REPEATS):
        bare_s, bare_out = start([sys.executable, "-c", BARE, str(model)], b"", folder)
        agent_s, agent_out = start([sys.executable, "-B", "agent.zip"], job, folder)
        memory = json.loads(agent_out)["memory"]
        everything, model_alone = (int(word) * 1024 for word in bare_out.split())
        seconds.append(agent_s - bare_s)
        resident.append(memory["steady_bytes"] / everything - 1)
        of_model.append(memory["model_bytes"] / model_alone - 1)
        of_agent.append(memory["agent_bytes"])
    median = statistics.median
    return median(seconds), median(resident), median(of_model), median(of_agent)


def one_megabyte_bundle(folder: Path) -> Path:
    """The golden bundle with incompressible ballast in it, 1 MB altogether."""
    golden = json.loads((GOLDEN / "bundle_v1" / "manifest.json").read_text())
    manifest = jsonable.decode(Manifest, golden, "golden")
    names = [name for name in manifest.files if name != "eval.npz"]
    arrays = np.load(io.BytesIO((GOLDEN / "bundle_v1" / "eval.npz").read_bytes()))
    files = {name: GOLDEN / "bundle_v1" / name for name in names}
    write_bundle(
        folder,
        manifest,
        {**files, "eval.npz": pack_eval([arrays["x"]], arrays["y"]), "ballast.bin": os.urandom(1 << 20)},
    )
    return folder


def over_ssh(folder: Path) -> float | None:
    """Seconds from command to result, nothing cached on the device, by the CLI's own module."""
    if os.geteuid() != 0 or not Path("/usr/sbin/sshd").exists():
        return None
    from tests.device_runners.testbeds.beds import ssh_bed

    code = (
        "import sys; from device_runners import bench, BenchOptions\n"
        "print(bench(sys.argv[1], 'ssh://here', BenchOptions(python=sys.executable)).latency.p50_ms)"
    )
    times = []
    with ssh_bed("here", folder / "state", None) as bed:
        environment = {**os.environ, "PATH": f"{bed.state}/bin:{os.environ['PATH']}"}
        for repeat in range(3):
            bundle = one_megabyte_bundle(folder / f"bundle{repeat}")
            begin = time.perf_counter()
            subprocess.run(
                [sys.executable, "-c", code, bundle], check=True, env=environment, stdout=subprocess.DEVNULL
            )
            times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main() -> int:
    model = Path(sys.argv[1]) if len(sys.argv) > 1 else GOLDEN / "bundle_v1" / "model.tflite"
    with tempfile.TemporaryDirectory() as folder:
        seconds, resident, of_model, of_agent = start_up_and_memory(model.resolve(), folder)
        ssh = over_ssh(Path(folder))
    figures = [
        ("p50 beyond a bare loop", p50_difference(model) * 100, "%", 3.0),
        ("start-up beyond numpy and the runtime", seconds, "s", 0.5),
        ("memory beyond a bare loop's", resident * 100, "%", 3.0),
        ("memory of the model beyond that there", of_model * 100, "%", 3.0),
        ("memory of the agent itself, not counted", of_agent / 1e6, "MB", 10.0),
        ("1 MB bundle over local ssh, command to result", ssh, "s", 5.0),
    ]
    for name, value, unit, limit in figures:
        print(f"{name}: {'not measured' if value is None else f'{value:.2f} {unit}'} (limit {limit} {unit})")  # noqa: T201
    print(f"agent.zip: {len(agent_zip()) / 1e3:.0f} kB")  # noqa: T201
    return int(any(value is not None and abs(value) > limit for _, value, _, limit in figures))


if __name__ == "__main__":
    raise SystemExit(main())
