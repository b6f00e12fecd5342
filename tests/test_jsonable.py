"""The codec of all dataclasses: what it writes, what it reads back, and what it refuses and where."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprune import jsonable
from edgeprune.errors import InputError
from edgeprune.run_parts import ModelFile


class Colour(str, enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass(frozen=True)
class Point:
    x: float
    label: str = ""
    colour: Colour = Colour.RED


@dataclasses.dataclass(frozen=True)
class Circle:
    centre: Point
    radius: float


@dataclasses.dataclass(frozen=True)
class Everything:
    """One field of each kind that can be read; `X | None` as host modules write it."""

    flag: bool
    count: int
    ratio: float
    mode: Literal["mean", "max", 3]
    points: tuple[Point, ...]
    pair: tuple[int, str]
    table: tuple[tuple[float, ...], ...]
    named: Mapping[str, Point]
    by_number: Mapping[int, tuple[str, ...]]
    by_colour: dict[Colour, int]
    anything: Mapping[str, object]
    shape: Circle | Point | str
    number: int | float
    maybe: Point | None = None
    older: Optional[float] = None  # noqa: UP045  (the modules that travel write it so)
    either: Union[int, str, None] = None  # noqa: UP007
    items: Sequence[int] = ()
    listed: list[int] = dataclasses.field(default_factory=list)
    loose: Any = None
    nothing: None = None
    computed: int = dataclasses.field(default=7, init=False)


FULL = Everything(
    flag=True, count=3, ratio=0.5, mode="max", points=(Point(1.0, "a"), Point(2.0, colour=Colour.BLUE)),
    pair=(4, "b"), table=((1.0, 2.0), ()), named={"p": Point(3.0)}, by_number={-1: ("c",), 12: ()},
    by_colour={Colour.BLUE: 2}, anything={"x": [1, {"y": None}]}, shape=Circle(Point(0.0), 2.0), number=2.5,
    maybe=Point(4.0), older=1.5, either="text", items=(1, 2), listed=[3], loose={"k": [True]},
)  # fmt: skip


def test_what_is_written_is_read_back_as_it_was() -> None:
    for value in (FULL, dataclasses.replace(FULL, maybe=None, older=None, either=5, shape="text", number=3)):
        read = jsonable.loads(Everything, jsonable.dumps(value), "It")
        assert read == value
        assert [type(read.number), type(read.items)] == [type(value.number), tuple]
    assert isinstance(read.points[1].colour, Colour)
    assert jsonable.decode(Everything, jsonable.encode(FULL), "It") == FULL


@given(st.builds(Circle, st.builds(Point, st.floats(allow_nan=False, allow_infinity=False), st.text()),
                 st.integers(-(10**6), 10**6).map(float)))
def test_any_nested_dataclass_is_read_back_as_it_was(circle: Circle) -> None:
    assert jsonable.loads(Circle, jsonable.dumps(circle), "It") == circle


def _changed(**fields: object) -> str:
    return json.dumps({**jsonable.encode(FULL), **fields})


POINT = {"x": 1.0}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"flag": 1}, r"It\.flag is int '1'.*Expected bool"),
        ({"count": True}, r"It\.count is bool 'True'.*Expected int"),
        ({"count": 1.0}, r"It\.count is float '1.0'.*Expected int"),
        ({"ratio": "1"}, r"It\.ratio is str '1'.*Expected float"),
        ({"mode": "min"}, r"It\.mode is str 'min'.*Expected one of 'mean', 'max', 3"),
        ({"mode": True}, r"It\.mode is bool"),
        ({"points": [POINT, {"x": None}]}, r"It\.points\[1\]\.x is NoneType"),
        ({"points": [POINT, {}]}, r"It\.points\[1\] has no 'x'.*A Point needs it"),
        ({"points": [{"x": 1, "colour": "green"}]}, r"It\.points\[0\]\.colour is str 'green'.*'red'"),
        ({"points": "ab"}, r"It\.points is str 'ab'.*Expected a list"),
        ({"pair": [1]}, r"It\.pair is list '\[1\]'.*Expected 2 values"),
        ({"pair": [1, 2]}, r"It\.pair\[1\] is int"),
        ({"table": [[1.0], [2.0, "x"]]}, r"It\.table\[1\]\[1\] is str 'x'"),
        ({"named": {"p": {"x": []}}}, r"It\.named\.p\.x is list"),
        ({"named": [POINT]}, r"It\.named is list.*Expected an object"),
        ({"by_number": {"1.5": []}}, r"It\.by_number\.1\.5 is str '1\.5'.*Expected int"),
        ({"by_colour": {"green": 1}}, r"It\.by_colour\.green is str 'green'.*'red', 'blue'"),
        ({"shape": 3}, r"It\.shape is int '3'.*Expected Circle or Point or str"),
        ({"number": "3"}, r"It\.number is str '3'.*Expected int or float"),
        ({"maybe": {"x": "1"}}, r"It\.maybe\.x is str '1'.*Expected float"),
        ({"nothing": 0}, r"It\.nothing is int '0'.*Expected null"),
    ],
)
def test_a_faulty_field_is_named_by_its_path(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        jsonable.loads(Everything, _changed(**fields), "It")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "It is not JSON"),
        ('{"x": NaN}', "'?NaN'? is not finite"),
        ('{"x": 1e999}', "1e999 is not finite"),
        ('{"x": 1, "x": 2}', "the key 'x' is there twice"),
        ('{"x": ' + "9" * 30 + "}", "is too large"),
        ("[" * 100_000, "It is not JSON"),
        ("[1]", "It is list.*Expected an object"),
    ],
)
def test_documents_that_readers_could_understand_differently_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        jsonable.loads(Point, text, "It")


def test_what_json_has_no_form_for_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        jsonable.dumps({"x": float("nan")})
    with pytest.raises(TypeError, match="cannot write the set"):
        jsonable.dumps({"x": {1}})


def test_an_annotation_that_cannot_be_read_is_the_programmer_s_error() -> None:
    @dataclasses.dataclass(frozen=True)
    class Odd:
        x: bytes

    with pytest.raises(TypeError, match=r"It\.x is annotated <class 'bytes'>"):
        jsonable.loads(Odd, '{"x": "a"}', "It")


def test_newer_keys_are_ignored_and_booleans_are_no_numbers() -> None:
    assert jsonable.loads(ModelFile, '{"name": "a", "bytes": 1, "sha256": "", "new": 1}', "It").bytes == 1
    with pytest.raises(InputError, match=r"It.bytes is bool"):
        jsonable.loads(ModelFile, '{"name": "a", "bytes": true, "sha256": ""}', "It")


@dataclasses.dataclass(frozen=True)
class Renamed:
    number: int = dataclasses.field(metadata={"key": "slot"})


def test_a_field_goes_by_its_key_in_json() -> None:
    assert jsonable.dumps(Renamed(3)) == '{"slot": 3}'
    assert jsonable.loads(Renamed, '{"slot": 3}', "a text") == Renamed(3)
    with pytest.raises(InputError, match=r"a text has no 'slot'\."):
        jsonable.loads(Renamed, '{"number": 3}', "a text")
