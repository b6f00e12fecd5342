"""Pictures in folders by class; see `folders` for the layout and `pictures` for what is done to them.

Small folders are decoded once and held; of large ones only the headers are read here, and a picture whose
body is broken is named when its batch is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeprune.data import folders, pictures
from edgeprune.data.dataset import Dataset
from edgeprune.data.dataset_builder import DataRequest, Preprocessing, RawParts, build_dataset
from edgeprune.data.streamed import Array, FromItems, Streamed, held


def read_image_folder(request: DataRequest) -> Dataset:
    """A `Dataset` of all pictures below a folder."""
    folder = request.path
    parts = folders.by_split(folder, pictures.SUFFIXES)
    order = folders.class_order(folder, sorted({name for part in parts.values() for name in part}))
    form = _form(next(iter(parts["train"].values()))[0], request)
    made = {}
    for split, classes in parts.items():
        paths = [path for name in order for path in classes.get(name, ())]
        y = [number for number, name in enumerate(order) for _ in classes.get(name, ())]
        made[split] = (_samples(paths, form), np.array(y, np.int64))
    return _dataset(made, order, form, request)


def read_pictures(request: DataRequest) -> Dataset:
    """A `Dataset` without labels of the pictures that lie in a folder."""
    folder = request.path
    paths = sorted(folders.files_below(folder, pictures.SUFFIXES, folder))
    form = _form(paths[0], request)
    return _dataset({"train": (_samples(paths, form), None)}, None, form, request)


def _form(first: Path, request: DataRequest) -> pictures.PictureForm:
    return pictures.form_for(pictures.shape_of(first), request.signature)


def _samples(paths: Sequence[Path], form: pictures.PictureForm) -> Array:
    samples = held(FromItems(paths, lambda path: form.bring(pictures.decode(path))), form.size)
    if isinstance(samples, Streamed):
        for path in paths:
            pictures.shape_of(path)
    return samples


def _dataset(
    parts: RawParts, classes: Sequence[str] | None, form: pictures.PictureForm, request: DataRequest
) -> Dataset:
    signature, name = request.signature, request.path.name
    size = f"Pictures become {form.height} x {form.width} x {form.channels}."
    steps = Preprocessing(pictures.steps_for(form, signature), notes=(size, pictures.scale_note(signature)))
    return build_dataset(request, "vision", parts, lambda _: steps, name=name, source=name, classes=classes)
