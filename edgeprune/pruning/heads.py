"""The output heads: the ends of a model that can be fitted to the outputs themselves.

(hidden Dense → activation, Dropout) → Dense → softmax, sigmoid or nothing → a model output

They are tuned once all layers of the compacted model have been refitted; the arithmetic is in
`edgeprune.pruning.head_fit`. Where the hidden layer was fitted to few samples, its left-out predictions
stand in for its results: they err as the layer will on new samples, and the layer behind it should be
fitted to that.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune.graph import DependencyGraph, ModelGraph
from edgeprune.layers import rule_for
from edgeprune.layers.activation import NUMPY_ACTIVATIONS
from edgeprune.pruning.head_fit import MOST_FEATURES, HeadSamples, fit_head
from edgeprune.pruning.kernel_reads import KernelRead, kernel_reads
from edgeprune.pruning.least_squares import Fit
from edgeprune.pruning.network_pair import NetworkPair
from edgeprune.pruning.output_link import OutputLink

LINKS = ("softmax", "sigmoid", "linear")
MOST_SAMPLES = 2048


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
    while number is not None and (last or graph.only_consumer(graph.calls[number]) is not None):
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


def tune_heads(
    pair: NetworkPair, reference: Sequence[np.ndarray], inputs: Mapping[int, np.ndarray],
    wide: Mapping[int, Fit],
) -> int:
    """Fits every head of the pruned network, in place, once all its layers are refitted; how many changed.

    Args:
        reference: the original's outputs on the calibration samples.
        inputs: by `Head.input_call`, what the pruned network feeds the heads' layers.
        wide: by call of a hidden layer, the fit of *all* channels of the original, removed or not, to
            what the pruned network feeds the layer.
    """
    done = 0
    for head in heads_of(pair.dependencies):
        wanted = reference[head.output]
        order = np.random.default_rng(pair.seed).permutation(len(wanted))[:MOST_SAMPLES]
        x = np.asarray(inputs[head.input_call][order], np.float64)
        done += _tune(pair, head, np.asarray(wanted, np.float64)[order], x, wide, order)
    return done


def _tune(
    pair: NetworkPair, head: Head, p: np.ndarray, x: np.ndarray, wide: Mapping[int, Fit], order: np.ndarray
) -> bool:
    graph = pair.dependencies.graph
    last = graph.calls[head.last].layer
    kernel, bias = (array.astype(np.float64) for array in pair.pruned.weights(last))
    scale = max(float(p.var(axis=0).mean()), 1e-12) if head.link == "linear" else 1.0
    link = OutputLink(head.link, scale)
    if head.hidden is None:
        end = unseen = HeadSamples(p, x, None, NUMPY_ACTIVATIONS["linear"], link)
        basis = channels = None
    else:
        read = next(read for read in kernel_reads(pair.dependencies) if read.call == head.hidden)
        channels = wide[head.hidden] if head.hidden in wide else _original(pair, read)
        kept, activation = read.columns_kept(pair.keep), NUMPY_ACTIVATIONS[head.activation]
        seen = channels.predict(x)
        basis = _basis(seen)
        end = HeadSamples(p, seen[:, kept], basis.predict(seen), activation, link)
        left_out = seen if channels.left_out is None else channels.left_out[order]
        unseen = HeadSamples(p, left_out[:, kept], basis.predict(left_out), activation, link)
    fit = fit_head(end, unseen, kernel, bias, seed=pair.seed)
    if fit is None:
        return False
    matrix, constant = fit.matrix, fit.constant
    if head.link == "softmax":
        # Softmax does not see what all logits share, so nothing in the fit held it; int8 would.
        matrix = matrix - (matrix - kernel).mean(axis=1, keepdims=True)
        constant = constant - (constant - bias).mean()
    pair.pruned.replace(last, {0: matrix.astype(np.float32), 1: constant.astype(np.float32)})
    if head.hidden is not None and channels is not None and basis is not None:
        layer = graph.calls[head.hidden].layer
        kernel, bias = pair.pruned.weights(layer)
        correction = basis.matrix @ fit.correction
        kernel = kernel + channels.matrix @ correction
        bias = bias + channels.constant @ correction + basis.constant @ fit.correction
        pair.pruned.replace(layer, {0: kernel.astype(np.float32), 1: bias.astype(np.float32)})
    return True


def _original(pair: NetworkPair, read: KernelRead) -> Fit:
    """From what the pruned network feeds a hidden layer to every channel that the original's has."""
    kernel, bias = pair.original.weights(read.layer)
    return Fit(kernel[read.rows_kept(pair.keep)].astype(np.float64), bias.astype(np.float64))


def _basis(channels: np.ndarray) -> Fit:
    """Features of channels (n, U): they themselves, or the directions in which many vary most; and a 1."""
    size = channels.shape[1]
    matrix = np.eye(size)
    if size > MOST_FEATURES:
        centred = channels - channels.mean(axis=0)
        _, vectors = np.linalg.eigh(centred @ centred.T)
        matrix = centred.T @ vectors[:, -MOST_FEATURES:]
        matrix /= np.linalg.norm(matrix, axis=0) + 1e-12
    constant = np.append(-(channels.mean(axis=0) @ matrix), 1.0)
    return Fit(np.concatenate([matrix, np.zeros((size, 1))], axis=1), constant)
