"""Pictures with masks: a class number for every pixel.

    FOLDER/images/a.jpg   FOLDER/masks/a.png       see `edgeprune.data.pairs` for splits and names
    FOLDER/labels.txt                              the classes in order of their numbers, where there is one

A mask is a PNG with a palette, of which the numbers count and not the colours, or grey: its values are class
numbers. Pixels of 255 are left out of training and metrics, as in Pascal VOC, unless all masks hold 0 and 255
alone: then 255 is the foreground. Masks become as large as the model's output, each pixel that of the nearest
one; pictures become as large as its input. Both are stretched alike, or with `--letterbox` get bars, whose
pixels are left out as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from edgeprune.data.annotations import WHOLE, Box
from edgeprune.data.dataset import Dataset
from edgeprune.data.dataset_builder import DataRequest, Preprocessing, build_dataset
from edgeprune.data.file_reader import FileReader, kept_rows
from edgeprune.data.folders import listed_labels
from edgeprune.data.pairs import Pair, Pairing, has_folders, pairs_below
from edgeprune.data.pictures import (
    SUFFIXES,
    PictureForm,
    first_shape,
    form_for,
    load,
    opened,
    scale_note,
    shape_of,
    steps_for,
)
from edgeprune.errors import InputError, UnreadableError

FOLDERS = ("masks", "mask", "labels", "annotations", "segmentation", "segmentationclass", "gt", "groundtruth")
_MASKS = (".png", ".bmp", ".gif")
_VOID = 255


def is_mask_folder(source: str) -> bool:
    """Whether a folder has pictures and pictures of masks."""
    if not has_folders(source, FOLDERS):
        return False
    root = Path(source)
    try:
        pairs_below(root, FOLDERS, SUFFIXES, (*_MASKS, ".jpg", ".jpeg"))
    except InputError:
        return False
    return True


def read_masks(request: DataRequest) -> Dataset:
    """A `Dataset` of pictures with a class for every pixel."""
    root = request.path
    pairing = pairs_below(root, FOLDERS, SUFFIXES, (*_MASKS, ".jpg", ".jpeg"))
    every = [pair for part in pairing.parts.values() for pair in part]
    if lossy := [pair.other for pair in every if pair.other.suffix.lower() not in _MASKS]:
        raise InputError(
            f"The mask {lossy[0]} is a JPEG.", "Masks whose values are kept exactly are expected: PNG.",
            "Save them as PNG: a JPEG changes class numbers.",
        )
    form = form_for(first_shape([pair.picture for pair in every]), request)
    height, width = _mask_size(form, request)
    read = FileReader(request, 2 * len(every))
    near, readable, values = _masks(every, (height, width), form, read)
    foreground = set(values.tolist()) == {0, _VOID}
    classes = near // _VOID if foreground else np.where(near == _VOID, -1, near)
    parts, start = {}, 0
    for name, part in pairing.parts.items():
        rows = slice(start, start + len(part))
        x, kept = read.samples([pair.picture for pair in part], form.of_files())
        kept &= readable[rows]
        parts[name], start = (kept_rows(x, kept), classes[rows][kept]), rows.stop
    left_out = read.settle()
    names = listed_labels(root) or _numbered(values, foreground=foreground)
    steps = Preprocessing(steps_for(form, request.signature), notes=(
        f"Masks become {height} x {width}, pictures {form.words}.",
        scale_note(request.signature),
    ))
    return build_dataset(
        request, "segmentation", parts, lambda _: steps, name=root.name, source=root.name, classes=names,
        notes=tuple(_notes(pairing, values, foreground=foreground)), skipped=(left_out,),
    )


def _mask_size(form: PictureForm, request: DataRequest) -> tuple[int, int]:
    """Of the model's output, where that is a picture."""
    output = request.signature.output if request.signature is not None else ()
    if request.signature is not None and len(output) not in (2, 3):
        raise InputError(
            "The data holds masks, a class for every pixel.", f"The model gives {output} for each picture.",
            "Pass a segmentation model, or pictures in one folder for each class.",
        )
    height, width = (*output, None, None)[:2]
    return height or form.height, width or form.width


def decode_mask(path: Path) -> np.ndarray:
    """(H, W) values of a mask: numbers of a palette, not its colours."""
    with opened(path) as picture:
        load(path, picture)
        values = np.asarray(picture)
    if values.ndim == 3 and values.shape[2] >= 3 and not np.ptp(values[..., :3], axis=2).any():
        values = values[..., 0]
    if values.ndim == 3 and values.shape[2] == 2:  # grey with transparency
        values = values[..., 0]
    if values.ndim != 2:
        raise UnreadableError(
            path, "the mask is in colour", "Class numbers are expected: a PNG with a palette, or grey.",
            "Convert colours to class numbers first.",
        )
    return values.astype(np.int64)


def _masks(
    every: Sequence[Pair], wanted: tuple[int, int], form: PictureForm, read: FileReader
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All masks (N, *wanted) int64, which of them could be read, and all values in them.

    Where pictures in their `form` have bars, masks are -1.
    """
    made = np.zeros((len(every), *wanted), np.int64)
    values: list[np.ndarray] = [np.zeros(0, np.int64)] * len(every)

    def fill(row: int) -> None:
        pair = every[row]
        mask, shape = decode_mask(pair.other), shape_of(pair.picture)
        if abs(mask.shape[0] * shape[1] - mask.shape[1] * shape[0]) > max(*mask.shape, *shape[:2]):
            size = f"it has {mask.shape[0]} x {mask.shape[1]} pixels, its picture {shape[0]} x {shape[1]}"
            raise UnreadableError(
                pair.other, size, "A mask as large as its picture is expected.", "Cut both alike.",
            )
        made[row], values[row] = nearest(mask, wanted, form.area(shape)), np.unique(mask)

    kept = read.each([pair.other for pair in every], fill)
    return made, kept, np.unique(np.concatenate(values))


def nearest(mask: np.ndarray, size: tuple[int, int], area: Box = WHOLE) -> np.ndarray:
    """A mask (H, W) in an area of one of `size`: each pixel is the one that its centre lies in, or -1."""
    places, inside = [], []
    for pixels, wanted, start, stop in zip(mask.shape, size, area[:2], area[2:], strict=True):
        centres = np.arange(wanted) + 0.5 - start * wanted
        place = np.floor(centres * pixels / ((stop - start) * wanted)).astype(np.int64)
        inside.append((place >= 0) & (place < pixels))
        places.append(place.clip(0, pixels - 1))
    return np.where(inside[0][:, None] & inside[1][None], mask[places[0][:, None], places[1][None]], -1)


def _numbered(values: np.ndarray, *, foreground: bool) -> tuple[str, ...]:
    most = 1 if foreground else int(max((value for value in values if value != _VOID), default=0))
    return tuple(str(number) for number in range(most + 1))


def _notes(pairing: Pairing, values: np.ndarray, *, foreground: bool) -> Iterable[str]:
    if foreground:
        yield "Masks hold 0 and 255: 255 is the foreground, class 1."
    elif _VOID in values:
        yield "Pixels labelled 255 are left out of training and of every metric."
    if pairing.bare_pictures:
        yield f"{len(pairing.bare_pictures)} pictures without a mask are left out."
    if pairing.bare_others:
        yield f"{len(pairing.bare_others)} masks without a picture are left out."
