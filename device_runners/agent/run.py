"""One run of one model: the order in which things are loaded, timed and evaluation.

Memory is read before any evaluation sample is loaded, so that it is the model's and not the data's.
"""

from __future__ import annotations

import dataclasses
import functools
import platform
import time
from pathlib import Path
from typing import Callable, Optional, Sequence

import numpy as np

from device_runners.agent import facts, own_memory, samples, stability, tensors
from device_runners.agent.input_shapes import input_shapes, set_input_shapes
from device_runners.agent.job import Job, progress
from device_runners.agent.measure import Plan, RunTimings, time_runs, warm_up
from device_runners.agent.runtime import Interpreter, RuntimeModule, find_runtime, open_model, signature_of
from device_runners.agent.samples import EvaluationResult, EvaluationSamples
from edgeprune.bundle.read import EVAL, HOST_ONLY, Bundle, read_bundle, sha256_of
from edgeprune.run_parts import DeviceFacts, Memory, ModelFile, RunSettings, Runtime, summarize
from edgeprune.run_record import RunRecord
from edgeprune.tasks.greedy import outputs_of

_EVALUATION_RATIO = 0.5  # of the time limit; samples beyond it are left out, with a note


@dataclasses.dataclass(frozen=True)
class OpenedModel:
    """A model ready to run, and what it took to get there."""

    interpreter: Interpreter
    module: RuntimeModule
    runtime: Runtime
    memory: Memory
    load_ns: int
    first_inference_ns: int


def run(job: Job, clock: Callable[[], int] = time.perf_counter_ns) -> RunRecord:
    """Do the job; errors are those of `read_bundle`, `find_runtime`, `open_model` and `model_inputs`."""
    began = clock()
    cpus = _pinned(job.cpus) if job.cpus else ()  # before the runtime starts threads
    progress("checking the bundle")
    bundle = read_bundle(Path(job.bundle), skip=HOST_ONLY) if job.bundle else None
    model = bundle.model if bundle else Path(job.model or "")
    opened = open_and_try(job, model, clock)
    given = _load_samples(bundle, job, opened.interpreter)
    if given is not None:
        samples.set_sample(opened.interpreter, given.inputs, 0)  # a real sample gets timed
    progress("timing")
    plan = Plan.of(job.settings, job.min_time_s)
    warmup = warm_up(opened.interpreter.invoke, clock, plan)
    before = facts.device_state(facts.read_file)
    latencies = time_runs(opened.interpreter.invoke, clock, plan)
    after = facts.device_state(facts.read_file)
    device = facts.device_facts(facts.read_file, platform.machine(), before, after)
    evaluation = EvaluationResult()
    if given is not None:
        progress("evaluating")
        deadline = began + int(job.settings.time_limit_s * _EVALUATION_RATIO * 1e9)
        evaluation = _evaluate(opened.interpreter, given, clock, deadline)
    timings = RunTimings(opened.load_ns, opened.first_inference_ns, tuple(warmup), tuple(latencies))
    record = record_of(
        job.device, model, bundle, job.settings, opened.runtime, timings, opened.memory, device, evaluation
    )
    shapes, signature = input_shapes(opened.interpreter), signature_of(opened.interpreter)
    record = dataclasses.replace(record, inputs=shapes, signature=signature, cpus=cpus)
    if not job.extras:
        return record
    from device_runners.agent.extras.asked import Asked

    asked = Asked(job, str(model), opened.module, opened.interpreter, given)
    return asked.measured(record, clock)


def _pinned(cpus: str) -> tuple[int, ...]:
    from device_runners.agent.extras.affinity import pin

    return pin(cpus)


def open_and_try(job: Job, model: Path, clock: Callable[[], int]) -> OpenedModel:
    """Load the runtime and the model, and run it once on seeded noise."""
    agent = own_memory.taken()
    at_start = facts.status_bytes("VmRSS")
    progress("loading the runtime")
    module, runtime = find_runtime()
    with_runtime = facts.status_bytes("VmRSS")
    progress("loading the model")
    started = clock()
    sizes = functools.partial(set_input_shapes, wanted=job.shapes)
    interpreter = open_model(module, str(model), job.settings.threads, job.settings.xnnpack, sizes)
    loaded = clock()
    tensors.set_synthetic_inputs(interpreter)
    progress("running the model")
    first_started = clock()
    interpreter.invoke()
    first_ended = clock()
    steady = facts.status_bytes("VmRSS")
    used = Memory(
        peak_bytes=facts.difference(facts.peak_bytes(), agent or 0),
        steady_bytes=facts.difference(steady, agent or 0),
        pss_bytes=facts.difference(facts.status_bytes("Pss", "/proc/self/smaps_rollup"), agent or 0),
        start_bytes=facts.difference(at_start, agent or 0),
        runtime_bytes=facts.difference(with_runtime, at_start),
        model_bytes=facts.difference(steady, with_runtime), agent_bytes=agent,
    )
    return OpenedModel(interpreter, module, runtime, used, loaded - started, first_ended - first_started)


