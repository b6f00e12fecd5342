"""Why the converter refuses a model, in terms of the model's layers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tensorflow.types.experimental import ConcreteFunction

from edgeprune.conversion.layer_error import layer_of
from edgeprune.errors import InputError, UnsupportedLayerError


def refusal(error: Exception, function: ConcreteFunction, layers: Sequence[str], mode: str) -> InputError:
    """The error to raise.

    Args:
        error: the converter's own; it lists operators as ``Flex ops: FlexErf`` or ``Custom ops: Igamma``,
            or complains of one after the other: ``'tf.Erf' op is neither a custom op nor a flex op``.
        function: the traced model, whose nodes tell which layer has such an operator.
        layers: names of the Keras layers.
        mode: what was asked for.
    """
    text = str(error)
    flex, custom = _listed("Flex", text), _listed("Custom", text)
    if not flex and not custom:
        (flex if "ERROR_NEEDS_FLEX_OPS" in text else custom).extend(_complained_of(text))
    missing = [*flex, *custom]
    if not missing:
        return InputError(
            f"TensorFlow's converter refuses this model: {' '.join(text.split())[:600]}",
            f"A model that can be converted in mode {mode!r}.",
            "Try --quantize dynamic, which needs no calibration.",
        )
    where = [f"{op} in layer {_layers_with(op, function, layers) or '(unknown)'}" for op in missing]
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


def _complained_of(text: str) -> list[str]:
    return sorted(set(re.findall(r"'tf\.(\w+)' op is neither a custom op nor a flex op", text)))


def _layers_with(op: str, function: ConcreteFunction, layers: Sequence[str]) -> str:
    definition = function.graph.as_graph_def()
    nodes = list(definition.node)
    for body in definition.library.function:
        nodes += body.node_def
    found = {layer_of(node.name, layers) for node in nodes if node.op == op}
    return ", ".join(map(repr, sorted(found)))
