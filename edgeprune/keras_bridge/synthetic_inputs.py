"""Random inputs from a model's own signature, of sizes that it runs at, for when no data was given.

They can tell a model from its masked original; they do not replace calibration data. Axes of open size may
not be of any: the U-Net that halves an image five times needs 32 pixels, an encoder of raw sound needs
hundreds of samples for its first frame.
"""

from __future__ import annotations

import numpy as np

from edgeprune.errors import InputError
from edgeprune.graph.model_graph import ModelGraph, Tensor
from edgeprune.keras_bridge.read import Reading
from edgeprune.keras_bridge.run import CallStep, run
from edgeprune.keras_types import KerasTensor
from edgeprune.layers import rule_for

LENGTHS = (16, 8, 4, 64, 256, 1024, 4096, 16384)
"""Tried from the first; a model that computes nothing at one may do so at another: it has a shortest
length, or a longest, where it looks positions up in a table."""
MOST_VALUES = 1 << 20
"""Of one sample, beyond which no longer length is tried."""


def synthetic_inputs(
    reading: Reading, samples: int, seed: int, length: int | None = None
) -> list[np.ndarray]:
    """Normal numbers, whole numbers where they are looked up in a table, or words.

    `length` is that of axes of open size; None for the first of `LENGTHS` that works.
    """
    return _random_inputs(reading.graph, samples, seed, length or workable_length(reading))


def workable_length(reading: Reading) -> int:
    """The first of `LENGTHS` for axes of open size at which every layer has something to compute."""
    graph = reading.graph
    if not any(None in tensor.shape[1:] for tensor in graph.inputs):
        return LENGTHS[0]
    failure = None
    for length in LENGTHS:
        inputs = _random_inputs(graph, 1, 0, length)
        if failure is not None and max(array.size for array in inputs) > MOST_VALUES:
            break
        try:
            _run_through(reading, inputs)
        except InputError as error:
            failure = error
        else:
            return length
    raise InputError(
        f"Model '{graph.name}' leaves sizes open and does not run on made-up samples: {failure}",
        "Samples that it runs on are expected.", "Give some, or fix the sizes of its inputs.",
    )


def _random_inputs(graph: ModelGraph, samples: int, seed: int, length: int) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [_random_input(graph, tensor, samples, length, generator) for tensor in graph.inputs]


def _random_input(
    graph: ModelGraph, tensor: Tensor, samples: int, length: int, generator: np.random.Generator
) -> np.ndarray:
    shape = (samples, *(length if size is None else size for size in tensor.shape[1:]))
    if tensor.dtype == "string":
        return generator.choice(_words(graph), shape).astype(object)
    entries = _table_sizes(graph, tensor)
    if entries:
        return generator.integers(0, min(entries), shape).astype(tensor.dtype)
    if tensor.dtype == "bool":
        return np.ones(shape, bool)
    if not np.issubdtype(np.dtype(tensor.dtype), np.floating):
        return generator.integers(0, 2, shape).astype(tensor.dtype)
    return generator.normal(size=shape).astype(tensor.dtype)


def _words(graph: ModelGraph) -> list[str]:
    """What the model looks words up in, with numbers, which may be hashed; all in one text."""
    vocabularies = [layer.config.get("vocabulary") for layer in graph.layers.values()]
    words = [str(word) for one in vocabularies if isinstance(one, (list, tuple)) for word in one]
    return [*words, *map(str, range(100))]


def _table_sizes(graph: ModelGraph, tensor: Tensor) -> list[int]:
    """Entries of every embedding that looks an input up, also from inside of a nested model."""
    reached, entries = {tensor.index}, []
    for call in graph.calls:
        layer = graph.layers[call.layer]
        if not reached & {one.index for one in call.inputs}:
            continue
        size = rule_for(layer).table_size(layer)
        if size is not None:
            entries.append(size)
        elif not layer.weight_shapes:  # casts, reshapes, inputs of nested models
            reached |= {one.index for one in call.outputs}
    return entries


def _run_through(reading: Reading, inputs: list[np.ndarray]) -> None:
    results: list[KerasTensor] = []
    for step in run(reading, inputs, results=results):
        if any(0 in value.shape for value in step.inputs) or _is_too_wide(step):
            raise InputError(f"Nothing is left of the samples at layer '{step.call.layer}'.")
    if any(0 in value.shape for value in results):
        raise InputError("Nothing is left of the samples at the end.")


def _is_too_wide(step: CallStep) -> bool:
    """Whether a layer's window fits nowhere; TensorFlow may then give numbers from anywhere in memory."""
    layer = step.layer
    window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if not isinstance(window, (list, tuple)) or getattr(layer, "padding", "") != "valid":
        return False
    channels_first = getattr(layer, "data_format", "") == "channels_first"
    sizes = step.inputs[0].shape[2:] if channels_first else step.inputs[0].shape[1:-1]
    steps = getattr(layer, "dilation_rate", None) or (1,) * len(window)
    is_transposed = "Transpose" in type(layer).__name__
    spans = zip(sizes[-len(window):], window, steps, strict=True)
    return not is_transposed and any(size < (width - 1) * gap + 1 for size, width, gap in spans)
