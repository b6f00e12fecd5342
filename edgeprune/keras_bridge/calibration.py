"""Calibration samples of `prune`, in any form that data in memory may have.

Arrays, a list with one array for each input, and a dictionary by input name are taken as they are. Of
everything else (`tf.data`, sequences, generators, frames, labelled pairs) the samples are read; of a stream
the first `MOST_SAMPLES` at most, so that one without end is no trouble.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgeprune.data.containers import ContainerReader, GivenSplit
from edgeprune.data.model_signature import signature_of
from edgeprune.data.streamed import parts_of
from edgeprune.data.streams import is_stream
from edgeprune.errors import InputError
from edgeprune.keras_types import KerasModel

MOST_SAMPLES = 4096


def calibration_of(model: KerasModel, given: object, labels: object = None) -> tuple[object, object]:
    """Samples and class numbers as `edgeprune.pruning.analysis` takes them.

    Labels beside the samples stand where none are passed.

    Raises:
        InputError: what is given holds no samples, or does not fit the model's inputs.
    """
    inputs = getattr(model, "inputs", None) or ()
    signature = signature_of(model) if inputs else None
    reader = ContainerReader("The calibration data", signature, most=MOST_SAMPLES)
    if not _needs_reading(given, reader.inputs):
        return given, labels
    try:
        found = reader.split(given)
    except InputError:
        raise
    except Exception as error:  # a generator is the user's own code, which may raise anything
        raise InputError(
            f"The calibration data failed: {type(error).__name__}: {error}.",
            "Samples as the model takes them are expected.", "Correct it.",
        ) from error
    arrays = [np.asarray(part) for part in parts_of(found.x)]
    return arrays if len(arrays) > 1 else arrays[0], _class_numbers(found) if labels is None else labels


def _needs_reading(given: object, inputs: tuple[str, ...]) -> bool:
    if is_stream(given) or hasattr(given, "to_numpy"):
        return True
    if isinstance(given, Mapping):
        return any(is_stream(value) or hasattr(value, "to_numpy") for value in given.values())
    if isinstance(given, list) and inputs:
        return len(given) != len(inputs)
    if not isinstance(given, tuple) or len(given) not in (2, 3):
        return False
    return len(given) != len(inputs) or isinstance(given[0], (tuple, list, Mapping))


def _class_numbers(found: GivenSplit) -> np.ndarray | None:
    y = found.y[0] if isinstance(found.y, tuple) else found.y
    return y if y is not None and y.ndim == 1 and y.dtype.kind in "iu" else None
