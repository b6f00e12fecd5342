"""`open_data`: one way in for all data. A new kind = one module that reads it, and one row in `KINDS`.

What is typed, what it is, and the module that reads it:

    data.npz, x.npy, FOLDER of .npy     arrays                       `arrays`
    FOLDER/cat/1.jpg, FOLDER/1.jpg      pictures, by class or bare   `image_folder`
    FOLDER/yes/1.wav                    recordings by word           `speech_data`
    data.csv .tsv .jsonl(.gz) .parquet  texts, or rows of numbers    `table_data`
    tfds:NAME                           TensorFlow Datasets          `tfds`
    keras:NAME                          Keras' own                   `keras_sets`
    package.module:function             the user's function          `callables`
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import sys
from collections.abc import Callable
from pathlib import Path

from edgeprune.data import (
    arrays,
    callables,
    folders,
    image_folder,
    keras_sets,
    pictures,
    speech_data,
    table_data,
    tables,
    tfds,
)
from edgeprune.data.dataset import Dataset
from edgeprune.data.labels import shown
from edgeprune.data.wants import Wants
from edgeprune.errors import InputError

_CALLABLE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
Read = Callable[[str, "str | None", "Wants | None", int], Dataset]


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of source.

    Attributes:
        name: as messages call it.
        matches: by the name, or by what a folder holds.
        read: source, task, wants, seed.
    """

    name: str
    matches: Callable[[str], bool]
    read: Read


def open_data(
    source: str | Path, *, task: str | None = None, seed: int = 0, wants: Wants | None = None
) -> Dataset:
    """Opens, splits, fits and checks data.

    Args:
        source: see the module.
        task: of the model, where the source does not say it (arrays, functions).
        seed: of splits that have to be drawn, and of silence in speech.
        wants: the model; see `edgeprune.data.wants.wants_of`. Without it only what needs no model is checked.

    Raises:
        InputError: no such source, a missing package, or data that does not fit the model.
    """
    name = str(source)
    for kind in KINDS:
        if kind.matches(name):
            try:
                # Downloads and users' functions print; standard output is for the command's result.
                with contextlib.redirect_stdout(sys.stderr):
                    return kind.read(name, task, wants, seed)
            except (OSError, MemoryError) as error:
                raise InputError(
                    f"{shown(name)} cannot be read ({error or type(error).__name__}).",
                    f"{kind.name} is expected.", "Check its rights, its disk and its size.",
                ) from error
    there = Path(name).exists()
    raise InputError(
        f"{shown(name)} is no data that edgeprune knows." if there else f"There is no data {shown(name)}.",
        f"Expected {'; '.join(kind.name for kind in KINDS)}.", "Check the name.",
    )


def _ends(*suffixes: str) -> Callable[[str], bool]:
    return lambda source: source.lower().endswith(suffixes) and Path(source).is_file()


def _holds(*suffixes: str) -> Callable[[str], bool]:
    """A folder that has files with one of these endings in itself."""
    return lambda source: Path(source).is_dir() and any(
        path.name.lower().endswith(suffixes) and path.is_file() for path in Path(source).iterdir()
    )


def _holds_by_class(*suffixes: str) -> Callable[[str], bool]:
    """A folder whose folders have such files."""

    def matches(source: str) -> bool:
        root = Path(source)
        return root.is_dir() and any(
            next(folders.files_below(root / name, suffixes, root), None) for name in folders.subfolders(root)
        )

    return matches


def _names_function(source: str) -> bool:
    return _CALLABLE.fullmatch(source) is not None and not Path(source).exists()


KINDS: tuple[Kind, ...] = (
    Kind("tfds:NAME", lambda source: source.startswith("tfds:"), tfds.read_tfds),
    Kind("keras:NAME", lambda source: source.startswith("keras:"), keras_sets.read_keras),
    Kind("a .npz archive", _ends(".npz"), arrays.read_archive),
    Kind("a .npy array", _ends(".npy"), arrays.read_npy_files),
    Kind("a table (.csv, .tsv, .jsonl, .parquet)", _ends(*tables.SUFFIXES), table_data.read_table_data),
    Kind("a folder of .npy", _holds(".npy"), arrays.read_npy_files),
    Kind("a folder of tables", table_data.is_folder_of_tables, table_data.read_table_data),
    Kind("a folder of .wav by word", _holds_by_class(".wav"), speech_data.read_speech_folder),
    Kind(
        "a folder of pictures by class", _holds_by_class(*pictures.SUFFIXES), image_folder.read_image_folder
    ),
    Kind("a folder of pictures", _holds(*pictures.SUFFIXES), image_folder.read_pictures),
    Kind("package.module:function", _names_function, callables.read_callable),
)
"""The first row that matches reads the source."""
