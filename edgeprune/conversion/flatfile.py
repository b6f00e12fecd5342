"""The object tree of a `.tflite` file: reading, changing and writing it.

The converter names tensors ``serving_default_image:0`` and ``StatefulPartitionedCall:1``, orders
outputs by the alphabet and leaves its own settings inside. An app reads inputs and outputs by
their position, so the file gets the Keras model's order and names.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Mapping, Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeprune.types import TensorInfo

_CONVERSION_SETTINGS = b"CONVERSION_METADATA"


def parse(tflite: bytes) -> schema.ModelT:
    """The file as the schema's mutable object tree, all data inside.

    ai-edge-quantizer puts the data of larger models behind the FlatBuffer, where the tree tells its place.
    """
    tree = schema.ModelT.InitFromPackedBuf(tflite, 0)
    for buffer in tree.buffers:
        if buffer.offset > 1:
            buffer.data = np.frombuffer(tflite, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return tree


def pack(tree: schema.ModelT) -> bytes:
    """The file of an object tree, without data nobody refers to; equal trees give equal bytes."""
    _drop_unused_buffers(tree)
    builder = _AlignedBuilder(1 << 20)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class _AlignedBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """Keeps the schema's ``force_align: 16`` of constants, which the Python code leaves out.

    Kernels read constants in place; without it int32 biases lie at odd addresses.
    """

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> object:  # noqa: N802, N803
        return super().StartVector(elemSize, numElems, 16 if elemSize == 1 else alignment)


def rename_and_order(tree: schema.ModelT, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Gives the inputs and outputs of the main subgraph their signature names, in this order, in place."""
    graph, signature = tree.subgraphs[0], tree.signatureDefs[0]
    graph.inputs = _renamed(graph, signature.inputs, inputs)
    graph.outputs = _renamed(graph, signature.outputs, outputs)
    signature.inputs.sort(key=lambda entry: inputs.index(entry.name.decode()))
    signature.outputs.sort(key=lambda entry: outputs.index(entry.name.decode()))
    tree.metadata = [entry for entry in tree.metadata or [] if entry.name != _CONVERSION_SETTINGS]
    tree.description = b"edgeprune"


def _renamed(
    graph: schema.SubGraphT, entries: Sequence[schema.TensorMapT], names: Sequence[str]
) -> np.ndarray:
    index_of = {entry.name.decode(): entry.tensorIndex for entry in entries}
    for name, index in index_of.items():
        graph.tensors[index].name = name.encode()
    return np.array([index_of[name] for name in names], dtype=np.int32)


def shorten_names(tree: schema.ModelT, layer_of: Callable[[str], str]) -> None:
    """Gives inner tensors the name of their layer, in place, for profilers; the converter's are long."""
    for graph in tree.subgraphs:
        ends = {int(index) for index in (*graph.inputs, *graph.outputs)}
        for index, tensor in enumerate(graph.tensors):
            if index not in ends:
                is_data = tensor.buffer != 0 and tree.buffers[tensor.buffer].data is not None
                tensor.name = b"" if is_data else layer_of(tensor.name.decode()).encode()


def _drop_unused_buffers(tree: schema.ModelT) -> None:
    """Keeps one buffer of equal ones; number 0 stands for no data."""
    holders = [tensor for graph in tree.subgraphs for tensor in graph.tensors] + list(tree.metadata or [])
    kept, number_of, by_data = [tree.buffers[0]], {0: 0}, {}
    for holder in holders:
        if holder.buffer not in number_of:
            data = tree.buffers[holder.buffer].data
            key = None if data is None or len(data) == 0 else bytes(data)
            if key is None or key not in by_data:
                by_data[key] = len(kept)
                kept.append(tree.buffers[holder.buffer])
            number_of[holder.buffer] = by_data[key]
        holder.buffer = number_of[holder.buffer]
    tree.buffers = kept


