"""Files that lie in other files: a picture or recording in a cell of a table."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import IO

_RECORDINGS = (b"RIFF", b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3")
_WAVE = b"WAVE"  # WebP pictures are RIFF, too


@dataclasses.dataclass(frozen=True, eq=False)
class EmbeddedFile:
    """What stands where a path stands."""

    place: str  # for messages
    content: bytes

    def __str__(self) -> str:
        return self.place


StoredFile = Path | EmbeddedFile


def opened_file(file: StoredFile) -> IO[bytes]:
    """The bytes, to be read."""
    return io.BytesIO(file.content) if isinstance(file, EmbeddedFile) else file.open("rb")


def size_of(file: StoredFile) -> int:
    """In bytes."""
    return len(file.content) if isinstance(file, EmbeddedFile) else file.stat().st_size


def is_recording(file: StoredFile, suffixes: tuple[str, ...]) -> bool:
    """By the ending of a file's name, or by the first bytes of one without a name."""
    if isinstance(file, Path):
        return file.name.lower().endswith(suffixes)
    head = file.content[:12]
    return head.startswith(_RECORDINGS) and (head[:4] != b"RIFF" or head[8:] == _WAVE)
