"""Turns samples of any accepted form into what a model's inputs take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeprune.errors import InputError
from edgeprune.graph.model_graph import Tensor
from edgeprune.keras_bridge.error_text import error_text
from edgeprune.keras_bridge.nodes import fits, is_input_node
from edgeprune.keras_bridge.read import Reading
from edgeprune.keras_types import KerasTensor
from edgeprune.pruning.network import Data


def adapt_inputs(reading: Reading, data: Data) -> dict[int, KerasTensor]:
    """Framework tensors for the model's inputs by tensor index, in the dtypes of the inputs.

    Raises:
        InputError: not as many arrays as the model has inputs, or of another shape or kind.
    """
    import tensorflow as tf

    arrays = _in_order(reading, data)
    wanted = reading.graph.inputs
    if len(arrays) != len(wanted):
        raise InputError(
            f"{len(arrays)} arrays were given for the {len(wanted)} inputs of model '{reading.graph.name}'.",
            way_out="Give a list with one array for each input, in the model's order.",
        )
    fed = {}
    for tensor, given in zip(wanted, arrays, strict=True):
        array = _reshaped(given, tensor, reading.graph.name)
        try:
            fed[tensor.index] = tf.cast(tf.convert_to_tensor(array), tensor.dtype)
        except (TypeError, ValueError, tf.errors.OpError) as error:
            raise InputError(
                f"Samples of type {np.asarray(array).dtype} were given for an input of model "
                f"'{reading.graph.name}' ({error_text(error)}).",
                f"It takes {tensor.dtype}.",
            ) from error
    return fed


def _reshaped(array: np.ndarray, tensor: Tensor, model: str) -> np.ndarray:
    """Samples in the shape of an input; as in Keras, a last axis of length 1 is added or dropped."""
    found, expected = tuple(np.shape(array)), tensor.shape
    if len(found) == len(expected) - 1 and expected[-1] == 1:
        array = np.asarray(array)[..., None]
    elif len(found) == len(expected) + 1 and found[-1] == 1:
        array = np.asarray(array)[..., 0]
    if not fits(expected[1:], np.shape(array)[1:]):
        raise InputError(
            f"Samples of shape {found[1:]} were given for an input of model '{model}'.",
            f"It takes samples of shape {expected[1:]}.",
            "Bring them to the form that the model was trained on.",
        )
    return array


def _in_order(reading: Reading, data: Data) -> Sequence[np.ndarray]:
    if isinstance(data, dict):
        sources = [call for call in reading.graph.calls if is_input_node(call.key) and not call.inputs]
        name_of = {call.outputs[0].index: call.layer for call in sources}
        names = [name_of[tensor.index] for tensor in reading.graph.inputs]
        missing = [name for name in names if name not in data]
        if missing:
            raise InputError(
                f"There is no data for the input '{missing[0]}'.", f"Inputs are {', '.join(names)}.",
            )
        return [data[name] for name in names]
    return data if isinstance(data, (list, tuple)) else [data]