def add_buffer(tree: schema.ModelT, data: bytes) -> int:
    """Adds constant data; returns its number, for a tensor or an entry of the metadata."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(data, np.uint8)
    tree.buffers = [*tree.buffers, buffer]
    return len(tree.buffers) - 1


def new_operator(
    tree: schema.ModelT, name: str, version: int, options: str, inputs: Iterable[int], outputs: Iterable[int]
) -> schema.OperatorT:
    """An operator, still to be placed into a subgraph, with the defaults of the schema's table `options`."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
    code.version = version
    tree.operatorCodes = [*tree.operatorCodes, code]
    operator = schema.OperatorT()
    operator.opcodeIndex = len(tree.operatorCodes) - 1
    operator.inputs, operator.outputs = np.array([*inputs], np.int32), np.array([*outputs], np.int32)
    operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
    operator.builtinOptions = getattr(schema, f"{options}T")()
    return operator


def tensor_infos(tree: schema.ModelT) -> tuple[tuple[TensorInfo, ...], tuple[TensorInfo, ...]]:
    """Inputs and outputs of the main subgraph, in the file's order and by their own names.

    A tensor that is both input and output has one name of its own; it goes by those of the signature.
    """
    graph = tree.subgraphs[0]
    signature = tree.signatureDefs[0] if tree.signatureDefs else None
    both = set(map(int, graph.inputs)) & set(map(int, graph.outputs))

    def infos(indices: np.ndarray, entries: Sequence[schema.TensorMapT] | None) -> tuple[TensorInfo, ...]:
        given = {entry.tensorIndex: entry.name.decode() for entry in entries or []}
        names = {index: name for index, name in given.items() if index in both}
        tensors = [(graph.tensors[index], names.get(int(index))) for index in indices]
        return tuple(_info(tensor, name or tensor.name.decode()) for tensor, name in tensors)

    inputs, outputs = (signature.inputs, signature.outputs) if signature else (None, None)
    return infos(graph.inputs, inputs), infos(graph.outputs, outputs)


def _info(tensor: schema.TensorT, name: str) -> TensorInfo:
    quantization = tensor.quantization
    scaled = quantization is not None and quantization.scale is not None and len(quantization.scale) == 1
    dtype = enum_names(schema.TensorType)[tensor.type].lower()
    return TensorInfo(
        name=name, shape=tuple(int(size) for size in tensor.shape), dtype=dtype,
        scale=float(quantization.scale[0]) if scaled else 0.0,
        zero_point=int(quantization.zeroPoint[0]) if scaled else 0,
    )


def named_operators(tree: schema.ModelT, subgraph: int = 0) -> list[tuple[str, schema.OperatorT]]:
    """The operators of a subgraph in the order they run, each with LiteRT's name."""
    names = [operator_name(code) for code in tree.operatorCodes]
    return [(names[operator.opcodeIndex], operator) for operator in tree.subgraphs[subgraph].operators]


def operator_counts(tree: schema.ModelT) -> Mapping[str, int]:
    """How often each operator occurs, in all subgraphs; a custom operator by its own name."""
    subgraphs = range(len(tree.subgraphs))
    counts = collections.Counter(name for graph in subgraphs for name, _ in named_operators(tree, graph))
    return dict(sorted(counts.items()))


def read_constant(tree: schema.ModelT, tensor: int, dtype: type[np.generic]) -> np.ndarray:
    """A copy of a constant tensor's values, in the main subgraph."""
    found = tree.subgraphs[0].tensors[tensor]
    values = np.frombuffer(bytes(tree.buffers[found.buffer].data), dtype=dtype)
    return np.array(values.reshape(tuple(found.shape)))


def write_constant(tree: schema.ModelT, tensor: int, values: np.ndarray) -> None:
    """Replaces a constant tensor's values by others of the same shape and type.

    The tensor gets a buffer of its own, as equal constants share one.
    """
    tree.subgraphs[0].tensors[tensor].buffer = add_buffer(tree, np.ascontiguousarray(values).tobytes())


def operator_name(code: schema.OperatorCodeT) -> str:
    """LiteRT's name of an operator code, such as ``CONV_2D``."""
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
    if builtin == schema.BuiltinOperator.CUSTOM:
        return str(code.customCode.decode())
    return enum_names(schema.BuiltinOperator)[builtin]


def enum_names(enum: type) -> dict[int, str]:
    """The names of a schema's enumeration, by value."""
    return {value: name for name, value in vars(enum).items() if name.isupper()}
