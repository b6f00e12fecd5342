"""Which code a model's file names, found in its configuration before any Keras reads it.

A configuration names classes and functions. Keras 2 imports whatever module it names, and some layers are
programs themselves. What is allowed: Keras' own layers, losses, metrics, optimizers and operations, names
that are registered in this process, and the user's own objects. Everything else is code of the file's choice.
"""

import re
from collections.abc import Callable, Iterator

LAYERS_OF_CODE = frozenset(
    {"Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer", "__lambda__"}
)
"""Layers that hold Python code, pickles, or the path of another program."""

_FAMILIES = (
    "layers|activations|losses|metrics|optimizers|initializers|regularizers|constraints|models|applications|"
    "dtype_policies|mixed_precision|quantizers|ops|random|engine|backend|preprocessing"
)
_MODULES = re.compile(
    rf"(?:tf_)?keras(?:\.(?:src|api|_tf_keras|legacy|saving\.legacy))*(?:\.(?:{_FAMILIES})(?:\.\w+)*)?|builtins|"
    r"tensorflow_model_optimization\.python\.core(?:\.\w+)*"
)
_NAME = re.compile(r"[A-Za-z_]\w*")

_TENSOR_FUNCTIONS = re.compile(
    r"(?:math|nn|linalg|image|signal|strings|random|sparse|ragged|bitwise|dtypes|quantization|sets|audio|"
    r"__operators__|experimental\.numpy|keras\.backend|keras\.activations|compat\.v1\.(?:math|nn|image))\.\w+|"
    r"(?:compat\.v1\.)?(?!py_func|numpy_function|load_|print|import_|export_|eager|map_fn|foldl|foldr|scan)\w+"
)
_OPERATORS_OF_CODE = (
    "WriteFile", "ReadFile", "MatchingFiles", "PyFunc", "PyFuncStateless", "EagerPyFunc", "WholeFileReader",
    "WholeFileReaderV2", "TextLineReader", "TextLineReaderV2", "TextLineDataset", "FixedLengthRecordDataset",
    "TFRecordDataset", "RecordInput", "PrintV2", "DebugIdentity", "DebugIdentityV2", "SaveDataset",
    "LoadDataset",
)


def code_named_in(config: object, may_use: Callable[[str], bool]) -> Iterator[str]:
    """Says for each place of a configuration that names code of the file's choice what it names.

    `may_use` tells whether a name is one of the user's own objects or registered in this process.
    """
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield from _code_of(value, may_use)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def operators_of_code(graph: bytes) -> Iterator[str]:
    """Operators in a SavedModel's graph that touch files or call Python (protobuf field 2 of a node)."""
    for name in _OPERATORS_OF_CODE:
        if bytes((0x12, len(name))) + name.encode() in graph:
            yield f"an operator {name}"


def _code_of(value: dict[str, object], may_use: Callable[[str], bool]) -> Iterator[str]:
    named = value.get("class_name")
    inner = value.get("config")
    settings = inner if isinstance(inner, dict) else {}
    node = str(settings.get("node_def"))
    title = str(settings.get("name", named))[:80]
    last = re.split(r"[.>]", named)[-1] if isinstance(named, str) else ""
    if last in LAYERS_OF_CODE:
        yield f"Layer '{title}' is a {last}, which is Python code"
    elif last in ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty"):
        function = settings.get("function", "")
        if not isinstance(function, str) or not _TENSOR_FUNCTIONS.fullmatch(function):
            yield f"Layer '{title}' calls tf.{str(function)[:80]}, which is more than arithmetic on tensors,"
    elif last == "TensorFlowOpLayer" and any(one in node for one in _OPERATORS_OF_CODE):
        yield f"Layer '{title}' runs an operator that touches files or calls Python, which is code"
    if isinstance(settings.get("vocabulary"), str):
        yield f"Layer '{title}' reads its vocabulary from {str(settings['vocabulary'])[:80]!r}, which is code"
    if named is not None and value.get("module") is not None:
        yield from _foreign(value, may_use)


def _foreign(value: dict[str, object], may_use: Callable[[str], bool]) -> Iterator[str]:
    """A class or function of a module that is not Keras' own."""
    named, module, key = value["class_name"], value["module"], value.get("registered_name")
    if named == "function":
        named = key = value.get("config")
    if isinstance(key, str) and may_use(key):
        return
    own = isinstance(module, str) and isinstance(named, str)
    if not own or not _MODULES.fullmatch(str(module)) or not _NAME.fullmatch(str(named)):
        yield f"'{str(named)[:80]}' of the module '{str(module)[:80]}' is code that is not Keras' own,"
