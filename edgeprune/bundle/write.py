"""Write a bundle as a whole or not at all.

    parent/out          previous bundle, untouched until the new one is complete
    parent/.out.XXXX    the new one while it grows; removed on any failure, Ctrl-C included

The last step swaps the two by renaming, then removes the previous one.
"""

import contextlib
import dataclasses
import errno
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgeprune import jsonable
from edgeprune.bundle.read import MANIFEST, MODEL, SIGNATURE, Bundle, check_name, sha256_of
from edgeprune.bundle.seal import sealed
from edgeprune.errors import InputError, shown
from edgeprune.types import FileInfo, Manifest

_WAY_OUT = "Choose another --out, or free space and try again; the previous folder is as it was."


def write_bundle(out_dir: Path, manifest: Manifest, files: Mapping[str, bytes | Path]) -> Bundle:
    """Write `files` and the manifest as the folder `out_dir`, replacing a bundle that is there.

    `files` gives content, or the path of a file to copy, by the name it gets in the bundle; the manifest's
    own `files` are filled in here.

    Raises:
        InputError: a bad name, an `out_dir` that is a file or holds something else than a bundle, or a
            failed write (disk full, no permission). The previous folder is then unchanged.
    """
    for name in files:
        check_name(name)
    if MODEL not in files:
        raise InputError(f"The new bundle has no {MODEL}.", "Every bundle needs one.")
    out_dir = check_out_dir(out_dir)
    try:
        with temporary_sibling(out_dir) as folder:
            infos = {name: _write_file(folder / name, content) for name, content in files.items()}
            manifest = sealed(dataclasses.replace(manifest, files=infos))
            (folder / MANIFEST).write_text(jsonable.dumps(manifest, indent=1) + "\n", encoding="utf-8")
            swap(folder, out_dir)
    except OSError as error:
        found = "The disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error)
        raise InputError(f"The bundle {out_dir} could not be written: {found}.", "", _WAY_OUT) from error
    return Bundle(out_dir, manifest)


def check_out_dir(out_dir: Path) -> Path:
    """Check early that a bundle may be written to `out_dir`; returns it with links resolved.

    Raises:
        InputError: it is a file, lies below a file, holds the folder that the program works in, or is a
            folder with something else in it than a bundle, which a swap would delete.
    """
    out_dir = Path(os.path.realpath(out_dir))
    nearest = nearest_folder(out_dir)
    here = Path(os.path.realpath(Path.cwd()))
    if out_dir == here or out_dir in here.parents:
        raise InputError(
            f"{out_dir} is the folder that you are in, or holds it.",
            "--out is replaced as a whole, which needs a folder of its own.",
            "Choose a folder below it, such as --out build/edgeprune.",
        )
    foreign = _foreign(out_dir) if nearest == out_dir else ""
    if foreign:
        raise InputError(
            f"{out_dir} {foreign}.",
            "A new folder, an empty one or a previous bundle is expected: it is replaced as a whole.",
            "Choose another --out.",
        )
    return out_dir


def nearest_folder(path: Path) -> Path:
    """The folder itself, or the nearest one above it that is there; an `InputError` where that is a file."""
    nearest = next(one for one in (path, *path.parents) if one.exists())
    if not nearest.is_dir():
        raise InputError(f"{nearest} is a file.", "--out needs a folder.", "Choose another --out.")
    return nearest


def _foreign(folder: Path) -> str:
    """What speaks against replacing a folder, in words."""
    names = {path.name for path in folder.iterdir()}
    if names and MANIFEST not in names:
        return f"is not empty and holds no {MANIFEST}"
    if not names:
        return ""
    try:
        document = jsonable.parse_file(folder / MANIFEST)
    except InputError:
        document = None
    listed = document.get("files") if isinstance(document, dict) else None
    if not isinstance(listed, dict) or MODEL not in listed:
        return f"holds a {MANIFEST} that is not a bundle's"
    others = sorted(names - listed.keys() - {MANIFEST, SIGNATURE})
    return f"holds {shown(others[0])}, which is not of the bundle there" if others else ""


@contextlib.contextmanager
def temporary_sibling(out_dir: Path) -> Iterator[Path]:
    """An empty folder beside `out_dir`, removed at the end unless it was renamed."""
    # Not by mkdtemp, which makes it private: a bundle is an ordinary folder.
    folder = out_dir.with_name(f".{out_dir.name}.{secrets.token_hex(8)}")
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_file(path: Path, content: bytes | Path) -> FileInfo:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        shutil.copyfile(content, path)
    return FileInfo(path.stat().st_size, sha256_of(path))


def swap(new: Path, out_dir: Path) -> None:
    """Rename `new` to `out_dir`; what was there is put back if that fails, else removed."""
    if not out_dir.exists():
        new.rename(out_dir)
        return
    previous = new.with_name(new.name + ".previous")
    out_dir.rename(previous)
    try:
        new.rename(out_dir)
    except BaseException:
        previous.rename(out_dir)
        raise
    shutil.rmtree(previous, ignore_errors=True)
