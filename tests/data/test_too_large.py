"""Pictures and documents that unpack to more than anybody means are named, and take no memory."""

from __future__ import annotations

import resource
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeprune import jsonable
from edgeprune.data.annotations import read_coco
from edgeprune.data.pictures import opened, shape_of
from edgeprune.data.record_files import read_json, read_jsonl
from edgeprune.errors import EdgepruneError, InputError


def png(width: int, height: int) -> bytes:
    """Its header only claims the size; a few rows are there."""
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(30_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(12_000, 12_000), (20_000, 20_000), (1 << 30, 1)], ids=str)
def test_a_picture_that_unpacks_to_too_much_is_named(size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(*size))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for read in (opened, shape_of):
        with pytest.raises(EdgepruneError, match=r"bomb\.png"):
            read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


READERS: dict[str, Callable[[bytes, Path], object]] = {
    "records.jsonl": read_jsonl, "records.json": read_json,
    "instances.json": lambda content, path: (path.write_bytes(content), read_coco(path)),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("depth", [150, 900, 100_000])
def test_data_nested_too_deep_is_wrong_input(name: str, depth: int, tmp_path: Path) -> None:
    content = b'{"images": ' + b"[" * depth + b"]" * depth + b"}"
    with pytest.raises(InputError, match=name):
        READERS[name](content, tmp_path / name)


def test_rows_of_unlike_lengths_are_wrong_input() -> None:
    for content in (b'{"columns": ["a", "b"], "data": [[1]]}', b'{"columns": 1, "data": [[1]]}'):
        with pytest.raises(InputError, match=r"x\.json"):
            read_json(content, Path("x.json"))


def test_data_of_other_programs_may_be_looser() -> None:
    assert jsonable.parse_data('{"a": 1, "a": Infinity}') == {"a": float("inf")}
    with pytest.raises(ValueError, match="Expecting"):
        jsonable.parse_data("{")