def _load_samples(bundle: Optional[Bundle], job: Job, model: Interpreter) -> Optional[EvaluationSamples]:
    """The samples to evaluate; None where there are none, or none are wanted."""
    if bundle is None or EVAL not in bundle.manifest.files or job.eval_samples == 0:
        return None
    data = samples.first(bundle.samples(), job.eval_samples)
    if not len(data):
        return None
    inputs = samples.model_inputs(bundle, data, tensors.infos(model.get_input_details()))
    return EvaluationSamples(bundle, data, tuple(inputs))


def _evaluate(
    interpreter: Interpreter, given: EvaluationSamples, clock: Callable[[], int], deadline: int
) -> EvaluationResult:
    bundle, data, inputs = given.bundle, given.data, given.inputs
    input_infos = tensors.infos(interpreter.get_input_details())
    output_details = interpreter.get_output_details()
    output_infos = tensors.infos(output_details)
    collected: list[list[np.ndarray]] = [[] for _ in output_details]

    def once(sample: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        samples.set_sample(interpreter, sample, 0)
        interpreter.invoke()
        return [interpreter.get_tensor(detail["index"]) for detail in output_details]

    for index in range(len(data)):
        if clock() > deadline and index:
            break
        sample = [array[index : index + 1] for array in inputs]
        for rows, output in zip(collected, outputs_of(bundle.manifest.tasks, once, sample)):
            rows.append(output)
    done = len(collected[0])
    note = f"{done} of {len(data)} samples were evaluated in the time limit"
    seen = EvaluationSamples(bundle, samples.first(data, done), tuple(array[:done] for array in inputs))
    return dataclasses.replace(
        samples.result_of(seen, [np.concatenate(rows) for rows in collected], input_infos, output_infos),
        preprocess_ns=tuple(samples.time_preprocessing(bundle, data, input_infos, clock)),
        notes=() if done == len(data) else (note,),
    )


def record_of(
    device: str, model: Path, bundle: Optional[Bundle], settings: RunSettings, runtime: Runtime,
    timings: RunTimings, used: Memory, seen: DeviceFacts, evaluation: EvaluationResult,
) -> RunRecord:
    """The record of one run, whichever runner made it."""
    latency = summarize(timings.latency_ns)
    return RunRecord(
        device=device, model=model_file(model), settings=settings, runtime=runtime, latency=latency,
        latency_ns=timings.latency_ns, warmup_ns=timings.warmup_ns, load_ns=timings.load_ns,
        first_inference_ns=timings.first_inference_ns, throughput_per_s=1e3 / latency.mean_ms, memory=used,
        facts=seen, unstable=(*stability.reasons(timings.latency_ns, seen), *evaluation.notes),
        preprocess_ns=evaluation.preprocess_ns,
        real_time_factor=_real_time_factor(bundle, latency.p50_ms, evaluation.preprocess_ns),
        metrics=evaluation.metrics, samples=evaluation.samples,
        synthetic=bundle is not None and bundle.manifest.synthetic, predictions=evaluation.predictions,
    )


def model_file(path: Path) -> ModelFile:
    """Name, size and hash of a `.tflite` file."""
    return ModelFile(path.name, path.stat().st_size, sha256_of(path))


def _real_time_factor(bundle: Optional[Bundle], p50_ms: float, prepare_ns: Sequence[int]) -> Optional[float]:
    """Time to handle one window over the time between two windows; None for anything but a stream."""
    stream = bundle.manifest.stream if bundle else None
    if stream is None or not prepare_ns:
        return None
    hop_ms = 1e3 * stream.hop_samples / stream.sample_rate_hz
    return (p50_ms + sorted(prepare_ns)[len(prepare_ns) // 2] / 1e6) / hop_ms
