"""Which of TensorFlow's operators and functions a model file may name: arithmetic on tensors alone.

TensorFlow groups its operators in families. Those listed here compute on tensors and variables; all others
(files, Python, networks, datasets, debuggers, and what later versions add) are code of the file's choice. A
SavedModel also holds the two functions that write and read its own weights, which only its saver may call.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

FAMILIES = frozenset((
    "array", "audio", "bitwise", "control_flow", "count", "ctc", "cudnn_rnn", "functional", "image", "linalg",
    "list", "lookup", "manip", "map", "math", "nn", "optional", "parsing", "ragged_array",
    "ragged_conversion", "ragged_math", "random", "random_index_shuffle", "resource_variable", "rnn", "set",
    "sparse", "special_math", "spectral", "state", "stateful_random", "stateless_random",
    "string", "training", "uniform_quant",
))  # fmt: skip
"""By the names of TensorFlow's modules, ``gen_FAMILY_ops``."""
_NOT_OF_THEM = frozenset(
    ("Abort", "RemoteCall", "InitializeTableFromTextFile", "InitializeTableFromTextFileV2", "DecodeProtoV2")
)
_BESIDE_THEM = frozenset(("Assert",))
_OF_SAVERS = frozenset(("SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename"))
_SAVER = re.compile(r"__inference__traced_(?:save|restore)_\d+")

_MODULES = (
    "math|nn|linalg|image|signal|strings|random|sparse|ragged|bitwise|dtypes|quantization|sets|audio|"
    r"__operators__|experimental\.numpy|keras\.activations"
)
_BACKEND = (
    "abs|all|any|argmax|argmin|batch_dot|batch_flatten|batch_normalization|bias_add|binary_crossentropy|cast|"
    "categorical_crossentropy|clip|concatenate|constant|conv1d|conv2d|conv2d_transpose|conv3d|cos|cumprod|"
    "cumsum|depthwise_conv2d|dot|dropout|elu|equal|exp|expand_dims|eye|flatten|gather|greater|greater_equal|"
    "hard_sigmoid|int_shape|l2_normalize|less|less_equal|log|max|maximum|mean|min|minimum|ndim|not_equal|"
    "one_hot|ones|ones_like|permute_dimensions|pool2d|pool3d|pow|prod|relu|repeat|repeat_elements|reshape|"
    "resize_images|reverse|round|shape|sigmoid|sign|sin|softmax|softplus|softsign|sqrt|square|squeeze|stack|"
    "std|stop_gradient|sum|switch|tanh|temporal_padding|tile|transpose|var|zeros|zeros_like"
)
_TOP = (
    "abs|acos|acosh|add|add_n|argmax|argmin|argsort|asin|asinh|atan|atan2|atanh|batch_to_space|bitcast|"
    "boolean_mask|broadcast_to|cast|clip_by_\\w+|complex|concat|constant|convert_to_tensor|cos|cosh|cumsum|"
    "divide|edit_distance|einsum|ensure_shape|equal|exp|expand_dims|extract_volume_patches|eye|fill|"
    "fingerprint|floor|floordiv|gather|gather_nd|greater|greater_equal|histogram_fixed_width|"
    "histogram_fixed_width_bins|identity|identity_n|less|less_equal|linspace|logical_and|logical_not|"
    "logical_or|logical_xor|matmul|maximum|meshgrid|minimum|mod|multiply|negative|norm|not_equal|one_hot|ones|"
    "ones_like|pad|pow|range|rank|realdiv|reduce_\\w+|repeat|reshape|reverse|reverse_sequence|roll|round|"
    "saturate_cast|scalar_mul|scatter_nd|searchsorted|sequence_mask|shape|shape_n|sigmoid|sign|sin|sinh|size|"
    "slice|sort|space_to_batch|space_to_batch_nd|split|sqrt|square|squared_difference|squeeze|stack|"
    "stop_gradient|strided_slice|subtract|tan|tanh|tensor_scatter_nd_\\w+|tensordot|tile|transpose|truediv|"
    "truncatediv|truncatemod|unique|unique_with_counts|unravel_index|unstack|where|zeros|zeros_like"
)
_FUNCTIONS = re.compile(
    rf"(?:compat\.v1\.)?(?:(?:{_MODULES})\.\w+|keras\.backend\.(?:{_BACKEND})|(?:{_TOP}))"
)


def is_arithmetic(function: object) -> bool:
    """Whether a function of ``tf`` by its name, such as ``math.add``, computes on tensors alone."""
    return isinstance(function, str) and _FUNCTIONS.fullmatch(function) is not None


def foreign_operator(node: object) -> str:
    """The operator of a ``TensorFlowOpLayer`` where it does more than compute; empty where it does not."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from tensorflow.core.framework.node_def_pb2 import NodeDef

    text = str(node)
    try:
        is_json = text.lstrip()[:1] == "{"
        name = str(json.loads(text)["op"]) if is_json else NodeDef.FromString(text.encode()).op
    except (DecodeError, ValueError, KeyError, TypeError, RecursionError):
        return "that cannot be read"
    return "" if name in allowed_operators() else name[:80] or "without a name"


def operators_of_code(graph: bytes) -> Iterator[str]:
    """Operators in a SavedModel that do more than compute, in words."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    try:
        parsed = SavedModel.FromString(graph)
    except DecodeError:
        yield "a graph that cannot be read"
        return
    for one in parsed.meta_graphs:
        yield from _of_graph(one)


def _of_graph(graph: MetaGraphDef) -> Iterator[str]:
    functions = graph.graph_def.library.function
    savers = {one.signature.name for one in functions if _SAVER.fullmatch(one.signature.name)}
    for name in savers & graph.object_graph_def.concrete_functions.keys():
        yield f"a layer that calls {name[:80]}, which writes or reads files"
    yield from _of_nodes(graph.graph_def.node, allowed_operators(), frozenset())
    for one in functions:
        is_saver = one.signature.name in savers
        allowed = allowed_operators() | _OF_SAVERS if is_saver else allowed_operators()
        yield from _of_nodes(one.node_def, allowed, savers)


def _of_nodes(nodes: Iterable[NodeDef], allowed: frozenset[str], savers: Iterable[str]) -> Iterator[str]:
    for node in nodes:
        if node.op not in allowed:
            yield f"an operator {node.op[:80]}"
        called = {value.func.name for value in node.attr.values()} | {
            one.name for value in node.attr.values() for one in value.list.func
        } if savers else set()
        for name in called.intersection(savers):
            yield f"a function that calls {name[:80]}, which writes or reads files"


@functools.cache
def allowed_operators() -> frozenset[str]:
    """Names of the operators of `FAMILIES` in the TensorFlow that is installed."""
    import tensorflow as tf

    found = set(_BESIDE_THEM)
    for name, function in vars(tf.raw_ops).items():
        module = getattr(getattr(function, "__wrapped__", None), "__globals__", {}).get("__name__", "")
        family = re.fullmatch(r"tensorflow\.python\.ops\.gen_(\w+?)_ops(?:_v2)?", module)
        if family and family[1] in FAMILIES and name not in _NOT_OF_THEM:
            found.add(name)
    return frozenset(found)
