"""Texts that a step needs beside its options, such as a vocabulary: from a folder or from memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgeprune.errors import InputError


class Files:
    """Reads a named text from a bundle's folder, or from texts held in memory while there is none."""

    def __init__(self, source: Path | Mapping[str, str] | None) -> None:
        self._source = source

    def read(self, name: str) -> str:
        """The text of file `name`.

        Raises:
            InputError: there is no such file, or `name` points outside the folder.
        """
        if isinstance(self._source, Path):
            path = self._source / name
            inside = Path(name).name == name
            if inside and path.is_file():
                return path.read_text(encoding="utf-8")
        elif self._source is not None and name in self._source:
            return self._source[name]
        raise InputError(
            f"The preprocessing needs the file {name!r}, which is not in {self._source_name()}.",
            "Expected it beside the model, by its plain name.",
            "Build the bundle again, or pass the folder that holds it.",
        )

    def _source_name(self) -> str:
        return str(self._source) if isinstance(self._source, Path) else "the files handed over"
