"""Artifacts on disk, so that an interrupted build goes on: an artifact that is there is a stage done.

One folder in the user's cache for each set of inputs (see `edgeprune.pipeline.fingerprint`); it goes when the
build is done, and after a month in any case. An artifact is there as a whole or not at all. It is a frozen
dataclass: models, arrays and bytes are files beside ``values.json``, which holds the rest.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np

from edgeprune import jsonable
from edgeprune.cache import writable_cache
from edgeprune.errors import InputError
from edgeprune.keras_types import KerasModel

Artifact = TypeVar("Artifact")
_KEPT_S = 30 * 24 * 3600.0
_VALUES, _FILE = "values.json", "$file"


@dataclasses.dataclass(frozen=True)
class ArtifactStore:
    """Finished stages of one build.

    Attributes:
        folder: that holds them; None keeps nothing.
        load_model: reads a model that the store has written.
        note: why nothing is kept, where something should be.
    """

    folder: Path | None
    load_model: Callable[[Path], KerasModel]
    note: str = ""

    @classmethod
    def of_build(
        cls, key: str | None, load_model: Callable[[Path], KerasModel], *, resume: bool
    ) -> ArtifactStore:
        """The store of the build that `key` names; None keeps nothing.

        Args:
            key: names the build's inputs.
            load_model: reads a model that the store has written.
            resume: False forgets what was there.
        """
        if key is None:
            return cls(None, load_model)
        builds, problem = writable_cache("builds")
        if problem:
            note = f"This build cannot be resumed: {builds} cannot be written ({problem})."
            return cls(None, load_model, note)
        store = cls(builds / key, load_model)
        _forget_old(builds)
        if not resume:
            store.clear()
        return store

    def names(self) -> tuple[str, ...]:
        """Names of the finished stages."""
        if self.folder is None or not self.folder.is_dir():
            return ()
        finished = (one.parent.name for one in self.folder.glob(f"[!.]*/{_VALUES}"))
        return tuple(sorted(name for name in finished if not name.endswith(".log")))

    def holds_something(self) -> bool:
        """Whether a finished stage, or a part of one, is kept."""
        return self.folder is not None and self.folder.is_dir() and any(self.folder.iterdir())

    def load(self, name: str, kind: type[Artifact]) -> Artifact | None:
        """The artifact `name`, or None where it is not finished or cannot be read any more."""
        if self.folder is None or not (self.folder / name / _VALUES).is_file():
            return None
        folder = self.folder / name
        try:
            values = json.loads((folder / _VALUES).read_text(encoding="utf-8"))
            found = jsonable.decode(kind, self._with_files(values, folder), name)
        except (InputError, OSError, ValueError):
            return None
        return found

    def keep(self, name: str, artifact: object) -> None:
        """Writes an artifact; it counts once it is there as a whole. A full disk does not end the build."""
        with contextlib.suppress(OSError):
            self._write(name, artifact)

    def _write(self, name: str, artifact: object) -> None:
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".", dir=self.folder))
        try:
            # A curve begins with a loss that is no number: this file is read by nothing but `load`.
            text = json.dumps(_without_files(artifact, staging, itertools.count()))
            (staging / _VALUES).write_text(text, encoding="utf-8")
            shutil.rmtree(self.folder / name, ignore_errors=True)
            staging.rename(self.folder / name)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def file(self, name: str) -> Path | None:
        """Path of a file that grows while a stage runs; None where nothing is kept."""
        return self.folder / name if self.folder is not None else None

    def clear(self) -> None:
        """Forgets everything."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _with_files(self, value: object, folder: Path) -> object:
        """Puts back what `_without_files` took out."""
        if isinstance(value, list):
            return [self._with_files(item, folder) for item in value]
        if not isinstance(value, dict):
            return value
        if value.keys() != {_FILE}:
            return {key: self._with_files(item, folder) for key, item in value.items()}
        path = folder / Path(value[_FILE]).name
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        return path.read_bytes() if path.suffix == ".bin" else self.load_model(path)


def _without_files(value: object, folder: Path, numbers: Iterator[int]) -> object:
    """The values with a file's name in place of each array, bytes and model, which are written."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [_without_files(item, folder, numbers) for item in value]
    if isinstance(value, Mapping):
        return {key: _without_files(item, folder, numbers) for key, item in value.items()}
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    stem = str(next(numbers))
    if isinstance(value, np.ndarray):
        path = folder / f"{stem}.npy"
        np.save(path, value, allow_pickle=False)
    elif isinstance(value, bytes):
        path = folder / f"{stem}.bin"
        path.write_bytes(value)
    else:
        from edgeprune.keras_bridge.load import saved_bytes

        path = folder / f"{stem}.keras"
        path.write_bytes(saved_bytes(value))
    return {_FILE: path.name}


def _forget_old(builds: Path) -> None:
    if not builds.is_dir():
        return
    for folder in builds.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _KEPT_S:
                shutil.rmtree(folder, ignore_errors=True)
