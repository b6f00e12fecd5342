"""The ends of a model that a repair can fit to the outputs themselves.

(hidden Dense → activation → Dropout) → Dense → softmax, sigmoid or nothing → a model output
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edgeprune.graph.dependency_graph import DependencyGraph
    from edgeprune.graph.model_graph import Call, Layer, ModelGraph

LINKS = ("softmax", "sigmoid", "linear")
ACTIVATIONS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda h: np.maximum(h, 0),
    "linear": lambda h: h,
    "tanh": np.tanh,
    "sigmoid": lambda h: 0.5 * (1 + np.tanh(0.5 * h)),
    "elu": lambda h: np.where(h > 0, h, np.expm1(np.minimum(h, 0))),
    "swish": lambda h: h * 0.5 * (1 + np.tanh(0.5 * h)),
    "silu": lambda h: h * 0.5 * (1 + np.tanh(0.5 * h)),
    "softplus": lambda h: np.logaddexp(h, 0),
}


@dataclasses.dataclass(frozen=True)
class Head:
    """One end of a model; the numbers are indices into ``graph.calls``.

    Attributes:
        last: the Dense layer that makes the logits.
        output: which of the model's outputs it makes.
        link: from logits to outputs, one of `LINKS`.
        hidden: the Dense layer whose result is all that the last one reads; None where it is no
            such layer.
        activation: of the hidden layer, a name in `ACTIVATIONS`.
    """

    last: int
    output: int
    link: str
    hidden: int | None
    activation: str


def heads_of(dependencies: DependencyGraph) -> list[Head]:
    """Every output of a model that a Dense layer on vectors makes."""
    graph = dependencies.graph
    made_by = {tensor.index: number for number, call in enumerate(graph.calls) for tensor in call.outputs}
    heads = []
    for place, tensor in enumerate(graph.outputs):
        link, number = _through_activation(graph, made_by, made_by.get(tensor.index), last=True)
        if number is None or link not in LINKS or not _plain_dense(dependencies, number):
            continue
        below = made_by.get(graph.calls[number].inputs[0].index)
        while below is not None and _layer(graph, below).kind == "Dropout" and _read_once(graph, below):
            below = made_by.get(graph.calls[below].inputs[0].index)
        activation, hidden = _through_activation(graph, made_by, below, last=False)
        if hidden is None or activation not in ACTIVATIONS or not _plain_dense(dependencies, hidden):
            hidden, activation = None, "linear"
        heads.append(Head(number, place, link, hidden, activation))
    return heads


def _through_activation(
    graph: ModelGraph, made_by: Mapping[int, int], number: int | None, *, last: bool
) -> tuple[str, int | None]:
    """The activation that a Dense layer's result goes through, and the call of that layer."""
    found = "linear"
    while number is not None and (last or _read_once(graph, number)):
        layer = _layer(graph, number)
        own = _activation(layer)
        if own not in (None, "linear") and found != "linear":
            return found, None
        found = own if own not in (None, "linear") else found
        if layer.kind == "Dense":
            return found, number
        if own is None:
            return found, None
        number = made_by.get(graph.calls[number].inputs[0].index)
        last = False
    return found, None


def _activation(layer: Layer) -> str | None:
    """Of a Dense or an activation layer; None for other layers and for activations without a name."""
    if layer.kind in ("Dense", "Activation"):
        name = layer.config.get("activation") or "linear"
        return name if isinstance(name, str) else None
    if layer.kind == "Softmax":
        return "softmax" if layer.config.get("axis", -1) == -1 else None
    if layer.kind == "ReLU":
        plain = not (
            layer.config.get("negative_slope")
            or layer.config.get("threshold")
            or layer.config.get("max_value") is not None
        )
        return "relu" if plain else None
    return None


def _layer(graph: ModelGraph, number: int) -> Layer:
    return graph.layers[graph.calls[number].layer]


def _plain_dense(dependencies: DependencyGraph, number: int) -> bool:
    """Whether a Dense layer with a kernel, a bias and nothing else is called once, on vectors."""
    graph = dependencies.graph
    call: Call = graph.calls[number]
    shape = call.inputs[0].shape
    return (
        _layer(graph, number).kind == "Dense"
        and dependencies.flows[number].reads != ()  # LoRA and quantization bring weights that no rule knows
        and bool(_layer(graph, number).config.get("use_bias", True))
        and len(shape) == 2
        and sum(other.layer == call.layer for other in graph.calls) == 1
    )


def _read_once(graph: ModelGraph, number: int) -> bool:
    index = graph.calls[number].outputs[0].index
    users = sum(tensor.index == index for call in graph.calls for tensor in call.inputs)
    return users == 1 and not any(tensor.index == index for tensor in graph.outputs)
