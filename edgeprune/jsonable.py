"""Frozen dataclasses to JSON values and back, checked field by field.

Reading never trusts the text: every value is compared with the annotation of its field, so what comes
out has the types it claims, whoever wrote the file. Unknown keys are ignored, so that a newer writer
may add fields; a missing field without a default is an error.

Light on purpose (standard library only, Python 3.9 syntax): the agent takes this module along to the
device. Annotations read by `decode` must therefore say `Optional[X]`, which 3.9 can evaluate.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import json
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from edgeprune.errors import InputError

T = TypeVar("T")
_SCALARS = (bool, int, float, str)


def encode(value: Any) -> Any:
    """Turn dataclasses, mappings and sequences into what `json` writes; the rest passes through."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, collections.abc.Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return value


def dumps(value: Any, indent: int | None = None) -> str:
    """Write one JSON document; a NaN is refused, since JSON has none."""
    return json.dumps(encode(value), indent=indent, allow_nan=False)


def loads(kind: type[T], text: str | bytes, where: str) -> T:
    """Read one JSON document as the dataclass `kind`.

    Args:
        kind: a dataclass type.
        text: the document.
        where: its name in error messages.

    Raises:
        InputError: not JSON, or a field that is missing or of the wrong type.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not JSON ({error}).", "One JSON document was expected.") from error
    result = decode(kind, value, where)
    assert isinstance(result, kind)  # noqa: S101  (tells the type checker what decode has checked)
    return result


def decode(kind: Any, value: Any, where: str) -> Any:
    """Check `value` against the annotation `kind` and build it; see `loads` for errors."""
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, value, where)
    if origin is Union:
        inner = next(arg for arg in args if arg is not type(None))
        return None if value is None else decode(inner, value, where)
    if origin in (tuple, collections.abc.Sequence):
        _expect(isinstance(value, (list, tuple)), value, "a list", where)
        return tuple(decode(args[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is collections.abc.Mapping:
        _expect(isinstance(value, collections.abc.Mapping), value, "an object", where)
        return {key: decode(args[1], item, f"{where}.{key}") for key, item in value.items()}
    return _decode_scalar(kind, value, where)


def _decode_scalar(kind: Any, value: Any, where: str) -> Any:
    if kind not in _SCALARS:
        raise TypeError(f"{where} is annotated {kind!r}, which jsonable cannot read")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    _expect(type(value) is kind, value, kind.__name__, where)
    return value


def _decode_dataclass(kind: Any, value: Any, where: str) -> Any:
    _expect(isinstance(value, collections.abc.Mapping), value, "an object", where)
    hints = get_type_hints(kind)
    fields = {}
    for field in dataclasses.fields(kind):
        if field.name in value:
            fields[field.name] = decode(hints[field.name], value[field.name], f"{where}.{field.name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InputError(f"{where} has no {field.name!r}.", f"A {kind.__name__} needs it.")
    return kind(**fields)


def _expect(holds: bool, value: Any, expected: str, where: str) -> None:
    if not holds:
        raise InputError(f"{where} is {type(value).__name__} {str(value)[:60]!r}.", f"Expected {expected}.")
