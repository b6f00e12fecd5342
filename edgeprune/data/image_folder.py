"""Pictures in folders by class; see `folders` for the layout and `pictures` for what is done to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeprune.data import folders, pictures
from edgeprune.data.assemble import Fitted, Raw, dataset_of
from edgeprune.data.dataset import Dataset
from edgeprune.data.streamed import Array, FromItems, Streamed, held
from edgeprune.data.wants import Wants


def read_image_folder(source: str, task: str | None, wants: Wants | None, seed: int) -> Dataset:
    """A `Dataset` of all pictures below `folder`.

    Small folders are decoded once and held; of large ones only the headers are read here, and a picture
    whose body is broken is named when its batch is read.

    Raises:
        InputError: see `folders`, `pictures` and `check`.
    """
    del task
    folder = Path(source)
    parts = folders.by_split(folder, pictures.SUFFIXES)
    order = folders.class_order(folder, sorted({name for part in parts.values() for name in part}))
    form = _form(next(iter(parts["train"].values()))[0], wants)
    made = {}
    for split, classes in parts.items():
        paths = [path for name in order for path in classes.get(name, ())]
        y = [number for number, name in enumerate(order) for _ in classes.get(name, ())]
        made[split] = (_samples(paths, form), np.array(y, np.int64))
    return _dataset(Raw(made, folder.name, folder.name, order), form, wants, seed)


def read_pictures(source: str, task: str | None, wants: Wants | None, seed: int) -> Dataset:
    """A `Dataset` without labels of the pictures that lie in a folder.

    Raises:
        InputError: see `folders`, `pictures` and `check`.
    """
    del task
    folder = Path(source)
    paths = sorted(folders.files_below(folder, pictures.SUFFIXES, folder))
    form = _form(paths[0], wants)
    raw = Raw({"train": (_samples(paths, form), None)}, folder.name, folder.name)
    return _dataset(raw, form, wants, seed)


def _form(first: Path, wants: Wants | None) -> pictures.Form:
    return pictures.form_for(pictures.shape_of(first), wants)


def _samples(paths: Sequence[Path], form: pictures.Form) -> Array:
    def make(path: Path) -> np.ndarray:
        return form.fit(pictures.decode(path))

    samples = held(FromItems(paths, make), form.height * form.width * form.channels)
    if isinstance(samples, Streamed):
        for path in paths:
            pictures.shape_of(path)
    return samples


def _dataset(raw: Raw, form: pictures.Form, wants: Wants | None, seed: int) -> Dataset:
    size = f"Pictures become {form.height} x {form.width} x {form.channels}."
    fitted = Fitted(pictures.steps_for(form, wants), notes=(size, pictures.scale_note(wants)))
    return dataset_of(raw, "vision", wants, seed, lambda _: fitted)
