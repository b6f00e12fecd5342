"""Inputs made up for a model that was read, of sizes that it can be run at.

Axes of open size may not be of any: the U-Net that halves an image five times needs 32 pixels, an
encoder of raw sound needs hundreds of samples for its first frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.errors import InputError
from edgeprune.keras_bridge.run import run
from edgeprune.pruning.synthetic import OPEN_LENGTH, synthetic_inputs

if TYPE_CHECKING:
    from edgeprune.keras_bridge.read import Reading
    from edgeprune.keras_bridge.run import Step

LENGTHS = (OPEN_LENGTH, 64, 256, 1024, 4096, 16384)
"""Tried from the first; a model that computes nothing at one may do so at the next."""
MOST_VALUES = 1 << 20
"""Of one sample, beyond which no longer length is tried."""


def made_up_inputs(
    reading: Reading, samples: int, seed: int, length: int | None = None
) -> list[np.ndarray]:
    """Random inputs; axes of open size are of `length`, or of the first of `LENGTHS` that works.

    Raises:
        InputError: the model runs at none of them, with the reason at the last.
    """
    return synthetic_inputs(reading.graph, samples, seed, length or workable_length(reading))


def workable_length(reading: Reading) -> int:
    """The first of `LENGTHS` for axes of open size at which every layer has something to compute.

    Raises:
        InputError: there is none.
    """
    if not any(None in tensor.shape[1:] for tensor in reading.graph.inputs):
        return OPEN_LENGTH
    failure = None
    for length in LENGTHS:
        made = synthetic_inputs(reading.graph, 1, 0, length)
        if failure is not None and max(array.size for array in made) > MOST_VALUES:
            break
        try:
            _run_through(reading, made)
        except InputError as error:
            failure = error
        else:
            return length
    raise InputError(
        f"Model '{reading.graph.name}' leaves sizes open and does not run on made-up samples: {failure}",
        "Samples that it runs on are expected.",
        "Give some, or fix the sizes of its inputs.",
    )


def _run_through(reading: Reading, inputs: list[np.ndarray]) -> None:
    results: list[Any] = []
    for step in run(reading, inputs, results=results):
        if any(0 in value.shape for value in step.inputs) or _is_too_wide(step):
            raise InputError(f"Nothing is left of the samples at layer '{step.call.layer}'.")
    if any(0 in value.shape for value in results):
        raise InputError("Nothing is left of the samples at the end.")


def _is_too_wide(step: Step) -> bool:
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
