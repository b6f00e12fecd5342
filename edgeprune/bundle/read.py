"""Read a bundle folder and check it before anything in it is used.

A bundle may come from anywhere, so nothing in it is trusted: names are plain file names (no separator,
no leading dot, so no path leaves the folder), files are regular files (no links), and sizes and SHA-256
must match the manifest. No file is executed or unpickled.

How to bump the format: raise `BUNDLE_FORMAT_VERSION`, teach `_read_manifest` what the older version
meant, and add a bundle of the new version to the golden files of the tests; keep the old ones.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Union

from edgeprune import jsonable
from edgeprune.bundle.eval_data import EvalData, load_eval
from edgeprune.bundle.manifest_problems import manifest_problems
from edgeprune.errors import InputError
from edgeprune.types import BUNDLE_FORMAT_VERSION, FileInfo, Manifest

MANIFEST = "manifest.json"
MODEL = "model.tflite"
STREAMING = "streaming.tflite"  # one step of time a call, where it was asked for
EVAL = "eval.npz"
REPORT = "report.json"
SIGNATURE = "model.sig"  # over the whole folder, the manifest included; see `edgeprune.gate.signing`
# Not needed to run the model, so they stay on the host when a bundle goes to a device.
HOST_ONLY = frozenset({"model.keras", REPORT})
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_MAX_MANIFEST_BYTES = 16 << 20
_REBUILD = "Build the bundle again, or copy it again from where it was built."


@dataclasses.dataclass(frozen=True, repr=False)
class Bundle:
    """A folder whose files match its manifest; it may stand wherever a path of a bundle may."""

    path: Path
    manifest: Manifest

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        size = self.manifest.files[MODEL].bytes if MODEL in self.manifest.files else 0
        return f"<Bundle {self.path}: {self.manifest.task}, {MODEL} of {size:,} bytes>"

    def _repr_html_(self) -> str:
        from edgeprune.html_table import html_table, stages_table  # not on devices

        files = [(name, f"{info.bytes:,}") for name, info in sorted(self.manifest.files.items())]
        try:
            report = jsonable.parse_file(self.path / REPORT)
        except InputError:
            report = None
        stages = report.get("stages") if isinstance(report, dict) else None
        above = stages_table(repr(self)[1:-1], stages) if isinstance(stages, dict) else ""
        return above + html_table("Files" if above else repr(self)[1:-1], ("file", "bytes"), files)

    def file(self, name: str) -> Path:
        """Path of the file `name`; an `InputError` if the bundle has none."""
        if name != MANIFEST and name not in self.manifest.files:
            has = sorted(self.manifest.files)
            raise InputError(f"The bundle {self.path} has no {name}.", f"It has {has}.")
        return self.path / name

    @property
    def model(self) -> Path:
        """Path of the deployed `.tflite` file."""
        return self.path / MODEL

    def samples(self) -> EvalData:
        """The evaluation samples; an `InputError` where there are none or they cannot belong to the model."""
        return load_eval(self.file(EVAL), (*self.manifest.inputs, *self.manifest.outputs))


def read_bundle(folder: Union[Path, str, Bundle], skip: Collection[str] = ()) -> Bundle:  # noqa: UP007
    """Reads a bundle and verifies every file of it.

    >>> bundle = edgeprune.read_bundle("build/mine")
    >>> bundle.model.name, bundle.manifest.task
    ('model.tflite', 'vision')

    Args:
        folder: the output folder of a build.
        skip: files that may be absent, such as `HOST_ONLY` on a device.

    Raises:
        InputError: no bundle, an unknown format version, or a file that is missing, linked, renamed out
            of the folder, or not what the manifest says.
    """
    folder = Path(folder)
    manifest = _read_manifest(folder)
    for name, info in manifest.files.items():
        check_name(name)
        if name not in skip:
            _verify(folder / name, info)
    if MODEL not in manifest.files:
        raise InputError(f"{folder / MANIFEST} lists no {MODEL}.", "A bundle needs one.", _REBUILD)
    return Bundle(folder, manifest)


def check_name(name: str) -> None:
    """Raise `InputError` unless `name` is a plain file name that stays inside its folder."""
    if not _NAME.fullmatch(name) or name == MANIFEST:
        allowed = "Letters, digits, '.', '_' and '-' are allowed, with no folder in front."
        raise InputError(f"The bundle names a file {name[:120]!r}.", allowed, _REBUILD)


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for piece in iter(lambda: stream.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder.", "A bundle was expected.", "See `edgeprune build`.")
    if not path.exists():
        raise InputError(f"{folder} has no {MANIFEST}.", "A bundle has one.", "Name a build's --out folder.")
    if _size_of_regular(path) > _MAX_MANIFEST_BYTES:
        raise InputError(f"{path} is larger than {_MAX_MANIFEST_BYTES} bytes.", "", _REBUILD)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    manifest = jsonable.loads(Manifest, content, str(path))
    if manifest.format_version != BUNDLE_FORMAT_VERSION:
        expected = f"This edgeprune reads version {BUNDLE_FORMAT_VERSION}."
        way_out = "Use the edgeprune that wrote it, or build the bundle again."
        raise InputError(f"{path} has format version {manifest.format_version}.", expected, way_out)
    problem = next(manifest_problems(manifest), None)
    if problem is not None:
        raise InputError(f"{path} cannot be right: {problem}.", "", _REBUILD)
    return manifest


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be read ({error.strerror}).", "", _REBUILD)


def _verify(path: Path, info: FileInfo) -> None:
    size = _size_of_regular(path)
    if size != info.bytes:
        raise InputError(f"{path} has {size} bytes.", f"The manifest says {info.bytes}.", _REBUILD)
    if sha256_of(path) != info.sha256:
        raise InputError(f"{path} is corrupted: its SHA-256 is not the manifest's.", "", _REBUILD)


def _size_of_regular(path: Path) -> int:
    """Size in bytes of a regular file; a link, folder or device is refused before it is opened."""
    try:
        status = path.lstat()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path} is not a regular file.", "Links and folders are refused.", _REBUILD)
    return status.st_size
