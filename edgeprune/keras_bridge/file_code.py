"""Which code a model's file names, found in its configuration before any Keras reads it.

A configuration names classes and functions. Keras 2 imports whatever module it names, and some layers are
programs themselves. What is allowed: Keras' own layers, losses, metrics, optimizers and operations, names
that are registered in this process, and the user's own objects. Everything else is code of the file's choice.
"""

import re
from collections.abc import Callable, Iterator

from edgeprune.keras_bridge.file_operators import foreign_operator, is_arithmetic

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
_REGISTERED = re.compile(r"[^<>]{1,80}>[^<>]{1,80}")


def code_named_in(config: object, may_use: Callable[[str], bool]) -> Iterator[str]:
    """Says for each place of a configuration that names code of the file's choice what it names.

    `may_use` tells whether a name is one of the user's own objects or registered in this process.
    """
    for value in _dictionaries(config):
        yield from _code_of(value, may_use)


def unregistered_names(config: object, may_use: Callable[[str], bool]) -> Iterator[str]:
    """Names of classes and functions that somebody registered (``package>Name``), but not in this process.

    Keras finds them by these names alone, wherever they were written.
    """
    for value in _dictionaries(config):
        if value.get("module") not in (None, "builtins"):
            continue
        function = value.get("class_name") == "function"
        name = value.get("config") if function else value.get("registered_name")
        if isinstance(name, str) and _REGISTERED.fullmatch(name) and not may_use(name):
            yield name


def _dictionaries(config: object) -> Iterator[dict[str, object]]:
    """Those of a configuration, however deep; without recursion, since a file may nest them as it likes."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _code_of(value: dict[str, object], may_use: Callable[[str], bool]) -> Iterator[str]:
    named = value.get("class_name")
    inner = value.get("config")
    settings = inner if isinstance(inner, dict) else {}
    title = str(settings.get("name", named))[:80]
    last = re.split(r"[.>]", named)[-1] if isinstance(named, str) else ""
    if last in LAYERS_OF_CODE:
        yield f"Layer '{title}' is a {last}, which is Python code"
    elif last in ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty"):
        function = settings.get("function", "")
        if not is_arithmetic(function):
            yield f"Layer '{title}' calls tf.{str(function)[:80]}, which is more than arithmetic on tensors,"
    elif last == "TensorFlowOpLayer" and (operator := foreign_operator(settings.get("node_def"))):
        yield f"Layer '{title}' runs an operator {operator}, which is more than arithmetic on tensors,"
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
