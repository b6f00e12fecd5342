"""An exported folder: written as a whole or not at all, and never over somebody's own files.

    edgeprune-export.json   {"generator": "edgeprune", "format_version": 1, "kind": …,
                             "files": {path: sha256}}
    …                       the generated files it lists

A folder may be replaced if it is empty, or an earlier export of the same kind in which nothing was edited
or added. `force` allows edited and added files to be lost, but never replaces a folder that is not an export.
Output of build tools (`build/`, `.gradle/`, …) does not count as an edit and moves to the new folder.
Generated files do not depend on time, machine or path: a re-run gives identical bytes.
"""

import contextlib
import dataclasses
import errno
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgeprune import jsonable
from edgeprune.bundle.read import sha256_of
from edgeprune.bundle.write import swap, temporary_sibling
from edgeprune.errors import InputError

RECORD = "edgeprune-export.json"
_FORMAT_VERSION = 1
_GENERATOR = "edgeprune"
_MAX_RECORD_BYTES = 1 << 20
_BUILD_OUTPUT = frozenset({".build", ".cxx", ".gradle", ".kotlin", "build", "dist"})
_WAY_OUT = "Choose another folder."


@dataclasses.dataclass(frozen=True)
class Record:
    """`edgeprune-export.json`."""

    generator: str
    format_version: int
    kind: str
    files: Mapping[str, str]


def check_folder(folder: Path, kind: str, *, force: bool) -> Path:
    """Refuse early to overwrite what is no export of this kind; returns the folder with links resolved."""
    folder = Path(os.path.realpath(folder))
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not nearest.is_dir():
        raise InputError(f"{nearest} is a file.", "A folder was expected.", _WAY_OUT)
    if nearest != folder or not any(folder.iterdir()):
        return folder
    record = _record(folder, kind)
    foreign = sorted(_changes(folder, record.files))
    if foreign and not force:
        raise InputError(
            f"{folder} was edited after it was exported: {', '.join(foreign[:3])}"
            f"{', …' if len(foreign) > 3 else ''}.",
            "Only generated files get replaced.",
            "Move your own files elsewhere, or pass --force to lose them.",
        )
    return folder


def write_folder(folder: Path, kind: str, files: Mapping[str, bytes], *, force: bool = False) -> Path:
    """Write `files` by their relative POSIX paths; where that fails, the previous folder is as it was."""
    folder = check_folder(folder, kind, force=force)
    hashes = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    record = jsonable.dumps(Record(_GENERATOR, _FORMAT_VERSION, kind, hashes), indent=1) + "\n"
    try:
        with temporary_sibling(folder) as new:
            for name, content in {**files, RECORD: record.encode()}.items():
                path = new / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            with _moved_along(folder, new):
                swap(new, folder)
    except OSError as error:
        found = "The disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error)
        message = f"{folder} could not be written: {found}."
        raise InputError(message, "", "The previous folder is as it was.") from error
    return folder


@contextlib.contextmanager
def _moved_along(folder: Path, new: Path) -> Iterator[None]:
    """Build output, moved from the previous folder to the new one; back again if the swap fails."""
    moved = [name for name in sorted(_BUILD_OUTPUT) if (folder / name).is_dir() and not (new / name).exists()]
    for name in moved:
        (folder / name).rename(new / name)
    try:
        yield
    except BaseException:
        for name in moved:
            (new / name).rename(folder / name)
        raise


def _record(folder: Path, kind: str) -> Record:
    path, text = folder / RECORD, b""
    with contextlib.suppress(OSError):
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= _MAX_RECORD_BYTES:
            text = path.read_bytes()
    if not text:
        raise InputError(
            f"{folder} is not empty and holds no {RECORD}.",
            "A new folder, an empty one or an earlier export is expected: it gets replaced as a whole.",
            _WAY_OUT,
        )
    record: Record = jsonable.loads(Record, text, str(path))
    if (record.generator, record.format_version, record.kind) != (_GENERATOR, _FORMAT_VERSION, kind):
        raise InputError(
            f"{folder} is an export for {record.kind[:40]}, version {record.format_version}.",
            f"One for {kind}, version {_FORMAT_VERSION}, was expected.", _WAY_OUT,
        )
    return record


def _changes(folder: Path, files: Mapping[str, str]) -> Iterator[str]:
    """Files that are not as they were generated, or were never generated."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        folder_itself = path.is_dir() and not path.is_symlink()
        if folder_itself or name == RECORD or name.split("/", 1)[0] in _BUILD_OUTPUT:
            continue
        if path.is_symlink() or not path.is_file() or files.get(name) != sha256_of(path):
            yield name
