"""Runs a `.tflite` file with the LiteRT runtime, as a device does: one sample at a time.

Samples are spread over threads, each with an interpreter of its own: batches would change what
a file with batch 1 computes, or fail on a shape that is written into it.
"""

from __future__ import annotations

import concurrent.futures
import os
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from device_runners.agent.tensors import dequantize, infos, quantize
from edgeprune.conversion.values import Samples, as_samples
from edgeprune.errors import InputError
from edgeprune.keras_bridge.silence import silence

_ROUNDS, _LEAST_ROUNDS, _MOST_CALLS = 15, 3, 20
_ROUND_NS, _MOST_NS = 2e6, 1e9
"""About how long one round of calls takes, and all rounds of one file."""


def run_tflite(
    tflite: bytes, x: npt.ArrayLike | Sequence[npt.ArrayLike], *, workers: int | None = None
) -> np.ndarray | tuple[np.ndarray, ...]:
    """Outputs of a file with batch 1, as float32, samples first; a tuple of arrays if it has several.

    `x` is one array for each input, in the file's order, samples first; floats are quantized here where the
    file takes integers. `workers` are threads; as many as there are processors if None.

    Raises:
        InputError: the runtime cannot load the file, or the samples do not fit its inputs.
    """
    samples = as_samples(x)
    count = len(samples[0])
    workers = max(1, min(workers or os.cpu_count() or 1, count))
    shards = [tuple(array[i::workers] for array in samples) for i in range(workers)]
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(lambda shard: _run_shard(tflite, shard), shards))
    results = []
    for tensors in zip(*parts, strict=True):
        joined = np.empty((count, *tensors[0].shape[1:]), np.float32)
        for i, part in enumerate(tensors):
            joined[i::workers] = part
        results.append(joined)
    return results[0] if len(results) == 1 else tuple(results)


def latency_us(tflite: bytes, samples: Samples) -> float:
    """Time of one call on this machine, one thread, in microseconds."""
    return latencies_us([tflite], samples)[0]


def latencies_us(files: Sequence[bytes], samples: Samples) -> list[float]:
    """Times of one call of each file, measured in turns: what disturbs the machine disturbs all of them.

    The lower quartile of the rounds: others only add to a call's time.
    """
    loaded = [interpreter(tflite) for tflite in files]
    calls = []
    for one in loaded:
        set_sample(one, [array[:1] for array in samples])
        one.invoke()
        calls.append(max(1, min(_MOST_CALLS, int(_ROUND_NS / max(_call_ns(one, 1), 1)))))
    rounds: list[list[float]] = []
    until = time.perf_counter_ns() + _MOST_NS * len(loaded)
    while len(rounds) < _LEAST_ROUNDS or (len(rounds) < _ROUNDS and time.perf_counter_ns() < until):
        rounds.append([_call_ns(one, count) for one, count in zip(loaded, calls, strict=True)])
    return [float(one) / 1e3 for one in np.quantile(rounds, 0.25, axis=0)]


def _call_ns(loaded: Interpreter, calls: int) -> float:
    start = time.perf_counter_ns()
    for _ in range(calls):
        loaded.invoke()
    return (time.perf_counter_ns() - start) / calls


def interpreter(tflite: bytes, **options: object) -> Interpreter:
    """A LiteRT interpreter with XNNPACK, one thread, tensors allocated.

    Raises:
        InputError: the runtime cannot load the file, such as one with TensorFlow (Flex) operators.
    """
    with silence():
        try:
            loaded = Interpreter(model_content=tflite, num_threads=1, **options)
            loaded.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"LiteRT cannot load the .tflite file: {str(error).splitlines()[0]}",
                "A file with LiteRT's own operators is expected.",
                "Convert it without --allow-flex; the message names the operator.",
            ) from error
    return loaded


def set_sample(loaded: Interpreter, arrays: Sequence[np.ndarray]) -> None:
    """Sets the inputs of an interpreter for one sample, batch axis included.

    A fused LSTM keeps its state between calls, which is reset: a Keras layer that is not stateful keeps none.
    """
    loaded.reset_all_variables()
    details = loaded.get_input_details()
    for array, detail, info in zip(arrays, details, infos(details), strict=True):
        loaded.set_tensor(detail["index"], quantize(array, info))


def _run_shard(tflite: bytes, samples: Samples) -> list[np.ndarray]:
    loaded = interpreter(tflite)
    inputs, outputs = loaded.get_input_details(), loaded.get_output_details()
    if len(inputs) != len(samples):
        raise InputError(
            f"{len(samples)} arrays of samples were given.", f"The file has {len(inputs)} inputs.",
        )
    results = [np.empty((len(samples[0]), *detail["shape"][1:]), detail["dtype"]) for detail in outputs]
    for i in range(len(samples[0])):
        set_sample(loaded, [array[i : i + 1] for array in samples])
        loaded.invoke()
        for result, detail in zip(results, outputs, strict=True):
            result[i] = loaded.get_tensor(detail["index"])[0]
    return list(map(dequantize, results, infos(outputs)))
