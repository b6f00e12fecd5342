"""Runs a model call by call on real data, so that what goes into each layer can be watched.

    for step in run(reading, images):           # before the call; the layer runs when the loop goes on
        step.arrays, step.masks

A model and its pruned copy make the same calls in the same order, so ``zip(run(original, x),
run(copy, x))`` shows both sides of each layer, and weights set on the copy's layer inside the loop
count for everything after it. Eager, in inference mode, Keras masks carried along.

A model may fix its batch, and then a layer may know its size: it keeps a state for each sample, or it
reshapes to a shape that names it. Such a layer is called on that many samples at a time, always from a
state of zeros; the last batch is filled up.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from edgeprune.errors import InputError
from edgeprune.graph.model_graph import Argument, Call, Tensor
from edgeprune.keras_bridge.error_text import error_text
from edgeprune.keras_bridge.inference import unchanged_by
from edgeprune.keras_bridge.input_adapter import adapt_inputs
from edgeprune.keras_bridge.keras_version import is_keras3
from edgeprune.keras_bridge.nodes import is_input_node, map_values
from edgeprune.keras_bridge.read import Reading
from edgeprune.keras_bridge.same_draws import may_draw, with_same_draws
from edgeprune.keras_types import KerasLayer, KerasTensor
from edgeprune.layers import rule_for
from edgeprune.pruning.network import Data


@dataclasses.dataclass(frozen=True)
class CallStep:
    """The call of that number in ``reading.graph.calls``, about to be made on framework tensors."""

    number: int
    call: Call
    layer: KerasLayer
    inputs: tuple[KerasTensor, ...]

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The inputs as numpy arrays."""
        return tuple(np.asarray(value) for value in self.inputs)

    @property
    def masks(self) -> tuple[np.ndarray | None, ...]:
        """The Keras mask of each input, (N, time), True where there is data; None where it has none."""
        carried = [getattr(value, "_keras_mask", None) for value in self.inputs]
        given = self.call.kwargs.get("mask")
        if isinstance(given, Tensor) and carried:
            places = [tensor.index for tensor in self.call.inputs]
            carried[0] = self.inputs[places.index(given.index)]
        return tuple(None if mask is None else np.asarray(mask) for mask in carried)


Around: TypeAlias = Callable[[CallStep, Callable[[], list[KerasTensor]]], list[KerasTensor]]
"""Called in place of a layer, with the step and a function that runs it; gives the flat list of outputs."""


def run(
    reading: Reading, data: Data, around: Around | None = None, results: list[KerasTensor] | None = None
) -> Iterator[CallStep]:
    """Runs the model, stopping before every call but those of the model's inputs.

    `around` is called in place of each layer; `results` is filled with the model's outputs when the loop is
    over. Values are freed after their last use.
    """
    return _run(reading, _begun(reading, data), around, results)


def _run(
    reading: Reading, state: _State, around: Around | None = None, results: list[KerasTensor] | None = None
) -> Iterator[CallStep]:
    """Goes on from a state, which moves along."""
    graph, values, left = reading.graph, state.values, state.left
    batch = fixed_batch(reading)
    for number, call in enumerate(graph.calls[state.number :], start=state.number):
        if is_input_node(call.key) and not call.inputs:
            continue
        state.number = number
        inputs = tuple(values[tensor.index] for tensor in call.inputs)
        step = CallStep(number, call, reading.layers[call.layer], inputs)
        yield step
        compute = functools.partial(_computed, reading, step, values, batch, state.samples)
        outputs = compute() if around is None else around(step, compute)
        for tensor in call.inputs:
            left[tensor.index] -= 1
            if not left[tensor.index]:
                values.pop(tensor.index, None)
        values.update(
            (tensor.index, value)
            for tensor, value in zip(call.outputs, outputs, strict=True) if left[tensor.index]
        )
        del step, inputs, outputs
    if results is not None:
        results.extend(values[tensor.index] for tensor in graph.outputs)


