"""COCO files as they are read: boxes of objects, or the points of one object in a picture.

Points are read where the objects have some and an output of the model has their shape; see
`edgeprune.tasks.keypoint_forms`. One object a picture: the pictures are taken whole. Several: each is cut out
by its box, a quarter larger, as models that find the points of one person are fed. Points and picture are
stretched alike. A point that is not labelled (visibility 0) counts nowhere.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from edgeprune.data.annotations import WHOLE, Box, Thing, placed
from edgeprune.data.boxes import AnnotatedPicture, AnnotatedPictures, coco_pictures, dataset_of_boxes
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.dataset_builder import DataRequest, Preprocessing, build_dataset
from edgeprune.data.decisions import ReadingDecision
from edgeprune.data.file_reader import FileForm, FileReader, kept_rows
from edgeprune.data.pictures import (
    PictureForm,
    decode,
    first_shape,
    form_for,
    scale_note,
    shape_of,
    steps_for,
    verify,
)
from edgeprune.data.splits import choose
from edgeprune.data.streamed import HeldSamples, in_memory, parts_of
from edgeprune.errors import InputError
from edgeprune.tasks import holds_points, nearest_form, several
from edgeprune.types import OutputTask

METRICS = ("oks", "pck", "pck_per_point")
_MARGIN = 1.25  # of a box, as in MMPose and HRNet
_SAMPLES = 256
_AXES = 3  # samples, points, x and y


@dataclasses.dataclass(frozen=True)
class PosedObject:
    """One sample: the part of a picture, and the points of the object in it."""

    path: Path
    place: Box
    thing: Thing

    def points(self, count: int, form: PictureForm) -> np.ndarray:
        """(count, 2) x and y as fractions of the sample in `form`; NaN where no point is labelled."""
        top, left, bottom, right = self.place
        area = WHOLE if form.letterbox is None else form.area(self._size())
        made = np.full((count, 2), np.nan)
        for row, (x, y, seen) in zip(made, self.thing.points, strict=False):
            if seen > 0:
                across, down = (x - left) / (right - left), (y - top) / (bottom - top)
                down, across, *_ = placed((down, across, down, across), area)
                row[:] = across, down
        return made

    def pixels(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of the place in a picture of this size, in pixels."""
        top, left, bottom, right = self.place
        rows = slice(math.floor(top * height), max(math.ceil(bottom * height), math.floor(top * height) + 1))
        return rows, slice(
            math.floor(left * width), max(math.ceil(right * width), math.floor(left * width) + 1)
        )

    def _size(self) -> tuple[int, int]:
        """Rows and columns of what is cut out."""
        rows, columns = self.pixels(*shape_of(self.path)[:2])
        return rows.stop - rows.start, columns.stop - columns.start


def read_coco_data(request: DataRequest) -> Dataset:
    """A `Dataset` of pictures that COCO files describe."""
    found = coco_pictures(request.path)
    outputs = request.signature.each_output if request.signature is not None else ()
    fits = [holds_points(output.shape, len(found.points)) for output in outputs]
    if not any(fits):
        return dataset_of_boxes(found, request)
    names = [output.name if len(outputs) > 1 else "" for output in outputs]
    tasks = tuple(
        OutputTask("keypoints", METRICS, name, found.points) if one else
        OutputTask("original", ("r2", "mean_absolute_error"), name)
        for name, one in zip(names, fits, strict=True)
    )
    return _dataset_of_points(found, request, tasks)


def _dataset_of_points(
    found: AnnotatedPictures, request: DataRequest, tasks: tuple[OutputTask, ...]
) -> Dataset:
    uncut = max(len(_posed(one)) for part in found.parts.values() for one in part) <= 1
    samples = {name: list(_samples(part, uncut=uncut)) for name, part in found.parts.items()}
    every = [one for part in samples.values() for one in part]
    if not every:
        raise InputError(
            "No object has a labelled point.", "Keypoints with a visibility of 1 or 2 are expected.",
            "Check the annotations.",
        )
    form = form_for(first_shape([one.path for one in every]), request)
    read = FileReader(request, len(every))
    parts = {}
    for name, part in samples.items():
        if part:
            x, kept = read.samples(part, _cut_outs(form))
            chosen = [one for one, read_it in zip(part, kept, strict=True) if read_it]
            points = np.array([one.points(len(found.points), form) for one in chosen])
            parts[name] = (kept_rows(x, kept), _by_output(points, tasks))
    left_out = read.settle()
    size = f"Pictures become {form.words}."
    note = "" if uncut else "Pictures show several objects: each is cut out by its box, a quarter larger."
    steps = Preprocessing(
        steps_for(form, request.signature), notes=(size, scale_note(request.signature))
    )
    name = request.path.stem if request.path.is_file() else request.path.name
    return build_dataset(
        request, "vision", parts, lambda _: steps, name=name, source=request.path.name,
        notes=(*found.notes, note), skipped=(left_out,), tasks=tasks,
    )


