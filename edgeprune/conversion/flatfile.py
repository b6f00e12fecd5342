"""The finishing touch on a `.tflite` file: readable tensor names, the model's order, no leftovers.

The converter names tensors ``serving_default_image:0`` and ``StatefulPartitionedCall:1``, orders
outputs by the alphabet and leaves its own settings inside. An app reads inputs and outputs by
their position, so the file gets the Keras model's order and names.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.types import TensorInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_CONVERSION_SETTINGS = b"CONVERSION_METADATA"


def parse(tflite: bytes) -> Any:
    """The file as the schema's mutable object tree (`ModelT`), all data inside.

    ai-edge-quantizer puts the data of larger models behind the FlatBuffer, where the tree tells its place.
    """
    from ai_edge_litert import schema_py_generated as schema

    tree = schema.ModelT.InitFromPackedBuf(tflite, 0)
    for buffer in tree.buffers:
        if buffer.offset > 1:
            buffer.data = np.frombuffer(tflite, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return tree


def pack(tree: Any) -> bytes:
    """The file of an object tree, without data nobody refers to; equal trees give equal bytes."""
    import flatbuffers

    class Aligned(flatbuffers.Builder):  # type: ignore[misc]
        """Keeps the schema's ``force_align: 16`` of constants, which the Python code leaves out.

        Kernels read constants in place; without it int32 biases lie at odd addresses.
        """

        def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:  # noqa: N802, N803
            return super().StartVector(elemSize, numElems, 16 if elemSize == 1 else alignment)

    _drop_unused_buffers(tree)
    builder = Aligned(1 << 20)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def finish(tree: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Renames and reorders the inputs and outputs of the main subgraph, in place.

    Args:
        tree: from `parse`.
        inputs: signature names, in the order wanted.
        outputs: signature names, in the order wanted.
    """
    graph, signature = tree.subgraphs[0], tree.signatureDefs[0]
    graph.inputs = _name_and_order(graph, signature.inputs, inputs)
    graph.outputs = _name_and_order(graph, signature.outputs, outputs)
    signature.inputs.sort(key=lambda entry: inputs.index(entry.name.decode()))
    signature.outputs.sort(key=lambda entry: outputs.index(entry.name.decode()))
    tree.metadata = [entry for entry in tree.metadata or [] if entry.name != _CONVERSION_SETTINGS]
    tree.description = b"edgeprune"


def shorten_names(tree: Any, layer_of: Callable[[str], str]) -> None:
    """Gives inner tensors the name of their layer, as profilers show it; the converter's are long.

    Args:
        tree: changed in place.
        layer_of: layer name from the converter's tensor name.
    """
    for graph in tree.subgraphs:
        ends = {int(index) for index in (*graph.inputs, *graph.outputs)}
        for index, tensor in enumerate(graph.tensors):
            if index not in ends:
                is_data = tensor.buffer != 0 and tree.buffers[tensor.buffer].data is not None
                tensor.name = b"" if is_data else layer_of(tensor.name.decode()).encode()


def _drop_unused_buffers(tree: Any) -> None:
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


def _name_and_order(graph: Any, entries: Sequence[Any], names: Sequence[str]) -> Any:
    index_of = {entry.name.decode(): entry.tensorIndex for entry in entries}
    for name, index in index_of.items():
        graph.tensors[index].name = name.encode()
    return np.array([index_of[name] for name in names], dtype=np.int32)


def tensor_infos(tree: Any) -> tuple[tuple[TensorInfo, ...], tuple[TensorInfo, ...]]:
    """Inputs and outputs of the main subgraph, in the file's order and by their own names.

    A tensor that is both input and output has one name of its own; it goes by those of the signature.
    """
    graph = tree.subgraphs[0]
    signature = tree.signatureDefs[0] if tree.signatureDefs else None
    ends = ((graph.inputs, signature and signature.inputs), (graph.outputs, signature and signature.outputs))
    both = set(map(int, graph.inputs)) & set(map(int, graph.outputs))
    infos_in, infos_out = (
        _infos(graph, indices, [entry for entry in entries or [] if entry.tensorIndex in both])
        for indices, entries in ends
    )
    return infos_in, infos_out


def _infos(graph: Any, indices: Any, entries: Sequence[Any]) -> tuple[TensorInfo, ...]:
    names = {entry.tensorIndex: entry.name.decode() for entry in entries}
    return tuple(
        _info(graph.tensors[index], names.get(int(index), graph.tensors[index].name.decode()))
        for index in indices
    )


def _info(tensor: Any, name: str) -> TensorInfo:
    quantization = tensor.quantization
    scaled = quantization is not None and quantization.scale is not None and len(quantization.scale) == 1
    return TensorInfo(
        name=name,
        shape=tuple(int(size) for size in tensor.shape),
        dtype=_type_name(tensor.type),
        scale=float(quantization.scale[0]) if scaled else 0.0,
        zero_point=int(quantization.zeroPoint[0]) if scaled else 0,
    )


def _type_name(code: int) -> str:
    from ai_edge_litert import schema_py_generated as schema

    names = {value: name.lower() for name, value in vars(schema.TensorType).items() if name.isupper()}
    return str(names[code])


def operators(tree: Any) -> Mapping[str, int]:
    """How often each operator occurs, in all subgraphs; a custom operator by its own name."""
    names = [operator_name(code) for code in tree.operatorCodes]
    counts = collections.Counter(names[op.opcodeIndex] for graph in tree.subgraphs for op in graph.operators)
    return dict(sorted(counts.items()))


def operator_name(code: Any) -> str:
    """LiteRT's name of an operator code, such as ``CONV_2D``."""
    from ai_edge_litert import schema_py_generated as schema

    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()}
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
    if builtin == schema.BuiltinOperator.CUSTOM:
        return str(code.customCode.decode())
    return str(names[builtin])
