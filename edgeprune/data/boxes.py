"""Pictures with boxes: COCO, Pascal VOC and YOLO.

    instances.json, FOLDER/annotations/*.json, FOLDER/train/_annotations.coco.json     COCO
    FOLDER/JPEGImages/a.jpg  FOLDER/Annotations/a.xml                                   Pascal VOC
    FOLDER/images/a.jpg      FOLDER/labels/a.txt                                        YOLO

See `edgeprune.data.pairs` for splits and names. Labels are (N, M, 5) float32: class, ymin, xmin, ymax, xmax
as fractions of the picture, class -1 where a picture has fewer boxes than the most. Fractions stay right
however the picture is stretched to the model's input. Crowds and difficult objects are left out of training;
where detections are judged, those that lie on one are no mistakes (`edgeprune.metrics.detection`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeprune import jsonable
from edgeprune.data import pairs
from edgeprune.data.annotations import WHOLE, Thing, placed, read_coco, read_voc, read_yolo
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.dataset_builder import DataRequest, Preprocessing, build_dataset
from edgeprune.data.file_reader import FileReader, kept_rows
from edgeprune.data.folders import files_below, listed_labels
from edgeprune.data.pictures import (
    SUFFIXES,
    PictureForm,
    first_shape,
    form_for,
    scale_note,
    shape_of,
    steps_for,
)
from edgeprune.data.splits import split_of_name
from edgeprune.errors import InputError, shown
from edgeprune.metrics.detection import CROWD
from edgeprune.types import OutputTask

_VOC, _YOLO = ("annotations", "xmls"), ("labels",)
_METRICS = ("map_50", "map_50_95", "ap_50_per_class")


@dataclasses.dataclass(frozen=True)
class AnnotatedPicture:
    """A picture and the objects in it."""

    path: Path
    things: tuple[Thing, ...]


@dataclasses.dataclass(frozen=True)
class AnnotatedPictures:
    """All pictures by split, the classes in order, and what was decided."""

    parts: Mapping[str, Sequence[AnnotatedPicture]]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    points: tuple[str, ...] = ()  # names of an object's keypoints, where COCO files have some


def is_coco(source: str) -> bool:
    """Whether it is a COCO file, or a folder with one among its pictures or in ``annotations``."""
    path = Path(source)
    if path.is_file():
        return path.suffix.lower() == ".json" and _looks_like_coco(path)
    return path.is_dir() and bool(_coco_files(path))


def is_voc(source: str) -> bool:
    """Whether a folder has pictures and Pascal VOC's XML files."""
    return pairs.has_folders(source, _VOC) and _has(source, ".xml")


def is_yolo(source: str) -> bool:
    """Whether a folder has pictures and YOLO's text files."""
    return pairs.has_folders(source, _YOLO) and _has(source, ".txt")


def _has(source: str, suffix: str) -> bool:
    names = _VOC if suffix == ".xml" else _YOLO
    root = Path(source)
    return any(
        any(part.lower() in names for part in path.relative_to(root).parts[:-1])
        for path in files_below(root, (suffix,), root)
    )


def _coco_files(root: Path) -> list[Path]:
    found = []
    for path in sorted(files_below(root, (".json",), root)):
        folders = [part.lower() for part in path.relative_to(root).parts[:-1]]
        placed = not folders or folders[-1] == "annotations" or split_of_name(folders[-1]) is not None
        if len(folders) < 4 and placed and _looks_like_coco(path):
            found.append(path)
    return found


