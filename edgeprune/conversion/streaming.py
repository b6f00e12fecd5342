"""`--streaming`: a file that takes one step a call and hands its state on.

    whole model   (1, T, …) -> outputs
    cell          (1, 1, …), states -> outputs as of this step, states     all states start at 0

    layer                          state
    ---------------------------    ----------------------------------------------------------
    LSTM, GRU, SimpleRNN           its own
    Conv1D, Depthwise-, Separable- the steps before this one that its kernel reads
    GlobalAveragePooling1D         the sum and the number of steps
    GlobalMaxPooling1D             the largest values and whether there are any

A layer that computes each step by itself runs as it is, and so does all that comes when time is gone: it
tells what the whole model would tell if the sequence ended here. After T steps the cell has computed what
the model computes of those T. Steps that a mask leaves out are left out by the caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgeprune.conversion.convert import converted_file
from edgeprune.conversion.streaming_layers import NEEDS, CellStates, Stream, Value, layer_step
from edgeprune.conversion.tensorflow_route import convert_traced
from edgeprune.conversion.tracing import TracedModel
from edgeprune.conversion.values import Converted, Mode
from edgeprune.errors import InputError
from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.keras_version import is_keras3
from edgeprune.keras_bridge.nodes import Identity
from edgeprune.keras_bridge.silence import silence
from edgeprune.keras_types import KerasModel, KerasNode, KerasTensor

STEP, STATE, NEXT = "step", "state_{}", "next_state_{}"
"""Names of the file's inputs, and of its outputs after those of the model."""
_MODES: Mapping[Mode, Mode] = {"int8": "dynamic", "int16x8": "dynamic"}
"""States stay float: in int8 their errors would add up from step to step."""
_LEAVE = "Leave --streaming out."


def streaming_file(model: KerasModel, mode: Mode) -> Converted:
    """The cell of a model of either Keras, as a `.tflite` with float states; weights are as `mode` says.

    Raises:
        InputError: a layer needs later steps, or all of them at once.
    """
    import tensorflow as tf

    way = _MODES.get(mode, mode)
    with silence():
        shapes = _shapes(model)
        names = (STEP, *(STATE.format(number) for number in range(len(shapes))))
        several = len(model.outputs) > 1
        ends = tuple(f"output_{number}" if several else "output" for number in range(len(model.outputs)))
        ends += tuple(NEXT.format(number) for number in range(len(shapes)))
        specs = [tf.TensorSpec(_step_shape(model), model.inputs[0].dtype, STEP)]
        specs += [
            tf.TensorSpec(shape, tf.float32, name) for shape, name in zip(shapes, names[1:], strict=True)
        ]

        def serve(step: KerasTensor, *given: KerasTensor) -> dict[str, KerasTensor]:
            states = CellStates(given)
            found = [*_outputs(model, step, states), *states.after]
            return dict(zip(ends, map(tf.identity, found), strict=True))

        module = tf.Module()
        module.weights = [one.value if is_keras3(one) else one for one in model.variables]
        module.serve = tf.function(serve, autograph=False)
        traced = TracedModel(module, module.serve.get_concrete_function(*specs), names, ends)
    return converted_file(convert_traced(traced, way, None, "float"), way, "tensorflow", names, ends)


def _step_shape(model: KerasModel) -> tuple[int, ...]:
    return (1, 1, *(int(size) for size in tuple(model.inputs[0].shape)[2:]))


def _shapes(model: KerasModel) -> list[tuple[int, ...]]:
    """The shapes of all states."""
    import tensorflow as tf

    given = [tuple(one.shape) for one in model.inputs]
    if len(given) != 1 or len(given[0]) == 1 or None in given[0][2:]:
        raise InputError(
            f"The model has the input{'s' if len(given) > 1 else ''} {', '.join(map(str, given))}.",
            "--streaming expects one input (batch, time, ...), with fixed sizes after time.", _LEAVE,
        )
    states = CellStates()
    _outputs(model, tf.zeros(_step_shape(model), model.inputs[0].dtype), states)
    if not states.shapes:
        raise InputError(
            f"Model '{model.name}' keeps nothing from one step of time to the next.",
            "--streaming expects recurrent layers, or convolutions or means over time.", _LEAVE,
        )
    return states.shapes


def _outputs(model: KerasModel, step: KerasTensor, states: CellStates) -> list[KerasTensor]:
    """The model's outputs as of one step."""
    found = _walked(model, [Stream(step)], states)
    padded = [one.padding for one in found if isinstance(one, Stream) and one.padding]
    if padded:
        raise InputError(f"The model's output has {padded[0]} steps more than its input.", NEEDS, _LEAVE)
    return [one.value if isinstance(one, Stream) else one for one in found]


def _walked(model: KerasModel, given: Sequence[Value], states: CellStates) -> list[Value]:
    """The outputs of a functional or sequential model for one step."""
    inner = nodes.functional_part(model)
    values: dict[Identity, Value] = dict(zip(map(Identity, inner.inputs), given, strict=True))
    for node in nodes.nodes_in_order(inner):
        if nodes.is_input_node(node):
            continue
        layer = nodes.operation_of(node)
        taken = [values[Identity(one)] for one in nodes.tensors_in(nodes.arguments_of(node))]
        if nodes.is_graph_model(layer):
            made = _walked(layer, taken, states)
        elif any(isinstance(one, Stream) for one in taken):
            made = layer_step(layer, taken, lambda: _called(node, values), states)  # noqa: B023 - at once
        else:
            made = list(_called(node, values))
        values.update(zip(map(Identity, nodes.outputs_of(node)), made, strict=True))
    return [values[Identity(one)] for one in inner.outputs]


def _called(node: KerasNode, values: Mapping[Identity, Value]) -> list[KerasTensor]:
    """What a layer makes of its inputs as they are."""
    import tensorflow as tf

    def new(symbol: KerasTensor) -> KerasTensor:
        value = values[Identity(symbol)]
        return value.value if isinstance(value, Stream) else value

    args, kwargs = nodes.map_tensors(nodes.arguments_of(node), new)
    return list(tf.nest.flatten(nodes.operation_of(node)(*args, **kwargs)))
