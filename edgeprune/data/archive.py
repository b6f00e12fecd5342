"""Arrays out of `.npy` and `.npz` files of unknown origin.

A header is only a claim. Before anything is allocated, each entry must hold
    product of the claimed shape * item size = bytes that are really there,
must unpack to no more than deflate can make of it (1032 : 1, zlib's own bound) and fit into memory.
Nothing is unpickled, and an archive with a name that leaves its folder is not read at all. What is refused
is an `InputError`.
"""

from __future__ import annotations

import contextlib
import math
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Literal

import numpy as np
from numpy.lib import format as npy

from edgeprune.bundle.eval_data import free_memory_bytes
from edgeprune.data.streamed import IN_MEMORY_BYTES, Array, FromArray
from edgeprune.errors import InputError

_DEFLATE = 1032
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_ORDERS: dict[bool, Literal["C", "F"]] = {False: "C", True: "F"}
_LOCAL_HEADER_BYTES = 30  # of a zip's entry, before its name


def read_npz_arrays(path: Path) -> dict[str, Array]:
    """All arrays of a `.npz`; large ones that are stored uncompressed stay in the file."""
    with (
        _refused(path, "archive", "A .npz as numpy.savez writes it."),
        path.open("rb") as file, zipfile.ZipFile(file) as archive,
    ):
        check_entries(archive, path)
        _check_memory(archive, path)
        return {
            entry.filename.removesuffix(".npy"): _entry(archive, entry, path) for entry in archive.infolist()
        }


def read_npy(path: Path) -> Array:
    """The array of a `.npy`; a large one stays in the file."""
    with _refused(path, "array", "A .npy as numpy.save writes it."), path.open("rb") as file:
        shape, fortran, dtype = _header(file, str(path))
        start = file.tell()
        _check_size(shape, dtype, path.stat().st_size - start, str(path))
        return _on_file(path, start, shape, fortran, dtype)


@contextlib.contextmanager
def _refused(path: Path, kind: str, expected: str) -> Iterator[None]:
    """Turns what zipfile, zlib and numpy raise on bad bytes, each its own, into an `InputError`."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{path} cannot be read as a NumPy {kind} ({error}).", expected,
            "Write it again; it may have been cut off.",
        ) from error


def check_entries(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuses an entry that leaves the folder, is a link, comes twice, is encrypted, or claims too much."""
    seen: set[str] = set()
    for entry in archive.infolist():
        name = entry.filename.replace("\\", "/")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if name.startswith("/") or ".." in PurePosixPath(name).parts or name[1:2] == ":":
            raise InputError(
                f"{path} holds an entry {entry.filename!r}, which leaves its folder.",
                "Plain relative names are expected.", "Do not use this file; it may be an attack.",
            )
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or name in seen or entry.flag_bits & 1:
            raise InputError(
                f"{path} holds an entry {entry.filename!r} that is a link, encrypted, or there twice.",
                "Plain files are expected, each once.", "Pack the archive again.",
            )
        outside = entry.header_offset + entry.compress_size > path.stat().st_size
        # Compressions that numpy does not write unpack to nothing.
        factor = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: _DEFLATE}.get(entry.compress_type, 0)
        if outside or entry.file_size > factor * entry.compress_size:
            raise InputError(
                f"{path}: entry {entry.filename!r} claims {entry.file_size:,} bytes out of "
                f"{entry.compress_size:,}.", "No compression makes that of it.", "Pack the archive again.",
            )
        seen.add(name)


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> Array:
    place = f"{path}, entry {entry.filename!r}"
    with archive.open(entry) as file:
        shape, fortran, dtype = _header(file, place)
        start = file.tell()
        _check_size(shape, dtype, entry.file_size - start, place)
        if _is_mapped(entry):
            return _on_file(path, _data_offset(path, entry) + start, shape, fortran, dtype)
    with archive.open(entry) as file:
        array: np.ndarray = npy.read_array(file, allow_pickle=False)
        if file.read(1):
            raise ValueError("bytes after the array")
    return array


def _is_mapped(entry: zipfile.ZipInfo) -> bool:
    """Whether its bytes, which are stored as they are, stay in the file."""
    return entry.file_size > IN_MEMORY_BYTES and entry.compress_type == zipfile.ZIP_STORED


def _check_memory(archive: zipfile.ZipFile, path: Path) -> None:
    held = sum(entry.file_size for entry in archive.infolist() if not _is_mapped(entry))
    if held > free_memory_bytes() // 2:
        raise InputError(
            f"{path} unpacks to {held / 2**30:.1f} GB, more than memory has to spare.",
            "Compressed arrays must fit into memory.",
            "Write it with numpy.savez, which does not compress, or as .npy files in a folder.",
        )


def _header(file: IO[bytes], place: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"format version {version}")
    shape, fortran, dtype = _HEADERS[version](file)
    if dtype.hasobject:
        raise InputError(
            f"{place} holds pickled Python objects, which can run code.",
            "Arrays of numbers or of fixed-width text are expected.",
            "Save it with a plain dtype: numbers of one shape, or strings with astype(str).",
        )
    return shape, fortran, dtype


def _check_size(shape: tuple[int, ...], dtype: np.dtype, there: int, place: str) -> None:
    claimed = math.prod(shape) * dtype.itemsize  # Python integers: a huge shape cannot overflow
    if claimed != there or any(size < 0 for size in shape):
        raise InputError(
            f"{place} claims an array of the shape {shape}, {claimed:,} bytes, and holds {there:,}.",
            "The header and the data do not belong together.", "Write the file again.",
        )


def _on_file(path: Path, start: int, shape: tuple[int, ...], fortran: bool, dtype: np.dtype) -> Array:
    count, order = math.prod(shape), _ORDERS[fortran]
    if count * dtype.itemsize > IN_MEMORY_BYTES:
        return FromArray(np.memmap(path, dtype, "r", start, shape, order))
    flat = np.fromfile(path, dtype, count, offset=start) if dtype.itemsize else np.zeros(count, dtype)
    return flat.reshape(shape, order=order)


def _data_offset(path: Path, entry: zipfile.ZipInfo) -> int:
    """Where a stored entry's bytes begin: after the local header, whose name and extra are of any length."""
    with path.open("rb") as file:
        file.seek(entry.header_offset)
        head = file.read(_LOCAL_HEADER_BYTES)
    name, extra = int.from_bytes(head[26:28], "little"), int.from_bytes(head[28:30], "little")
    return entry.header_offset + _LOCAL_HEADER_BYTES + name + extra
