"""Frozen dataclasses to JSON values and back, checked field by field.

    text = dumps(value)             value = loads(Kind, text, "report.json")

Reading never trusts the text: every value is compared with the annotation of its field, so what comes
out has the types it claims, whoever wrote the file. An error names the path of the faulty field, such as
``report.json.stages[2].macs``. Unknown keys are ignored, so that a newer writer may add fields; a missing
field without a default is an error.

Fields may be bool, int, float, str, None, enums, `Literal`, dataclasses, tuples, lists, `Sequence` (read as a
tuple), mappings with keys of str or int, unions of these, and `object` for any JSON value. A field whose
``metadata`` has a ``"key"`` goes by that name in JSON: files keep their keys when code gets better names.

Light on purpose (standard library only, Python 3.9 syntax): the agent takes this module along to the device.
Dataclasses that travel must say `Optional[X]`, which 3.9 can evaluate; those of the host may also say
``X | None``. The names in annotations must exist at run time: no `TYPE_CHECKING` imports for them.
"""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import enum
import functools
import json
import math
import re
import types
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, cast, get_args, get_origin, overload

from edgeprune.errors import InputError, unreadable

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import DataclassInstance

T = TypeVar("T")
Json = Union[None, bool, int, float, str, "list[Json]", "dict[str, Json]"]
_UNIONS = (Union, getattr(types, "UnionType", Union))  # a device may have Python 3.9
_NONE = type(None)
_SCALARS = (bool, int, float, str, _NONE)
MOST_BYTES = 64 << 20  # of a document; the largest reports have a few
_DEEPEST = 100  # lists and objects in each other; a recipe or a report has less than ten


@overload
def encode(value: DataclassInstance) -> dict[str, Json]: ...
@overload
def encode(value: Mapping[str, object]) -> dict[str, Json]: ...
@overload
def encode(value: object) -> Json: ...
def encode(value: object) -> Json:
    """Turn dataclasses, enums, mappings and sequences into what `json` writes.

    Raises:
        TypeError: something that JSON has no form for.
    """
    if isinstance(value, enum.Enum):
        value = value.value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {_key(field): encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(encode(key)): encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    raise TypeError(f"jsonable cannot write the {type(value).__name__} {str(value)[:60]}")


def dumps(value: object, indent: int | None = None) -> str:
    """Write one JSON document; a NaN is refused, since JSON has none."""
    return json.dumps(encode(value), indent=indent, allow_nan=False)


def parse(text: str | bytes, where: str) -> Json:
    """Read one JSON document.

    Raises:
        InputError: not JSON, a key given twice, a number that is not finite, or a document that is larger or
            nested deeper than any is meant to be.
    """
    if len(text) > MOST_BYTES:
        raise InputError(f"{where} is larger than {MOST_BYTES} bytes.", "A small JSON document was expected.")
    try:
        document = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_finite, parse_float=_finite, parse_int=_bounded
        )
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not JSON ({error}).", "One JSON document was expected.") from error
    check_depth(document, where)
    return cast("Json", document)


def parse_data(text: str | bytes) -> Any:
    """Read JSON of another program, such as a data set's: NaN and keys given twice pass.

    Raises:
        ValueError: not JSON, or nested deeper than any program follows.
    """
    try:
        document = json.loads(text)
        check_depth(document, "It")
    except (RecursionError, InputError) as error:
        raise ValueError("nested too deep") from error
    return document


