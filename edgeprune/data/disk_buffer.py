"""A stream of batches to samples that can be read in any order: in memory, or from a temporary file.

Generators and `tf.data` give their samples once and in order; pruning and training read them many
times. Up to `IN_MEMORY_BYTES` are held; what is more goes into an unnamed file in the folder for
temporary files (TMPDIR), which the operating system removes when the process ends, however it ends.
"""

from __future__ import annotations

import shutil
import tempfile
from typing import IO

import numpy as np

from edgeprune.data.streamed import IN_MEMORY_BYTES, Array, FromArray
from edgeprune.data.text import texts_of
from edgeprune.errors import InputError

_KEEP_FREE_BYTES = 2**30


class DiskBuffer:
    """Takes batches (n, ...) of one shape and dtype; `samples` gives them all."""

    def __init__(self, source: str) -> None:
        self._source, self.count = source, 0
        self._held: list[np.ndarray] = []
        self._held_bytes = 0
        self._file: IO[bytes] | None = None
        self._first: np.ndarray | None = None

    def add(self, batch: np.ndarray) -> None:
        """Appends samples; refuses another shape or dtype than before, and Python objects."""
        if batch.dtype.kind in "SOU":
            batch = texts_of(batch, self._source)
        first = self._first if self._first is not None else batch
        if batch.ndim == 0 or batch.shape[1:] != first.shape[1:] or batch.dtype != first.dtype:
            raise InputError(
                f"{self._source} gives samples of shape {first.shape[1:]}, {first.dtype}, and then of "
                f"{batch.shape[1:]}, {batch.dtype}.", "One shape and dtype is expected.",
                "Pad, crop or convert them.",
            )
        self._first = first
        self._held.append(batch)
        self._held_bytes += batch.nbytes
        self.count += len(batch)
        if self._held_bytes > IN_MEMORY_BYTES:
            self._flush()

    def samples(self) -> Array:
        """All samples, in their order."""
        if self._first is None or not self.count:
            expected = "At least one batch is expected."
            raise InputError(f"{self._source} gives no samples.", expected, "Check the source.")
        if self._file is None:
            return np.concatenate(self._held)
        self._flush()
        self._file.flush()
        shape = (self.count, *self._first.shape[1:])
        return FromArray(np.memmap(self._file, self._first.dtype, "r", 0, shape))

    def _flush(self) -> None:
        if self._first is not None and self._first.dtype.hasobject:
            raise InputError(
                f"{self._source} gives more than {IN_MEMORY_BYTES >> 20} MB of texts.",
                "Texts must fit into memory.", "Pass fewer.",
            )
        if shutil.disk_usage(tempfile.gettempdir()).free < self._held_bytes + _KEEP_FREE_BYTES:
            raise InputError(
                f"{self._source} fills the folder for temporary files, {tempfile.gettempdir()}.",
                "A source that ends and room for all its samples are expected.",
                "Check that it does not repeat (take(n)), or set TMPDIR to a larger disk.",
            )
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the samples)
        for batch in self._held:
            self._file.write(np.ascontiguousarray(batch).data)
        self._held, self._held_bytes = [], 0
