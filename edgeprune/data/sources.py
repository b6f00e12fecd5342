"""`open_data`: one way in for all data. A new kind = one module that reads it, and one row in `KINDS`.

What is typed, what it is, and the module that reads it:

    data.npz, x.npy, FOLDER of .npy     arrays                       `arrays`
    FOLDER/images/, FOLDER/masks/       pictures with masks          `masks`
    COCO's .json, VOC's .xml, YOLO      pictures with boxes          `boxes`
    COCO's .json with keypoints         pictures with points         `keypoints`
    FOLDER/cat/1.jpg, FOLDER/1.jpg      pictures, by class or bare   `pictures`
    FOLDER/yes/1.wav, FOLDER/1.flac     recordings, by class or bare `speech_folders`
    data.csv .tsv .json .jsonl .parquet texts, files, numbers        `table_data`
    FOLDER/pos/1.txt, FOLDER/pos.txt    texts by class               `text_folders`
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
    audio_files,
    boxes,
    callables,
    folders,
    keras_sets,
    keypoints,
    masks,
    pictures,
    speech_folders,
    table_data,
    text_folders,
)
from edgeprune.data.containers import read_given
from edgeprune.data.dataset import Dataset
from edgeprune.data.dataset_builder import DataRequest, untold
from edgeprune.data.model_signature import ModelSignature
from edgeprune.data.tfds import read_tfds
from edgeprune.data.unknown_sources import unknown_source
from edgeprune.errors import InputError, shown, unreadable
from edgeprune.recipe.sections import DataSettings

_CALLABLE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclasses.dataclass(frozen=True)
class SourceKind:
    """One kind of source; its reader raises `InputError` for what is damaged or does not fit the model."""

    name: str  # as messages call it
    matches: Callable[[str], bool]
    read: Callable[[DataRequest], Dataset]


def open_data(
    source: object, *, task: str | None = None, seed: int = 0, signature: ModelSignature | None = None,
    settings: DataSettings | None = None, progress: Callable[[float], None] | None = None,
) -> Dataset:
    """Opens, splits, preprocesses and checks data; see `DataRequest` for the arguments.

    What is neither text nor path is data in memory; see `edgeprune.data.containers`.

    Raises:
        InputError: no such source, a missing package, or data that does not fit the model.
    """
    data = _read(source, task, seed, signature, settings, progress)
    stated = settings.letterbox if settings is not None else None
    if stated is not None and not any(step["op"] == "letterbox" for step in data.preprocessing):
        raise InputError(
            f"{shown(data.source)} holds no files of pictures, which --letterbox {stated} puts bars around.",
            "Files of pictures are expected: arrays are taken as they are.",
            "Leave the option out, or pass pictures as files.",
        )
    return data


def _read(
    source: object, task: str | None, seed: int, signature: ModelSignature | None,
    settings: DataSettings | None, progress: Callable[[float], None] | None,
) -> Dataset:
    in_memory = not isinstance(source, (str, Path))
    name = "The data in memory" if in_memory else str(source)
    request = DataRequest(name, task, signature, seed, settings or DataSettings(), progress or untold)
    if in_memory:
        if table_data.is_frame(source, request):
            return table_data.read_frame(source, request)
        _check_settings("samples and labels", request)
        return read_given(source, request)
    for kind in KINDS:
        if kind.matches(name):
            if kind.read not in (table_data.read_table_data, table_data.read_folder_with_list):
                _check_settings(kind.name, request)
            try:
                # Downloads and users' functions print; standard output is for the command's result.
                with contextlib.redirect_stdout(sys.stderr):
                    return kind.read(request)
            except (OSError, MemoryError) as error:
                way_out = "Check its rights, its disk and its size."
                raise unreadable(name, error, f"{kind.name} is expected.", way_out) from error
    raise unknown_source(name)


def _check_settings(kind: str, request: DataRequest) -> None:
    """Refuses options for tables where there is no table."""
    if stated := table_data.table_options(request.settings):
        raise InputError(
            f"{shown(request.source)} is read as {kind}.", f"Only tables take {' and '.join(stated)}.",
            "Leave that out, or pass a table.",
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


KINDS: tuple[SourceKind, ...] = (
    SourceKind("tfds:NAME", lambda source: source.startswith("tfds:"), read_tfds),
    SourceKind("keras:NAME", lambda source: source.startswith("keras:"), keras_sets.read_keras),
    SourceKind("a .npz archive", _ends(".npz"), arrays.read_npz),
    SourceKind("a .npy array", _ends(".npy"), arrays.read_npy_files),
    SourceKind(
        "a table (.csv, .tsv, .jsonl, .json, .parquet)", table_data.is_table_file, table_data.read_table_data
    ),
    SourceKind("a folder of .npy", _holds(".npy"), arrays.read_npy_files),
    SourceKind("a folder of tables", table_data.is_folder_of_tables, table_data.read_table_data),
    SourceKind("COCO's annotations (.json)", boxes.is_coco, keypoints.read_coco_data),
    SourceKind("a folder of pictures and Pascal VOC's .xml", boxes.is_voc, boxes.read_voc_data),
    SourceKind("a folder of images/ and YOLO's labels/", boxes.is_yolo, boxes.read_yolo_data),
    SourceKind("a folder of images/ and masks/", masks.is_mask_folder, masks.read_masks),
    SourceKind("a folder with a list", table_data.is_folder_with_list, table_data.read_folder_with_list),
    SourceKind(
        "a folder of recordings by class", _holds_by_class(*audio_files.SUFFIXES),
        speech_folders.read_speech_folder,
    ),
    SourceKind(
        "a folder of pictures by class", _holds_by_class(*pictures.SUFFIXES), pictures.read_image_folder
    ),
    SourceKind("a folder of pictures", _holds(*pictures.SUFFIXES), pictures.read_pictures),
    SourceKind(
        "a folder of recordings", _holds(*audio_files.SUFFIXES), speech_folders.read_bare_recordings
    ),
    SourceKind(
        "a folder of texts by class (.txt)", text_folders.is_text_folder, text_folders.read_text_folder
    ),
    SourceKind(
        "package.module:function",
        lambda source: _CALLABLE.fullmatch(source) is not None and not Path(source).exists(),
        callables.read_callable,
    ),
)
"""The first row that matches reads the source."""
