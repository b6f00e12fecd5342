"""The output heads: the ends of a model that can be fitted to the outputs themselves.

(hidden Dense → activation, Dropout) → Dense → softmax, sigmoid or nothing → a model output
"""

import dataclasses
from collections.abc import Mapping

from edgeprune.graph import DependencyGraph, ModelGraph
from edgeprune.layers import rule_for
from edgeprune.layers.activation import NUMPY_ACTIVATIONS

LINKS = ("softmax", "sigmoid", "linear")


@dataclasses.dataclass(frozen=True)
class Head:
    """One end of a model.

    Attributes:
        last: the call that makes the logits.
        output: which of the model's outputs it makes.
        link: from logits to outputs, one of `LINKS`.
        hidden: the call whose result is all that the last one reads, if its layer is such a layer too.
        activation: of the hidden layer, a name in `NUMPY_ACTIVATIONS`.
    """

    last: int
    output: int
    link: str
    hidden: int | None
    activation: str

    @property
    def input_call(self) -> int:
        """The call whose input decides all that a head's fit can use."""
        return self.last if self.hidden is None else self.hidden


def heads_of(dependencies: DependencyGraph) -> list[Head]:
    """A head for each output that a layer f(x·W + b) on vectors makes."""
    graph = dependencies.graph
    made_by = {tensor.index: number for number, call in enumerate(graph.calls) for tensor in call.outputs}
    heads = []
    for place, tensor in enumerate(graph.outputs):
        link, number = _through_activation(graph, made_by, made_by.get(tensor.index), last=True)
        if number is None or link not in LINKS or not _is_plain(dependencies, number):
            continue
        below = made_by.get(graph.calls[number].inputs[0].index)
        activation, hidden = _through_activation(graph, made_by, below, last=False)
        if hidden is None or activation not in NUMPY_ACTIVATIONS or not _is_plain(dependencies, hidden):
            hidden, activation = None, "linear"
        heads.append(Head(number, place, link, hidden, activation))
    return heads


def _through_activation(
    graph: ModelGraph, made_by: Mapping[int, int], number: int | None, *, last: bool
) -> tuple[str, int | None]:
    """The one activation behind a layer with weights, and that layer's call; None for two activations."""
    found = "linear"
    while number is not None and (last or _read_once(graph, number)):
        layer = graph.layers[graph.calls[number].layer]
        own = rule_for(layer).activation(layer)
        if own is None or (own != "linear" and found != "linear"):
            return found, None
        found = found if own == "linear" else own
        if layer.weight_shapes:
            return found, number
        number = made_by.get(graph.calls[number].inputs[0].index)
        last = False
    return found, None


def _is_plain(dependencies: DependencyGraph, number: int) -> bool:
    """Whether a layer computes f(x·W + b) of vectors, with the weights W and b alone, and is called once."""
    call, reads = dependencies.graph.calls[number], dependencies.flows[number].reads
    return (
        len(reads) == 1  # LoRA and quantization bring weights that no rule knows: no reads
        and (reads[0].kernel, reads[0].bias, reads[0].rows) == (0, 1, (0,))
        and reads[0].hidden is None
        and [len(shape) for shape in dependencies.graph.layers[call.layer].weight_shapes] == [2, 1]
        and len(call.inputs[0].shape) == 2
        and sum(other.layer == call.layer for other in dependencies.graph.calls) == 1
    )


def _read_once(graph: ModelGraph, number: int) -> bool:
    index = graph.calls[number].outputs[0].index
    users = sum(tensor.index == index for call in graph.calls for tensor in call.inputs)
    return users == 1 and not any(tensor.index == index for tensor in graph.outputs)
