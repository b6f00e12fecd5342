"""What an interrupted build had finished, so that the next one goes on from there.

One folder in the user's cache for each set of inputs (see `edgeprune.pipeline.fingerprint`); it goes when the
build is done, and after a month in any case. A stage is there as a whole or not at all.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edgeprune.cache import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEPT_S = 30 * 24 * 3600.0


class State:
    """Finished stages of one build.

    Args:
        key: names the build's inputs; None keeps nothing.
        resume: False forgets what was there.
    """

    def __init__(self, key: str | None, *, resume: bool = True) -> None:
        self.folder = cache_folder() / "builds" / key if key else None
        if self.folder is not None:
            _forget_old(self.folder.parent)
            if not resume:
                self.clear()

    def finished(self, stage: str) -> Path | None:
        """The folder of a finished stage, or None."""
        if self.folder is None or not (self.folder / stage).is_dir():
            return None
        return self.folder / stage

    def stages(self) -> tuple[str, ...]:
        """Names of the finished stages."""
        if self.folder is None or not self.folder.is_dir():
            return ()
        return tuple(sorted(one.name for one in self.folder.iterdir() if one.is_dir() and one.name[0] != "."))

    @contextlib.contextmanager
    def finishing(self, stage: str) -> Iterator[Path | None]:
        """A folder to write a stage's result into; it counts once the block is done."""
        if self.folder is None:
            yield None
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=".", dir=self.folder))
        try:
            yield room
            shutil.rmtree(self.folder / stage, ignore_errors=True)
            room.rename(self.folder / stage)
        finally:
            shutil.rmtree(room, ignore_errors=True)

    def file(self, name: str) -> Path | None:
        """Path of a file that grows while a stage runs; None where nothing is kept."""
        return self.folder / name if self.folder is not None else None

    def clear(self) -> None:
        """Forgets everything."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def _forget_old(builds: Path) -> None:
    if not builds.is_dir():
        return
    for folder in builds.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _KEPT_S:
                shutil.rmtree(folder, ignore_errors=True)