@dataclasses.dataclass
class _State:
    """Before the call of that number: the values that later calls need, and how many need each."""

    number: int
    values: dict[int, KerasTensor]
    left: collections.Counter[int]
    samples: int


def _begun(reading: Reading, data: Data) -> _State:
    graph = reading.graph
    left = collections.Counter(tensor.index for call in graph.calls for tensor in call.inputs)
    left.update(tensor.index for tensor in graph.outputs)
    values = adapt_inputs(reading, data)
    return _State(0, values, left, int(next(iter(values.values())).shape[0]))


class PausedBatch:
    """A run that stands before a call, so that what comes from there on can be computed several times."""

    def __init__(self, reading: Reading, data: Data) -> None:
        self._reading, self._state = reading, _begun(reading, data)

    def advance(self, number: int) -> None:
        """Goes on up to the call of that number, which is not made."""
        if number > self._state.number:
            steps = _run(self._reading, self._state)
            collections.deque(itertools.takewhile(lambda step: step.number < number, steps), maxlen=0)

    def outputs(self) -> list[np.ndarray]:
        """The model's outputs, with its weights as they are now from here on; the run stays where it is."""
        results: list[KerasTensor] = []
        state = dataclasses.replace(
            self._state, values=dict(self._state.values), left=self._state.left.copy()
        )
        collections.deque(_run(self._reading, state, results=results), maxlen=0)
        return [np.asarray(value) for value in results]


def predict(reading: Reading, data: Data, around: Around | None = None) -> list[np.ndarray]:
    """The model's outputs, one array each, computed call by call; see `run`."""
    results: list[KerasTensor] = []
    collections.deque(run(reading, data, around, results), maxlen=0)
    return [np.asarray(value) for value in results]


def repeatable(reading: Reading, data: Data) -> list[int]:
    """Which of the model's outputs are the same at each call, by number: sampling draws others each time.

    Raises:
        InputError: none is.
    """
    one, again = predict(reading, data), predict(reading, data)
    pairs = enumerate(zip(one, again, strict=True))
    same = [place for place, (a, b) in pairs if np.array_equal(a, b, equal_nan=a.dtype.kind == "f")]
    if not same:
        raise InputError(
            f"Every output of model '{reading.graph.name}' is another at each call on the same samples.",
            "A model that answers the same twice is expected.",
            "Leave out the layer that draws random numbers: keras.Model(inputs, what goes into it).",
        )
    return same


def replace_weights(reading: Reading, layer: str, arrays: Mapping[int, np.ndarray]) -> None:
    """Sets some of a layer's weights, by their index in ``get_weights``; the others stay."""
    target = reading.layers[layer]
    weights = target.get_weights()
    for index, array in arrays.items():
        weights[index] = array
    target.set_weights(weights)


def fixed_batch(reading: Reading) -> int | None:
    """The number of samples that the model has to be called on; None where any will do."""
    sizes = [tensor.shape[0] for tensor in reading.graph.inputs if tensor.shape[0] is not None]
    return sizes[0] if sizes and any(_knows_the_batch(reading, path) for path in reading.layers) else None


def _knows_the_batch(reading: Reading, path: str) -> bool:
    """Whether a layer may depend on how many samples it is called on, or on which axis they are."""
    layer = reading.graph.layers[path]
    if getattr(reading.layers[path], "stateful", False) or layer.config.get("time_major"):
        return True
    is_users = layer.module.split(".")[0] not in ("keras", "tf_keras")
    return is_users or rule_for(layer).may_fix_batch


