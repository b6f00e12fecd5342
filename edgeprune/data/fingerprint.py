"""A hash of what a data source holds, so that an interrupted build goes on with the same data only.

Light: neither TensorFlow nor the user's module is imported.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from edgeprune.errors import InputError, unreadable

_PIECE_BYTES = 1 << 20
_MAY_LIST = (".csv", ".tsv", ".json", ".jsonl", ".gz", ".parquet")


def fingerprint(source: str) -> str:
    """Hex SHA-256 of a source as `open_data` takes it.

    Of a file its content and the vocabulary or labels beside it, of a table also the files that it lists; of
    a folder all names and contents; of ``tfds:`` and ``keras:`` the name and the package's version; of a
    Python function the file of its module.
    """
    digest = hashlib.sha256(source.encode("utf-8", "surrogateescape"))
    path = Path(source)
    if path.exists():
        for file in (*files_of(path), *_listed(path)):
            _add(digest, file, path)
    elif source.startswith(("tfds:", "keras:")):
        package = "tensorflow-datasets" if source.startswith("tfds:") else "keras"
        version = "not installed"
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            version = importlib.metadata.version(package)
        digest.update(version.encode())
    elif ":" in source:
        module = module_file(source.partition(":")[0])
        if module is not None:
            _add(digest, module, module.parent)
    else:
        raise InputError(
            f"There is no data {source}.", "A file, a folder or a name is expected.", "Check the path.",
        )
    return digest.hexdigest()


def files_of(path: Path) -> Iterator[Path]:
    """All files of a folder; or a file, and those beside it that are read along."""
    if path.is_file():
        yield path
        for name in ("y.npy", "vocab.txt", "labels.txt"):
            if path.with_name(name).is_file() and path.name != name:
                yield path.with_name(name)
        return
    for folder, below, names in os.walk(path):
        below.sort()
        yield from (Path(folder) / name for name in sorted(names) if (Path(folder) / name).is_file())


def _listed(path: Path) -> list[Path]:
    """Files that tables list; what is wrong with a table is told when it is read."""
    names = [path.name] if path.is_file() else [file.name for file in path.iterdir()]
    if any(name.lower().endswith(_MAY_LIST) for name in names):
        from edgeprune.data.table_data import listed_below

        with contextlib.suppress(InputError):
            return listed_below(path)
    return []


def _add(digest: hashlib._Hash, file: Path, root: Path) -> None:
    """Name, size and content: two files must not hash as one."""
    name = os.fsencode(os.path.relpath(file, root))
    try:
        with file.open("rb") as content:
            digest.update(b"%d %s %d " % (len(name), name, os.fstat(content.fileno()).st_size))
            while piece := content.read(_PIECE_BYTES):
                digest.update(piece)
    except OSError as error:
        raise unreadable(file, error, "Readable files are expected.", "Check its rights.") from error


def module_file(name: str) -> Path | None:
    """The file of a module, without importing it or its packages."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    for root in (str(Path.cwd()), *sys.path):
        base = Path(root or ".").joinpath(*parts)
        for file in (base.with_name(base.name + ".py"), base / "__init__.py"):
            if file.is_file():
                return file
    return None