def _by_output(points: np.ndarray, tasks: Sequence[OutputTask]) -> np.ndarray | tuple[np.ndarray | None, ...]:
    if len(tasks) == 1:
        return points
    return tuple(points if task.kind == "keypoints" else None for task in tasks)


def _posed(picture: AnnotatedPicture) -> list[Thing]:
    """Objects with a labelled point."""
    return [
        one for one in picture.things
        if not one.ignored and not one.is_flat and any(seen > 0 for _, _, seen in one.points)
    ]


def _samples(part: Sequence[AnnotatedPicture], *, uncut: bool) -> Iterator[PosedObject]:
    for picture in part:
        for thing in _posed(picture):
            yield PosedObject(picture.path, WHOLE if uncut else _enlarged(thing.box), thing)


def _enlarged(box: Box) -> Box:
    """A box with its margin, as far as the picture goes."""
    down, right = ((box[2] - box[0]) * (_MARGIN - 1) / 2, (box[3] - box[1]) * (_MARGIN - 1) / 2)
    return (
        max(box[0] - down, 0.0), max(box[1] - right, 0.0), min(box[2] + down, 1.0), min(box[3] + right, 1.0)
    )


def _cut_outs(form: PictureForm) -> FileForm[PosedObject]:
    """Cut out at whole pixels, then brought into the form; points stay right within half a pixel."""

    def made(one: PosedObject) -> np.ndarray:
        picture = decode(one.path)
        return form.bring(picture[one.pixels(*picture.shape[:2])])

    return FileForm((form.height, form.width, form.channels), np.uint8, made, lambda one: verify(one.path))


def in_model_form(
    data: Dataset, predict: Callable[[HeldSamples], Sequence[np.ndarray]], seed: int
) -> Dataset:
    """Data with its points as the model gives them; see `edgeprune.tasks.keypoint_forms`."""
    places = [number for number, task in enumerate(data.tasks) if task.kind == "keypoints"]
    few = choose(data.train, _SAMPLES, seed)
    labels = several(few.y, len(data.tasks))
    points = [number for number in places if (y := labels[number]) is not None and _are_points(y)]
    if not points:
        return data
    inputs = in_memory(data.model_input(few.x))
    seen = np.asarray(parts_of(inputs)[0])
    size = (seen.shape[1], seen.shape[2]) if seen.ndim > _AXES - 1 else None
    outputs, notes = predict(inputs), list[ReadingDecision]()
    chosen = {}
    for number in points:
        chosen[number], losses = nearest_form(np.asarray(labels[number]), outputs[number], size)
        name = f"{data.tasks[number].name} gives" if len(data.tasks) > 1 else "The model gives"
        notes.append(ReadingDecision(
            "labels", f"{name} points as {chosen[number].words}.",
            f"Its mean square error is {losses.mean():.3g} of their variance.",
        ))

    def formed(split: Split) -> Split:
        each = several(split.y, len(data.tasks))
        made = tuple(
            chosen[number].labels(np.asarray(y)) if number in chosen and y is not None else y
            for number, y in enumerate(each)
        )
        return dataclasses.replace(split, y=made if len(made) > 1 else made[0])

    return dataclasses.replace(
        data, train=formed(data.train), validation=formed(data.validation), test=formed(data.test),
    ).deciding(*notes)


def _are_points(y: np.ndarray) -> bool:
    """Whether they are as they were read, and not heat maps that somebody has made."""
    return y.ndim == _AXES and y.shape[2] == 2
