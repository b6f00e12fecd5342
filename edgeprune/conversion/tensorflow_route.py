"""The first route: TensorFlow's own converter, and why it refuses a model, in terms of its layers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np

from edgeprune.conversion.layer_error import layer_of
from edgeprune.conversion.tracing import TracedModel
from edgeprune.conversion.values import Io, Mode, Samples
from edgeprune.errors import InputError, UnsupportedLayerError
from edgeprune.keras_bridge.silence import silence


def convert_traced(
    traced: TracedModel, mode: Mode, calibration: Samples | None, io: Io, *, allow_flex: bool = False,
    per_channel: bool = True,
) -> bytes:
    """Runs the converter; the options are those of `edgeprune.conversion.convert`.

    Raises:
        UnsupportedLayerError: a layer needs an operator that LiteRT does not have.
        InputError: the converter refuses the model; its reason is in the message.
    """
    with silence():
        import tensorflow as tf

        sets = tf.lite.OpsSet
        special = {
            "int8": [sets.TFLITE_BUILTINS_INT8],
            "int16x8": [sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8],
        }
        flex = [sets.SELECT_TF_OPS] if allow_flex else []
        converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.function], traced.module)
        converter.target_spec.supported_ops = [*special.get(mode, []), sets.TFLITE_BUILTINS, *flex]
        # The converter has no public name for it.
        converter._experimental_disable_per_channel = not per_channel  # noqa: SLF001
        if mode != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if mode == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if calibration is not None and mode in ("int8", "int16x8"):
            converter.representative_dataset = _dataset(calibration, traced)
            kind = {"float": tf.float32, "int8": tf.int16 if mode == "int16x8" else tf.int8}[io]
            converter.inference_input_type = converter.inference_output_type = kind
        try:
            return bytes(converter.convert())
        except Exception as error:
            raise _refusal(error, traced, mode) from error


def _dataset(calibration: Samples, traced: TracedModel) -> Callable[[], Iterator[dict[str, np.ndarray]]]:
    """One sample at a time, as the batch is 1, by the names of the inputs: their order is not kept."""
    types = [spec.dtype.as_numpy_dtype for spec in traced.function.structured_input_signature[0]]
    arrays = {
        name: np.ascontiguousarray(array, dtype=dtype)
        for name, array, dtype in zip(traced.inputs, calibration, types, strict=True)
    }

    def samples() -> Iterator[dict[str, np.ndarray]]:
        for i in range(len(calibration[0])):
            yield {name: array[i : i + 1] for name, array in arrays.items()}

    return samples


def _refusal(error: Exception, traced: TracedModel, mode: Mode) -> InputError:
    """The error to raise, which names the layers of the operators that are missing.

    The converter lists them as ``Flex ops: FlexErf`` or ``Custom ops: Igamma``, or complains of one after
    the other: ``'tf.Erf' op is neither a custom op nor a flex op``.
    """
    text = str(error)
    flex, custom = _listed("Flex", text), _listed("Custom", text)
    if not flex and not custom:
        named = set(re.findall(r"'tf\.(\w+)' op is neither a custom op nor a flex op", text))
        (flex if "ERROR_NEEDS_FLEX_OPS" in text else custom).extend(sorted(named))
    missing = [*flex, *custom]
    if not missing:
        return InputError(
            f"TensorFlow's converter refuses this model: {' '.join(text.split())[:600]}",
            f"A model that can be converted in mode {mode!r}.",
            "Try --quantize dynamic, which needs no calibration.",
        )
    where = [f"{op} in layer {_layers_with(op, traced) or '(unknown)'}" for op in missing]
    way_out = "Write the layer with other operations"
    if len(flex) == len(missing):
        way_out += (
            ", or let TensorFlow's in with allow_flex: the app then needs the Select-TF runtime, about 10 MB "
            "more, and nothing here can run and verify the file"
        )
    return UnsupportedLayerError(
        f"LiteRT has no operator for {'; '.join(where)}.", "Its built-in operators only.", f"{way_out}."
    )


def _listed(kind: str, text: str) -> list[str]:
    found = re.search(rf"^{kind} ops: (.+)$", text, re.MULTILINE)
    return [] if found is None else [name.strip().removeprefix("Flex") for name in found.group(1).split(",")]


def _layers_with(op: str, traced: TracedModel) -> str:
    definition = traced.function.graph.as_graph_def()
    nodes = list(definition.node)
    for body in definition.library.function:
        nodes += body.node_def
    found = {layer_of(node.name, traced.layers) for node in nodes if node.op == op}
    return ", ".join(map(repr, sorted(found)))