def check_depth(document: object, where: str, deepest: int = _DEEPEST) -> None:
    """Refuse values that hold each other so deep that a program which follows them runs out of stack."""
    level = [document]
    for _ in range(deepest):
        level = [
            item for one in level if isinstance(one, (list, dict))
            for item in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise InputError(f"{where} is nested deeper than {deepest} levels.", "No such file is meant to be.")


def parse_file(path: Path) -> Json:
    """Read the JSON document in a file that is not too large to be meant; see `parse`."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path} is larger than {MOST_BYTES} bytes.", "A small JSON file was expected.")
        text = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error, "A JSON file was expected.", "Check the name.") from error
    return parse(text, str(path))


def loads(kind: type[T], text: str | bytes, where: str) -> T:
    """Read one JSON document as the dataclass `kind`; `where` names the document in error messages.

    Raises:
        InputError: not JSON, or a field that is missing or of the wrong type.
    """
    return decode(kind, parse(text, where), where)


def decode(kind: type[T], value: object, where: str) -> T:
    """Check JSON values against the type `kind` and build it; see `loads` for errors."""
    return cast("T", _decode(kind, value, where))


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
        raise ValueError(f"the key {twice[:60]!r} is there twice")
    return found


def _bounded(text: str) -> int:
    if abs(value := int(text)) >= 1 << 63:
        raise ValueError(f"the number {text[:60]} is too large")
    return value


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"the number {text[:60]} is not finite")
    return value


def _decode(kind: object, value: object, where: str) -> object:
    origin, args = get_origin(kind), get_args(kind)
    if kind in (object, Any):
        return value
    if origin in _UNIONS:
        return _decode_union(args, value, where)
    if origin in (tuple, list, collections.abc.Sequence):
        return _decode_sequence(origin, args, value, where)
    if origin in (Mapping, dict):
        return _decode_mapping(args, value, where)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, value, where)
    return _decode_leaf(kind, value, where)


def _decode_leaf(kind: object, value: object, where: str) -> object:
    if get_origin(kind) is Literal:
        return _choose({choice: choice for choice in get_args(kind)}, value, where)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _choose({member.value: member for member in kind}, value, where)
    if kind not in _SCALARS:
        if isinstance(kind, type) and isinstance(value, kind):  # no JSON: an object that the caller put in
            return value
        raise TypeError(f"{where} is annotated {kind!r}, which jsonable cannot read")
    if kind is float and type(value) is int:
        return float(value)
    _expect(type(value) is kind, value, _name(kind), where)
    return value


def _decode_union(kinds: tuple[object, ...], value: object, where: str) -> object:
    if type(value) in kinds:  # a scalar or None, as it is
        return value
    others = [kind for kind in kinds if kind is not _NONE]
    if len(others) == 1:  # its own error says more than the union's
        return _decode(others[0], value, where)
    for kind in others:
        with contextlib.suppress(InputError):
            return _decode(kind, value, where)
    raise _unexpected(value, " or ".join(map(_name, kinds)), where)


def _decode_sequence(origin: object, args: tuple[object, ...], value: object, where: str) -> object:
    _expect(isinstance(value, (list, tuple)), value, "a list", where)
    items = cast("list[object]", value)
    kinds = args
    if origin is not tuple or (len(args) == 2 and args[1] is Ellipsis):
        kinds = args[:1] * len(items)
    _expect(len(items) == len(kinds), value, f"{len(kinds)} values", where)
    read = (_decode(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(kinds, items)))  # noqa: B905
    return list(read) if origin is list else tuple(read)


def _decode_mapping(args: tuple[object, ...], value: object, where: str) -> object:
    _expect(isinstance(value, Mapping), value, "an object", where)
    read = {}
    for key, item in cast("Mapping[str, object]", value).items():
        whole = args[0] is int and re.fullmatch(r"-?\d+", key)
        at = f"{where}.{key}"
        read[_decode(args[0], int(key) if whole else key, at)] = _decode(args[1], item, at)
    return read


def _decode_dataclass(kind: type[DataclassInstance], value: object, where: str) -> object:
    _expect(isinstance(value, Mapping), value, "an object", where)
    given, hints = cast("Mapping[str, object]", value), _hints(kind)
    read = {}
    for field in (field for field in dataclasses.fields(kind) if field.init):
        key = _key(field)
        if key in given:
            read[field.name] = _decode(hints[field.name], given[key], f"{where}.{key}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InputError(f"{where} has no {key!r}.", f"A {kind.__name__} needs it.")
    return kind(**read)


def _key(field: dataclasses.Field[object]) -> str:
    return str(field.metadata.get("key", field.name))


_hints = functools.lru_cache(maxsize=None)(typing.get_type_hints)


def _choose(choices: Mapping[object, object], value: object, where: str) -> object:
    for choice, meaning in choices.items():
        if type(choice) is type(value) and choice == value:  # 1 is not True
            return meaning
    raise _unexpected(value, "one of " + ", ".join(map(repr, choices)), where)


def _expect(holds: bool, value: object, expected: str, where: str) -> None:
    if not holds:
        raise _unexpected(value, expected, where)


def _unexpected(value: object, expected: str, where: str) -> InputError:
    return InputError(f"{where} is {type(value).__name__} {str(value)[:60]!r}.", f"Expected {expected}.")


def _name(kind: object) -> str:
    return "null" if kind is _NONE else kind.__name__ if isinstance(kind, type) else str(kind)
