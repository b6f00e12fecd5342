"""Runs a model call by call on real data, so that what goes into each layer can be watched.

    for step in run(reading, images):           # before the call; the layer runs when the loop goes on
        step.arrays, step.masks

A model and its stripped copy make the same calls in the same order, so ``zip(run(original, x),
run(copy, x))`` shows both sides of each layer, and weights set on the copy's layer inside the loop
count for everything after it. Eager, in inference mode, Keras masks carried along.

A stateful layer has a fixed batch: it is called on that many samples at a time, always from a state
of zeros; the last batch is filled up.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.graph.model_graph import Tensor
from edgeprune.keras_bridge.feed import Data, feed
from edgeprune.keras_bridge.flavour import is_keras3
from edgeprune.keras_bridge.read import in_order, is_input_node, map_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from edgeprune.graph.model_graph import Call
    from edgeprune.keras_bridge.read import Reading

@dataclasses.dataclass(frozen=True)
class Step:
    """A call about to be made.

    Attributes:
        number: index into ``reading.graph.calls``.
        call: the call.
        layer: the Keras layer or operation.
        inputs: the values of ``call.inputs``, framework tensors; `arrays` gives them as numpy.
    """

    number: int
    call: Call
    layer: Any
    inputs: tuple[Any, ...]

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


def run(
    reading: Reading,
    data: Data,
    around: Callable[[Step, Callable[[], list[Any]]], list[Any]] | None = None,
    results: list[Any] | None = None,
) -> Iterator[Step]:
    """Runs the model, stopping before every call.

    Args:
        reading: the model.
        data: see `Data`; (N, …) each.
        around: called in place of each layer with the step and a function that runs the layer;
            returns the flat list of outputs.
        results: filled with the model's outputs when the loop is over.

    Yields:
        One step for each call but those of the model's inputs. Values are freed after their last use.
    """
    graph = reading.graph
    left = collections.Counter(tensor.index for call in graph.calls for tensor in call.inputs)
    left.update(tensor.index for tensor in graph.outputs)
    values = feed(reading, data)
    for number, call in enumerate(graph.calls):
        if is_input_node(call.key) and not call.inputs:
            continue
        inputs = tuple(values[tensor.index] for tensor in call.inputs)
        step = Step(number, call, reading.layers[call.layer], inputs)
        yield step
        compute = functools.partial(_computed, step, values, graph.inputs[0].shape[0])
        outputs = compute() if around is None else around(step, compute)
        for tensor in call.inputs:
            left[tensor.index] -= 1
            if not left[tensor.index]:
                values.pop(tensor.index, None)
        values.update(
            (tensor.index, value)
            for tensor, value in zip(call.outputs, outputs, strict=True)
            if left[tensor.index]
        )
        del step, inputs, outputs
    if results is not None:
        results.extend(values[tensor.index] for tensor in graph.outputs)


def predict(reading: Reading, data: Data) -> list[np.ndarray]:
    """The model's outputs, one array each, computed call by call."""
    results: list[Any] = []
    collections.deque(run(reading, data, results=results), maxlen=0)
    return [np.asarray(value) for value in results]


def replace_weights(reading: Reading, layer: str, arrays: Mapping[int, np.ndarray]) -> None:
    """Sets some of a layer's weights, by their index in ``get_weights``; the others stay."""
    target = reading.layers[layer]
    weights = target.get_weights()
    for index, array in arrays.items():
        weights[index] = array
    target.set_weights(weights)


def _computed(step: Step, values: Mapping[int, Any], batch: int | None) -> list[Any]:
    """A call's outputs; of a stateful layer, batch by batch."""
    if batch is None or not getattr(step.layer, "stateful", False):
        return _outputs(step, values)
    places = [tensor.index for tensor in step.call.inputs if tensor.shape[:1] == (batch,)]
    samples = max((int(values[place].shape[0]) for place in places), default=batch)
    parts = []
    for start in range(0, samples, batch):
        index = np.arange(start, start + batch) % samples
        forget(step.layer)
        parts.append(_outputs(step, {**values, **{place: _rows(values[place], index) for place in places}}))
    forget(step.layer)
    return [
        _joined(several, samples) if tensor.shape[:1] == (batch,) else several[0]
        for tensor, several in zip(step.call.outputs, zip(*parts, strict=True), strict=True)
    ]


def _rows(value: Any, index: np.ndarray) -> Any:
    """Some samples of a tensor, with their Keras mask."""
    import tensorflow as tf

    mask = getattr(value, "_keras_mask", None)
    return with_mask(tf.gather(value, index), None if mask is None else tf.gather(mask, index))


def _joined(parts: Sequence[Any], samples: int) -> Any:
    """The first so many samples of several batches, with their Keras masks."""
    import tensorflow as tf

    masks = [getattr(part, "_keras_mask", None) for part in parts]
    mask = None if masks[0] is None else tf.concat(masks, 0)[:samples]
    return with_mask(tf.concat(parts, 0)[:samples], mask)


def with_mask(value: Any, mask: Any) -> Any:
    """A tensor that carries a Keras mask; None: as it is."""
    if mask is not None:
        value._keras_mask = mask  # noqa: SLF001 - where both Kerases keep it
    return value


def forget(layer: Any) -> None:
    """Sets a stateful layer's state to zero; the two Kerases spell it differently."""
    if getattr(layer, "stateful", False):
        (layer.reset_states if hasattr(layer, "reset_states") else layer.reset_state)()


def _outputs(step: Step, values: Mapping[int, Any]) -> list[Any]:
    """Calls the layer; its outputs as a flat list. A nested model's input passes its value on."""
    if is_input_node(step.call.key):
        return list(step.inputs)

    def place(value: Any) -> Any:
        return values[value.index] if isinstance(value, Tensor) else value

    args, kwargs = map_values((step.call.args, dict(step.call.kwargs)), place)
    if _has_training(step.layer) and (kwargs.get("training") is None or _is_overruled(step.layer)):
        kwargs["training"] = False
    made = step.layer(*args, **kwargs)
    flat: list[Any] = []
    _flatten(made, flat)
    return flat


def _has_training(layer: Any) -> bool:
    for name in ("_call_has_training_arg", "_expects_training_arg"):
        if hasattr(layer, name):
            return bool(getattr(layer, name))
    return "training" in inspect.signature(layer.call).parameters


def _is_overruled(layer: Any) -> bool:
    """Whether inference mode wins over the ``training=True`` that a layer was called with.

    In Keras 3 it does, and its augmentation layers note that argument unasked. In Keras 2 the call
    wins: right for a batch normalization, while noise (dropout) makes nothing comparable.
    """
    return is_keras3(layer) or not layer.weights


def _flatten(value: Any, found: list[Any]) -> None:
    if isinstance(value, (list, tuple)):
        for item in value:
            _flatten(item, found)
    elif isinstance(value, dict):
        for key in in_order(value):
            _flatten(value[key], found)
    elif value is not None:
        found.append(value)
