"""Slices a `.tflite` file to smaller widths, in place of pruning and converting the Keras model.

How long a model takes depends on its shapes, not on its numbers. So a candidate for measuring is cut
out of the baseline's own file: the axes of all tensors that must have one size are found from the
operators, each class of axes is the group whose layers' kernels it holds, and

    conv2d/kernel [64, 3, 3, 32] → [48, 3, 3, 24]      bias [64] → [48]      output [1, 8, 8, 64] → […, 48]

A file with other operators, or groups that do not fit one class each, has no slicer: candidates are then
converted one by one.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeprune.conversion import flatfile
from edgeprune.conversion.layer_error import layer_of
from edgeprune.graph.dependency_graph import ChannelGroup

Axis = tuple[int, int]
"""Tensor number and axis."""

_SAME_SHAPE = frozenset({
    "QUANTIZE", "DEQUANTIZE", "RELU", "RELU6", "RELU_N1_TO_1", "LOGISTIC", "TANH", "HARD_SWISH", "GELU",
    "ELU", "LEAKY_RELU", "SOFTMAX", "PAD", "CAST", "EXP", "ABS", "RSQRT", "SQUARE", "SQRT", "NEG",
})  # fmt: skip
_BROADCAST = frozenset({"ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "PRELU", "SQUARED_DIFFERENCE"})
_POOL = frozenset({"AVERAGE_POOL_2D", "MAX_POOL_2D", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"})
_TYPES = {"FLOAT32": "<f4", "FLOAT16": "<f2", "INT8": "i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8"}


@dataclasses.dataclass(frozen=True)
class WidthSlicer:
    """A file that can be sliced.

    Attributes:
        axes: for each group, its tensors' axes and how often the group repeats along each.
        shapes: constants that hold a shape: tensor number to the number of the tensor it is of.
    """

    tflite: bytes
    axes: tuple[tuple[tuple[Axis, int], ...], ...]
    shapes: dict[int, int]

    def sliced(self, counts: Sequence[int] | np.ndarray) -> bytes:
        """The file with the first channels of each group, as many as `counts` says."""
        tree = flatfile.parse(self.tflite)
        graph = tree.subgraphs[0]
        cuts: dict[int, dict[int, np.ndarray]] = {}
        for places, count in zip(self.axes, counts, strict=True):
            for (tensor, axis), times in places:
                size = int(graph.tensors[tensor].shape[axis]) // times
                index = np.arange(size * times).reshape(times, size)[:, : int(count)].ravel()
                cuts.setdefault(tensor, {})[axis] = index
        for number, by_axis in cuts.items():
            _slice(tree, number, by_axis)
        for constant, described in self.shapes.items():
            flatfile.write_constant(tree, constant, np.asarray(graph.tensors[described].shape, "<i4"))
        return flatfile.pack(tree)


def width_slicer(tflite: bytes, groups: Sequence[ChannelGroup], layers: Sequence[str]) -> WidthSlicer | None:
    """How to slice a file, its tensors named as the converter named them; None where that cannot be done."""
    tree = flatfile.parse(tflite)
    if len(tree.subgraphs) != 1:
        return None
    ties = _AxisTies(tree)
    if not all(ties.read(op) for op in tree.subgraphs[0].operators):
        return None
    found = []
    for group in groups:
        names = {producer.split(":")[0] for producer in group.producers}
        kernels = [one for one in ties.kernels if layer_of(ties.name(one), layers) in names]
        roots = {ties.root((kernel, 0)) for kernel in kernels}
        if len(roots) != 1:
            return None
        places = ties.members(roots.pop())
        if {ties.size(axis) // times for axis, times in places} != {len(group.channels)}:
            return None
        found.append(places)
    taken = [axis for places in found for axis, _ in places]
    if len(taken) != len(set(taken)):
        return None
    return WidthSlicer(tflite, tuple(found), ties.shapes)


class _AxisTies:
    """Union-find over axes that must have the same size."""

    def __init__(self, tree: schema.ModelT) -> None:
        self._tree = tree
        self._graph = tree.subgraphs[0]
        self._names = [flatfile.operator_name(code) for code in tree.operatorCodes]
        self._parent: dict[Axis, Axis] = {}
        self._times: dict[Axis, tuple[Axis, int]] = {}
        self.kernels: list[int] = []
        self.shapes: dict[int, int] = {}

    def name(self, tensor: int) -> str:
        return str(self._graph.tensors[tensor].name.decode())

    def size(self, axis: Axis) -> int:
        return int(self._graph.tensors[axis[0]].shape[axis[1]])

    def root(self, axis: Axis) -> Axis:
        while (above := self._parent.get(axis, axis)) != axis:
            axis = above
        return axis

    def members(self, root: Axis) -> tuple[tuple[Axis, int], ...]:
        own = [(axis, 1) for axis in {*self._parent, *self._parent.values(), root} if self.root(axis) == root]
        wide = [(axis, times) for axis, (base, times) in self._times.items() if self.root(base) == root]
        return tuple(sorted({*own, *wide}))

    def _rank(self, tensor: int) -> int:
        return len(self._graph.tensors[tensor].shape)

    def _tie(self, one: Axis, other: Axis) -> bool:
        for a, b in ((one, other), (other, one)):
            if a in self._times:
                self._times[b] = self._times[a]
                return self.size(a) == self.size(b)
        if self.size(one) != self.size(other):
            return False
        self._parent[self.root(one)] = self.root(other)
        return True

    def read(self, op: schema.OperatorT) -> bool:
        """Ties the axes that an operator ties; False if the operator is not known."""
        name = self._names[op.opcodeIndex]
        inputs = [int(number) for number in op.inputs]
        output = int(op.outputs[0])
        if name in _SAME_SHAPE or name in _POOL:
            axes = range(self._rank(output)) if name not in _POOL | {"PAD"} else (self._rank(output) - 1,)
            return all(self._tie((inputs[0], axis), (output, axis)) for axis in axes)
        if name in _BROADCAST:
            return all(self._broadcast(number, output) for number in inputs)
        if name in ("CONV_2D", "FULLY_CONNECTED"):
            return self._linear(inputs, output)
        if name == "DEPTHWISE_CONV_2D":
            kernel = (inputs[1], 3)
            ends = [(inputs[0], 3), (output, 3), *((number, 0) for number in inputs[2:] if number >= 0)]
            return all(self._tie(kernel, end) for end in ends)
        if name in ("MEAN", "REDUCE_MAX", "SUM"):
            return self._reduce(inputs, output)
        return name == "RESHAPE" and self._reshape(inputs, output)

    def _linear(self, inputs: list[int], output: int) -> bool:
        data, kernel, *bias = inputs
        self.kernels.append(kernel)
        ends = [(output, self._rank(output) - 1), *((number, 0) for number in bias if number >= 0)]
        return self._tie((data, self._rank(data) - 1), (kernel, self._rank(kernel) - 1)) and all(
            self._tie((kernel, 0), end) for end in ends
        )

    def _broadcast(self, number: int, output: int) -> bool:
        shift = self._rank(output) - self._rank(number)
        axes = [axis for axis in range(self._rank(number)) if self.size((number, axis)) != 1]
        return all(self._tie((number, axis), (output, axis + shift)) for axis in axes)

    def _reduce(self, inputs: list[int], output: int) -> bool:
        rank = self._rank(inputs[0])
        data = self._tree.buffers[self._graph.tensors[inputs[1]].buffer].data
        if data is None:
            return False
        gone = {int(axis) % rank for axis in np.asarray(data, np.uint8).view("<i4")}
        left = [axis for axis in range(rank) if axis not in gone]
        places = left if self._rank(output) == rank else list(range(len(left)))
        return all(self._tie((inputs[0], one), (output, end)) for one, end in zip(left, places, strict=True))

    def _reshape(self, inputs: list[int], output: int) -> bool:
        """Keeps the last axis, or flattens: channels are the fastest either way."""
        last_in, last_out = (inputs[0], self._rank(inputs[0]) - 1), (output, self._rank(output) - 1)
        if len(inputs) > 1:
            self.shapes[inputs[1]] = output
        size, wide = self.size(last_in), self.size(last_out)
        if wide == size:
            return self._tie(last_in, last_out)
        if wide % size or last_in in self._times:
            return wide < size  # a new axis of channels: nothing before it can be narrowed, which groups show
        self._times[last_out] = (last_in, wide // size)
        self._parent.setdefault(last_in, self.root(last_in))
        return True


def _slice(tree: schema.ModelT, number: int, by_axis: dict[int, np.ndarray]) -> None:
    tensor = tree.subgraphs[0].tensors[number]
    old = tuple(int(size) for size in tensor.shape)
    data = tree.buffers[tensor.buffer].data if tensor.buffer else None
    if data is not None and len(data):
        names = {value: name for name, value in vars(schema.TensorType).items() if name.isupper()}
        array: np.ndarray = np.asarray(data, np.uint8).view(_TYPES[names[tensor.type]]).reshape(old)
        for axis, index in by_axis.items():
            array = np.asarray(np.take(array, index, axis))
        flatfile.write_constant(tree, number, array)
    scales = tensor.quantization
    if scales is not None and scales.scale is not None and len(scales.scale) > 1:
        kept = by_axis.get(int(scales.quantizedDimension))
        if kept is not None:
            scales.scale = np.asarray(scales.scale)[kept]
            scales.zeroPoint = np.asarray(scales.zeroPoint)[kept]
    new = [len(by_axis[axis]) if axis in by_axis else size for axis, size in enumerate(old)]
    tensor.shape = np.array(new, "<i4")
    if tensor.shapeSignature is not None:
        tensor.shapeSignature = tensor.shape