def _computed(
    reading: Reading, step: CallStep, values: Mapping[int, KerasTensor], batch: int | None, samples: int
) -> list[KerasTensor]:
    """A call's outputs; batch by batch where the layer knows the batch.

    A tensor has so many rows for each batch, and those of all batches stand one after the other. Steps
    that were folded into the batch are samples.
    """
    if batch is None or not _knows_the_batch(reading, step.call.layer):
        return _outputs(step, values)
    rows = {
        tensor.index: tensor.shape[0] or batch * (int(values[tensor.index].shape[0]) // samples or 1)
        for tensor in step.call.inputs if tensor.shape
    }
    parts = []
    for number in range(-(-samples // batch)):
        here = dict(values)
        for place, count in rows.items():
            index = np.arange(number * count, (number + 1) * count) % int(values[place].shape[0])
            here[place] = _rows(values[place], index)
        forget(step.layer)
        parts.append(_outputs(step, here))
    forget(step.layer)
    return [_joined(several, batch, samples) for several in zip(*parts, strict=True)]


def _rows(value: KerasTensor, index: np.ndarray) -> KerasTensor:
    """Some samples of a tensor, with their Keras mask."""
    import tensorflow as tf

    mask = getattr(value, "_keras_mask", None)
    return with_mask(tf.gather(value, index), None if mask is None else tf.gather(mask, index))


def _joined(parts: Sequence[KerasTensor], batch: int, samples: int) -> KerasTensor:
    """What several batches gave, without what fills up the last one, with its Keras mask."""
    import tensorflow as tf

    if not parts[0].shape:
        return parts[0]
    count = int(parts[0].shape[0])
    end = samples * (count // batch) if count % batch == 0 else None
    masks = [getattr(part, "_keras_mask", None) for part in parts]
    mask = None if masks[0] is None else tf.concat(masks, 0)[:end]
    return with_mask(tf.concat(parts, 0)[:end], mask)


def with_mask(value: KerasTensor, mask: KerasTensor | None) -> KerasTensor:
    """A tensor that carries a Keras mask; None: as it is."""
    if mask is not None:
        value._keras_mask = mask  # noqa: SLF001 - where both Keras versions keep it
    return value


def forget(layer: KerasLayer) -> None:
    """Sets a stateful layer's state to zero; the two Keras versions spell it differently."""
    if getattr(layer, "stateful", False):
        (layer.reset_states if hasattr(layer, "reset_states") else layer.reset_state)()


def _outputs(step: CallStep, values: Mapping[int, KerasTensor]) -> list[KerasTensor]:
    """Calls the layer; its outputs as a flat list. A nested model's input passes its value on."""
    if is_input_node(step.call.key):
        return list(step.inputs)

    def place(value: Argument) -> Argument:
        return values[value.index] if isinstance(value, Tensor) else value

    args, kwargs = map_values((step.call.args, dict(step.call.kwargs)), place)
    if _has_training(step.layer) and (kwargs.get("training") is None or _is_overruled(step.layer)):
        kwargs["training"] = False
    try:
        made = _called(step, args, kwargs)
    except Exception as error:
        shapes = ", ".join(str(tuple(value.shape)) for value in step.inputs)
        name = f"'{step.call.layer}' of class {type(step.layer).__name__}"
        raise InputError(
            f"Layer {name} fails on {shapes} ({error_text(error)}).",
            "A model that runs on samples of the shapes that its inputs declare is expected.",
            "Call the model itself on the same samples to see where it stops.",
        ) from error
    flat: list[KerasTensor] = []
    map_values(made, flat.append)
    return [value for value in flat if value is not None]


def _called(step: CallStep, args: Argument, kwargs: Argument) -> KerasTensor:
    """What a layer returns; one of the user's own is left as it was, and draws the same each time."""
    layer = step.layer
    if not may_draw(layer) or not hasattr(layer, "weights") or getattr(layer, "stateful", False):
        return layer(*args, **kwargs)
    return with_same_draws(layer, lambda: unchanged_by(layer, lambda: layer(*args, **kwargs)))


def _has_training(layer: KerasLayer) -> bool:
    for name in ("_call_has_training_arg", "_expects_training_arg"):
        if hasattr(layer, name):
            return bool(getattr(layer, name))
    return "training" in inspect.signature(layer.call).parameters


def _is_overruled(layer: KerasLayer) -> bool:
    """Whether inference mode wins over the ``training=True`` that a layer was called with.

    In Keras 3 it does, and its augmentation layers note that argument unasked. In Keras 2 the call
    wins: right for a batch normalization, while noise (dropout) makes nothing comparable.
    """
    return is_keras3(layer) or not layer.weights
