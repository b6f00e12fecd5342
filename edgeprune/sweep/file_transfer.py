"""Files on their way to the machines of a cluster and back: model and data there, bundles here.

A machine that has the same files at the same paths (this one, or a shared disk) uses those. Others
receive them, and keep them in the user's cache.
"""

import contextlib
import dataclasses
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from edgeprune.bundle.write import swap, temporary_sibling
from edgeprune.cache import cache_folder
from edgeprune.data.fingerprint import files_of
from edgeprune.errors import EdgepruneError
from edgeprune.pipeline.fingerprint import hash_of_path, key_of
from edgeprune.sweep.trial import Assignment


def checksums_of(assignment: Assignment) -> dict[str, str]:
    """SHA-256 of each input that is a file or a folder, by the assignment's field."""
    return {
        name: key_of({str(file.relative_to(path.parent)): hash_of_path(file) for file in _all(path)})
        for name, path in _inputs(assignment).items()
        if path.exists()
    }


def pack_inputs(assignment: Assignment) -> bytes:
    """Model and data as they lie on this machine."""
    return pack({
        f"{name}/{file.relative_to(path.parent)}": file
        for name, path in _inputs(assignment).items() for file in _all(path)
    })


def pack(files: Mapping[str, Path]) -> bytes:
    """A tar of files by the name they get."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, path in files.items():
            archive.add(path, name, recursive=False)
    return sink.getvalue()


def unpack(content: bytes, folder: Path) -> None:
    """Writes a tar's files as `folder`, as a whole; `tarfile.FilterError` if one of them would leave it."""
    with temporary_sibling(folder) as staging:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(staging, filter="data")
        swap(staging, folder)


def on_this_machine(assignment: Assignment, checksums: Mapping[str, str], sent: bytes | None) -> Assignment:
    """The assignment with the paths of its files, whose `checksums_of` are given, on this machine.

    Raises:
        FileNotFoundError: the files are needed, and none were sent.
    """
    with contextlib.suppress(OSError, EdgepruneError):
        if checksums_of(assignment) == checksums:
            return assignment
    kept = cache_folder() / "sweeps" / key_of(checksums)
    if not kept.is_dir():
        if sent is None:
            raise FileNotFoundError(kept)
        with contextlib.suppress(FileExistsError):  # another trial of this machine was quicker
            unpack(sent, kept)
    files = _inputs(assignment).items()
    moved = {name: str(kept / name / path.name) for name, path in files if name in checksums}
    return dataclasses.replace(
        assignment, model=moved.get("model", assignment.model), data=moved.get("data", assignment.data),
        trained=moved.get("trained", assignment.trained),
    )  # fmt: skip


def _inputs(assignment: Assignment) -> dict[str, Path]:
    given = {"model": assignment.model, "data": assignment.data, "trained": assignment.trained}
    return {name: Path(path) for name, path in given.items() if path}


def _all(path: Path) -> list[Path]:
    """A folder's files; or a file, and what is read along with it."""
    return list(files_of(path)) if path.exists() else []
