"""Google's prebuilt `benchmark_model` as a runner, where the user has it; its printed figures are read.

It prints summaries, not single latencies: the record then has no raw values, no p90 and no p99.
https://ai.google.dev/edge/litert/models/measurement
"""

import re

from device_runners.agent import facts
from device_runners.agent.run import model_file
from device_runners.execution import run_program, uploaded
from device_runners.native.output import understood
from device_runners.options import BenchOptions, Target
from device_runners.session import Session
from edgeprune.bundle.read import MODEL
from edgeprune.errors import DeviceError, InputError
from edgeprune.run_parts import Latency, Memory, Runtime
from edgeprune.run_record import RunRecord

_NUMBER = r"([0-9.eE+-]+)"


def run_benchmark_model(session: Session, target: Target, options: BenchOptions) -> RunRecord:
    """Send the tool and the model; run; read what it prints."""
    tool = options.benchmark_model
    if tool is None or not tool.is_file():
        raise InputError(
            f"There is no benchmark_model at {tool}.", "Name Google's prebuilt tool with --benchmark-model.",
            "Download it from https://ai.google.dev/edge/litert/models/measurement.",
        )
    session.upload({"tool": tool, MODEL: target.model})
    before = facts.device_state(session.read_files(facts.PATHS).get)
    flags = [
        f"--graph={MODEL}", f"--num_threads={options.threads}", f"--num_runs={options.runs}",
        f"--min_secs={options.min_time_s}", f"--warmup_runs={options.warmup}",
        f"--use_xnnpack={'true' if options.xnnpack else 'false'}",
    ]
    if options.shapes:
        named = {one.name: ",".join(map(str, one.shape)) for one in options.shapes}
        flags += [f"--input_layer={','.join(named)}", f"--input_layer_shape={':'.join(named.values())}"]
    result = run_program(session, uploaded("tool", *flags), b"", options.time_limit_s, "benchmark_model")
    files = session.read_files(facts.PATHS)
    arch = session.shell("uname -m").stdout.decode(errors="replace").strip()
    device = facts.device_facts(files.get, arch, before, facts.device_state(files.get))
    text = result.stdout.decode(errors="replace") + result.stderr
    with understood(session.transport.device):
        figures = parse(text)
        return RunRecord(
            device=session.transport.device, model=model_file(target.model), settings=options.settings(),
            runtime=Runtime("benchmark_model", "unknown"),
            latency=Latency(figures["median"] / 1e3, figures["avg"] / 1e3, figures["std"] / 1e3),
            latency_ns=(), warmup_ns=(), load_ns=int(figures["init"] * 1e3),
            first_inference_ns=int(figures["first"] * 1e3), throughput_per_s=1e6 / figures["avg"],
            memory=Memory(peak_bytes=_megabytes(text)), facts=device,
            unstable=("benchmark_model gives no single latencies, so steadiness was not checked",),
        )


def parse(text: str) -> dict[str, float]:
    """Microseconds: ``median``, ``avg``, ``std``, ``init``, ``first``; `DeviceError` where one is missing."""
    # The last such line is that of the timed runs; the first that of the warm-ups.
    runs = re.findall(r"count=\d+ .*", text)
    timings = re.search(rf"Inference timings in us: Init: {_NUMBER}, First inference: {_NUMBER}", text)
    last = runs[-1] if runs else ""
    found = {name: re.search(rf"\b{name}={_NUMBER}", last) for name in ("median", "avg", "std")}
    if timings is None or None in found.values():
        raise DeviceError(
            "benchmark_model printed no median or no timings.", "A current version prints both.",
            "Use a newer prebuilt, or --runner native.",
        )
    figures = {name: float(match.group(1)) for name, match in found.items() if match}
    return {**figures, "init": float(timings.group(1)), "first": float(timings.group(2))}


def _megabytes(text: str) -> int | None:
    match = re.search(rf"Overall peak memory footprint \(MB\)[^:]*: {_NUMBER}", text) or re.search(
        rf"Memory footprint delta from the start of the tool \(MB\): init={_NUMBER} overall={_NUMBER}", text
    )
    return int(float(match.group(match.lastindex or 1)) * (1 << 20)) if match else None
