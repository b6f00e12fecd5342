"""Many files to samples, on all cores; those that cannot be read are named together, before training.

    read = FileReader(request, files=300)
    x, kept = read.samples(paths, form)          # x (300, ...) or `Streamed`; kept (300,) bool
    x, y = kept_rows(x, kept), y[kept]
    note = read.settle()                         # raises `InputError` unless --skip-bad-files

What fits into memory is read once and held. Of a larger set every file is checked once, and read again
whenever a batch needs it.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from edgeprune.data import streamed
from edgeprune.data.dataset_builder import DataRequest
from edgeprune.data.labels import RawTargets
from edgeprune.data.streamed import Array, FromItems, pick
from edgeprune.errors import InputError, UnreadableError, shown

_CHUNK = 16  # files that a thread takes at a time, at most
_WAVE = 4096  # files that are handed out at a time
_MOST_THREADS = 16
_NAMED = 10
Item = TypeVar("Item")  # a path, or what may stand in its place
_Failed = dict[int, UnreadableError]  # by the number of the item


@dataclasses.dataclass(frozen=True)
class FileForm(Generic[Item]):
    """What every file becomes, and how."""

    shape: tuple[int, ...]
    dtype: type[np.generic]
    read: Callable[[Item], np.ndarray]  # raises `UnreadableError`
    verify: Callable[[Item], object]  # raises the same; may be cheaper than `read`

    @property
    def item_bytes(self) -> int:
        """Size of one sample."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize


class FileReader:
    """Reads the files of one source, tells how far it is, and remembers what could not be read."""

    def __init__(self, request: DataRequest, files: int) -> None:
        self._request, self._files, self._done = request, files, 0
        self._bad: dict[str, UnreadableError] = {}

    def samples(self, items: Sequence[Item], form: FileForm[Item]) -> tuple[Array, np.ndarray]:
        """All samples, and which of them were read, (N,) bool; the others hold nothing of use."""
        if len(items) * form.item_bytes > streamed.IN_MEMORY_BYTES:
            return FromFiles(items, form), self.each(items, lambda row: form.verify(items[row]))
        made = np.zeros((len(items), *form.shape), form.dtype)

        def fill(row: int) -> None:
            made[row] = form.read(items[row])

        return made, self.each(items, fill)

    def each(self, items: Sequence[Item], work: Callable[[int], object]) -> np.ndarray:
        """Calls `work` with the number of each item; (N,) bool, False where it raised `UnreadableError`."""
        kept = np.ones(len(items), bool)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a decoder's remarks on files that it reads
            for failed, count in _in_threads(len(items), work):
                for row, error in failed.items():
                    kept[row] = False
                    self._bad[error.name] = error
                self._done += count
                self._request.progress(min(self._done / max(self._files, 1), 1.0))
        return kept

    def settle(self) -> str:
        """A sentence on files that are left out; empty where all were read.

        Raises:
            InputError: lists files that cannot be read, unless the user asked to leave them out.
        """
        if not self._bad:
            return ""
        bad = [self._bad[name] for name in sorted(self._bad)]
        listed = ", ".join(f"{self._shown(error.name)} ({shown(error.reason)})" for error in bad[:_NAMED])
        more = f", and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
        found = f"{len(bad)} of {self._files} files cannot be read"
        if self._request.settings.skip_bad_files:
            return f"{found} and {'is' if len(bad) == 1 else 'are'} left out: {listed}{more}."
        raise InputError(
            bad[0].found if len(bad) == 1 else f"{found}: {listed}{more}.", bad[0].expected,
            f"{bad[0].way_out} --skip-bad-files leaves such files out.",
        ) from bad[0]

    def _shown(self, name: str) -> str:
        root = self._request.path
        return shown(Path(name).relative_to(root) if Path(name).is_relative_to(root) else name)


class FromFiles(FromItems):
    """Samples that are read from their files as they are needed, a batch on all cores."""

    def __init__(self, items: Sequence[Item], form: FileForm[Item]) -> None:
        super().__init__(items, form.read)
        self._items, self._form = items, form
        self._read = self._batch

    def _batch(self, rows: np.ndarray) -> np.ndarray:
        made = np.empty((len(rows), *self._form.shape), self._form.dtype)

        def fill(place: int) -> None:
            made[place] = self._form.read(self._items[rows[place]])

        for failed, _ in _in_threads(len(rows), fill):
            for error in failed.values():
                raise error
        return made


def kept_rows(array: Array, kept: np.ndarray) -> Array:
    """The samples that could be read; the very array where all could."""
    return array if kept.all() else pick(array, kept)


def kept_labels(y: RawTargets, kept: np.ndarray) -> RawTargets:
    """The labels of samples that could be read."""
    if isinstance(y, tuple):
        return tuple(None if one is None else np.asarray(one)[kept] for one in y)
    return None if y is None else np.asarray(y)[kept]


def _in_threads(count: int, work: Callable[[int], object]) -> Iterator[tuple[_Failed, int]]:
    """Calls `work` with 0 to `count` - 1; what it could not read, and how many it tried, chunk by chunk."""

    def several(rows: range) -> _Failed:
        tried = ((row, _error_of(work, row)) for row in rows)
        return {row: error for row, error in tried if error is not None}

    size = max(1, min(_CHUNK, count // (4 * _threads())))  # small enough that no core waits long for another
    chunks = [range(start, min(start + size, count)) for start in range(0, count, size)]
    if len(chunks) <= 1:
        yield from ((several(rows), len(rows)) for rows in chunks)
        return
    for start in range(0, len(chunks), _WAVE // _CHUNK):
        wave = chunks[start : start + _WAVE // _CHUNK]
        for rows, failed in zip(wave, _pool().map(several, wave), strict=True):
            yield failed, len(rows)


def _error_of(work: Callable[[int], object], row: int) -> UnreadableError | None:
    try:
        work(row)
    except UnreadableError as error:
        return error
    return None


@functools.cache
def _pool() -> ThreadPoolExecutor:
    """Kept, since starting threads for each batch takes a fifth of the time of reading it."""
    return ThreadPoolExecutor(_threads(), "edgeprune-read")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not live on in a child


def _threads() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST_THREADS)