def _looks_like_coco(path: Path) -> bool:
    """By its name, or by its keys where the file is small enough to be read just for that."""
    name = path.name.lower()
    if name.startswith(("instances", "person_keypoints")) or "coco" in name:
        return True
    if path.stat().st_size > 1 << 24:
        return False
    try:
        content = jsonable.parse_data(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys()


def coco_pictures(source: Path) -> AnnotatedPictures:
    """Pictures that COCO files describe, wherever they lie below the folder."""
    root = source.parent if source.is_file() else source
    files = [source] if source.is_file() else _coco_files(source)
    at_hand: dict[str, list[Path]] = {}
    places = [root, root.parent] if source.is_file() and root.name.lower() == "annotations" else [root]
    for place in places[-1:]:
        for path in sorted(files_below(place, SUFFIXES, place)):
            at_hand.setdefault(path.name, []).append(path)
    parts: dict[str, list[AnnotatedPicture]] = {}
    order: dict[str, None] = {}
    points: tuple[str, ...] = ()
    missing = 0
    for file in files:
        read = read_coco(file)
        order.update(dict.fromkeys(read.names))
        points = max(points, read.points, key=len)
        split = _split_of(file, root)
        for name, things in read.things.items():
            found = _nearest_path(at_hand.get(Path(name).name, []), name, split)
            if found is None:
                missing += 1
            else:
                parts.setdefault(split, []).append(AnnotatedPicture(found, tuple(things)))
    if not parts:
        raise InputError(
            f"None of the {missing} pictures that {files[0].name} lists lies below {places[-1]}.",
            "The pictures are expected in the folder of the annotations.", "Copy them there.",
        )
    if "train" not in parts:
        parts = {"train": [one for part in parts.values() for one in part]}
    note = (f"{missing} pictures that are listed are not there: they are left out.",) if missing else ()
    return AnnotatedPictures(parts, tuple(order), note, points)


def _split_of(file: Path, root: Path) -> str:
    words = "".join(one if one.isalpha() else " " for one in file.stem.lower()).split()
    folders = file.relative_to(root).parts[:-1] if file.is_relative_to(root) else ()
    return pairs.split_of([*folders, *words])


def _nearest_path(found: Sequence[Path], name: str, split: str) -> Path | None:
    """Of files of one name the one whose folders agree with those of `name`, and with the split."""
    if len(found) <= 1:
        return found[0] if found else None
    wanted = Path(name).parts
    return max(found, key=lambda path: (
        path.parts[-len(wanted):] == wanted, any(split_of_name(part) == split for part in path.parts[:-1]),
    ))


def read_voc_data(request: DataRequest) -> Dataset:
    """A `Dataset` of pictures with Pascal VOC's XML files."""
    pairing = pairs.pairs_below(request.path, _VOC, SUFFIXES, (".xml",))
    parts = _described(pairing.parts, read_voc)
    found = sorted({one.name for part in parts.values() for picture in part for one in picture.things})
    names = listed_labels(request.path) or tuple(found)
    bare = len(pairing.bare_pictures)
    notes = (f"{bare} pictures without an XML file are left out.",) if bare else ()
    return dataset_of_boxes(AnnotatedPictures(parts, names, notes), request)


def read_yolo_data(request: DataRequest) -> Dataset:
    """A `Dataset` of pictures with YOLO's text files; a picture without one shows nothing."""
    pairing = pairs.pairs_below(request.path, _YOLO, SUFFIXES, (".txt",))
    parts = _described(pairing.parts, read_yolo)
    for path in pairing.bare_pictures:
        split = pairs.split_of(path.relative_to(request.path).parts[:-1])
        parts.setdefault(split if "train" in parts and split in parts else "train", []).append(
            AnnotatedPicture(path, ())
        )
    numbers = [int(one.name) for part in parts.values() for picture in part for one in picture.things]
    names = _yolo_names(request.path) or tuple(map(str, range(max(numbers, default=0) + 1)))
    if numbers and not 0 <= min(numbers) <= max(numbers) < len(names):
        raise InputError(
            f"Boxes are of the classes {min(numbers)} to {max(numbers)}.",
            f"There are names for {len(names)} classes.", "Correct the boxes or the names.",
        )
    named = {
        split: [dataclasses.replace(one, things=tuple(
            dataclasses.replace(thing, name=names[int(thing.name)]) for thing in one.things
        )) for one in part]
        for split, part in parts.items()
    }
    bare = len(pairing.bare_pictures)
    notes = (f"{bare} pictures have no file of boxes: they show nothing.",) if bare else ()
    return dataset_of_boxes(AnnotatedPictures(named, names, notes), request)


def _yolo_names(root: Path) -> tuple[str, ...]:
    """Out of ``labels.txt``, or of YOLO's ``classes.txt`` or ``obj.names``; numbers where there are none."""
    for name in ("labels.txt", "classes.txt", "obj.names"):
        if (root / name).is_file():
            lines = (root / name).read_text(encoding="utf-8").splitlines()
            return tuple(line.strip() for line in lines if line.strip())
    return ()


def _described(
    parts: Mapping[str, Sequence[pairs.Pair]], read: Callable[[Path], tuple[Thing, ...]]
) -> dict[str, list[AnnotatedPicture]]:
    return {
        name: [AnnotatedPicture(pair.picture, read(pair.other)) for pair in part]
        for name, part in parts.items()
    }


def dataset_of_boxes(found: AnnotatedPictures, request: DataRequest) -> Dataset:
    """A `Dataset` of pictures and the boxes in them."""
    counted, notes = _counted(found)
    pictures = [one for part in counted.values() for one in part]
    most = max(len(one.things) for one in pictures)
    if all(thing.ignored for one in pictures for thing in one.things):
        raise InputError("No picture has a box.", "Boxes are expected.", "Check the annotations.")
    form = form_for(first_shape([one.path for one in pictures]), request)
    number = {name: index for index, name in enumerate(found.names)}
    read = FileReader(request, len(pictures))
    parts = {}
    for split, part in counted.items():
        x, kept = read.samples([one.path for one in part], form.of_files())
        read_in = [one for one, is_kept in zip(part, kept, strict=True) if is_kept]
        parts[split] = (kept_rows(x, kept), _labels(read_in, number, most, form))
    left_out = read.settle()
    size = f"Pictures become {form.words}."
    steps = Preprocessing(
        steps_for(form, request.signature), notes=(size, scale_note(request.signature))
    )
    name = request.path.stem if request.path.is_file() else request.path.name
    output = request.signature.output if request.signature is not None else ()
    # Heads of a detector of somebody's own mean what its loss makes of them; detections mean what they say.
    readable = request.signature is None or (len(output) == 2 and output[-1] == 6)
    data = build_dataset(
        request, "detection", parts, lambda _: steps, name=name, source=request.path.name,
        notes=(*found.notes, *notes), skipped=(left_out,),
        tasks=(OutputTask("boxes", _METRICS, classes=found.names),) if readable else None,
    )
    train, validation, test = (
        _without_crowds(split, judged=readable) for split in (data.train, data.validation, data.test)
    )
    return dataclasses.replace(data, labels=found.names, train=train, validation=validation, test=test)


def _without_crowds(split: Split, *, judged: bool) -> Split:
    """A split whose labels hold no crowds; those that it is `judged` by keep them."""
    y = split.y
    if not isinstance(y, np.ndarray) or not (y[..., 0] <= CROWD).any():
        return split
    kept = np.where(y[..., :1] <= CROWD, np.float32(-1), y)
    return dataclasses.replace(split, y=kept, standing_in=y if judged else None)


def _counted(found: AnnotatedPictures) -> tuple[dict[str, list[AnnotatedPicture]], tuple[str, ...]]:
    """Pictures with the objects that count, and how many do not."""
    every = [thing for part in found.parts.values() for one in part for thing in one.things]
    if unknown := sorted({thing.name for thing in every} - set(found.names)):
        raise InputError(
            f"There are boxes of the class {shown(unknown[0])}.",
            f"The classes are {', '.join(map(shown, found.names))}.", "Correct labels.txt.",
        )
    counted = {
        split: [
            AnnotatedPicture(one.path, tuple(
                thing for thing in one.things if not thing.is_flat
            )) for one in part
        ]
        for split, part in found.parts.items()
    }
    ignored = sum(thing.ignored for thing in every)
    notes = []
    if ignored:
        notes.append(
            f"{ignored} crowds or difficult objects are left out of training, and are no mistakes."
        )
    if flat := sum(thing.is_flat for thing in every):
        notes.append(f"{flat} boxes without an area in the picture are left out.")
    return counted, tuple(notes)


def _labels(
    part: Sequence[AnnotatedPicture], number: Mapping[str, int], most: int, form: PictureForm
) -> np.ndarray:
    """(N, most, 5) float32; see the module. Crowds have classes of their own."""
    made = np.full((len(part), most, 5), -1, np.float32)
    for row, picture in zip(made, part, strict=True):
        area = WHOLE if form.letterbox is None else form.area(shape_of(picture.path))
        for place, thing in enumerate(picture.things):
            label = number[thing.name]
            row[place] = (CROWD - label if thing.ignored else label, *placed(thing.box, area))
    return made
