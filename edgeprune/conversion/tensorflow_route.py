"""The first route: TensorFlow's own converter, and why it refuses a model, in terms of its layers."""

from __future__ import annotations

import re

import numpy as np

from edgeprune.conversion.converter_process import (
    ConverterSettings,
    configured,
    convert_in_worker,
    is_large,
    one_by_one,
)
from edgeprune.conversion.layer_error import layer_of
from edgeprune.conversion.tracing import TracedModel
from edgeprune.conversion.values import NEEDS_CALIBRATION, Io, Mode, Samples
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
    settings = ConverterSettings(mode, io, allow_flex, per_channel)
    arrays = None if calibration is None or mode not in NEEDS_CALIBRATION else _arrays(calibration, traced)
    with silence():
        import tensorflow as tf

        try:
            if is_large(traced):
                return convert_in_worker(traced, settings, arrays)
            converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.function], traced.module)
            samples = None if arrays is None else one_by_one(arrays)
            return bytes(configured(converter, settings, samples).convert())
        except InputError:
            raise
        except Exception as error:
            raise _refusal(error, traced, mode) from error


def _arrays(calibration: Samples, traced: TracedModel) -> dict[str, np.ndarray]:
    """Samples by the names of the inputs, in their types."""
    types = [spec.dtype.as_numpy_dtype for spec in traced.function.structured_input_signature[0]]
    return {
        name: np.ascontiguousarray(array, dtype=dtype)
        for name, array, dtype in zip(traced.inputs, calibration, types, strict=True)
    }


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
        f"LiteRT has no operator for {'; '.join(where)}.", "Only its built-in operators can be run.",
        f"{way_out}."
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
