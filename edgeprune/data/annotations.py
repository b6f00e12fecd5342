"""Objects in pictures as COCO, Pascal VOC and YOLO write them down; boxes become fractions of the picture.

What stands in each:

    COCO        {"images": [...], "annotations": [{"bbox": [x, y, width, height], ...}], "categories": [...]}
    Pascal VOC  <annotation><object><name>cat</name><bndbox><xmin>…   pixels from 1 to width, both inside
    YOLO        class x-centre y-centre width height                  fractions; or a polygon's corners
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from edgeprune import jsonable
from edgeprune.data.folders import text_of
from edgeprune.errors import InputError, shown, unreadable

_MOST_BYTES = 4 << 20  # of a file for one picture
Box = tuple[float, float, float, float]  # ymin, xmin, ymax, xmax as fractions of the picture
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


def placed(box: Box, area: Box) -> Box:
    """A box where its picture takes up an area of another one, as fractions of that one."""
    top, left, bottom, right = area
    high, wide = bottom - top, right - left
    return top + box[0] * high, left + box[1] * wide, top + box[2] * high, left + box[3] * wide


@dataclasses.dataclass(frozen=True)
class Thing:
    """One object in a picture."""

    name: str  # of its class
    box: Box
    points: tuple[tuple[float, float, float], ...] = ()  # x, y as fractions of the picture, and visibility
    ignored: bool = False  # a crowd, or too difficult to count

    @property
    def is_flat(self) -> bool:
        """Whether its box has no height or no width."""
        return self.box[2] <= self.box[0] or self.box[3] <= self.box[1]


@dataclasses.dataclass(frozen=True)
class CocoFile:
    """What a COCO file says: objects by the name of their picture's file, and all classes in order."""

    things: Mapping[str, Sequence[Thing]]
    names: tuple[str, ...]
    points: tuple[str, ...] = ()  # names of an object's keypoints, where it has some


def read_voc(path: Path) -> tuple[Thing, ...]:
    """Objects of an XML file for one picture."""
    text = _small(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(f"{path} declares entities.", "Plain XML of Pascal VOC is expected.", "Remove them.")
    try:
        root = ET.fromstring(text)  # noqa: S314  (no entities, and small)
        size = root.find("size")
        width, height = (float(_child(size, name)) for name in ("width", "height"))
        return tuple(_voc_thing(one, width, height) for one in root.iter("object"))
    except (ET.ParseError, ValueError) as error:
        expected = "Pascal VOC's XML with a size and objects is expected."
        raise unreadable(path, error, expected, "Repair it, or take it out.") from error


def _voc_thing(one: ET.Element, width: float, height: float) -> Thing:
    box = one.find("bndbox")
    xmin, ymin, xmax, ymax = (float(_child(box, side)) for side in ("xmin", "ymin", "xmax", "ymax"))
    if width <= 0 or height <= 0:
        raise ValueError(f"a picture of {width:g} x {height:g} pixels")
    difficult = (one.findtext("difficult") or "0").strip() == "1"
    place = _inside((ymin - 1) / height, (xmin - 1) / width, ymax / height, xmax / width)
    return Thing(_child(one, "name").strip(), place, ignored=difficult)


def _child(element: ET.Element | None, name: str) -> str:
    found = None if element is None else element.findtext(name)
    if found is None:
        raise ValueError(f"no <{name}>")
    return found


def read_yolo(path: Path) -> tuple[Thing, ...]:
    """Objects of a text file for one picture; their names are class numbers."""
    things = []
    for number, line in enumerate(_small(path).splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        try:
            kind, *values = int(fields[0]), *map(float, fields[1:])
            things.append(Thing(str(kind), _yolo_box(values)))
        except ValueError as error:
            expected = f"A class number, then a box or a polygon in fractions, are expected in line {number}."
            raise unreadable(path, error, expected, "Repair it.") from error
    return tuple(things)


def _yolo_box(values: Sequence[float]) -> Box:
    if not np.isfinite(values).all() or min(values, default=0) < -1 or max(values, default=0) > 2:
        raise ValueError("numbers that are no fractions of the picture")
    if len(values) in (4, 5):  # the fifth is a detector's score
        x, y, width, height = values[:4]
        return _inside(y - height / 2, x - width / 2, y + height / 2, x + width / 2)
    if len(values) >= 6 and len(values) % 2 == 0:
        return _inside(min(values[1::2]), min(values[::2]), max(values[1::2]), max(values[::2]))
    raise ValueError(f"{len(values)} numbers after the class")


def read_coco(path: Path) -> CocoFile:
    """Objects of all pictures that a COCO file lists."""
    try:
        content = jsonable.parse_data(text_of(path, "COCO's JSON is expected."))
        pictures = {one["id"]: one for one in content["images"]}
        categories = sorted(content["categories"], key=lambda one: one["id"])
        used = {one["category_id"] for one in content["annotations"]}
        # Roboflow puts a category above all others, which no object has.
        categories = [one for one in categories if one["id"] in used or "supercategory" not in one
                      or one["supercategory"] != "none"]
        names = {one["id"]: str(one["name"]) for one in categories}
        things: dict[str, list[Thing]] = {str(one["file_name"]): [] for one in pictures.values()}
        for one in content["annotations"]:
            picture = pictures[one["image_id"]]
            if "bbox" in one or "keypoints" in one:
                things[str(picture["file_name"])].append(_coco_thing(one, picture, names))
    except (KeyError, TypeError, ValueError) as error:
        expected = "COCO's JSON with images, annotations and categories is expected."
        raise unreadable(path, error, expected, "Export it again.") from error
    return CocoFile(things, tuple(names.values()), _point_names(categories, things))


def _point_names(
    categories: Sequence[Mapping[str, object]], things: Mapping[str, Sequence[Thing]]
) -> tuple[str, ...]:
    """As the first category with keypoints calls them, else their numbers."""
    count = max((len(one.points) for several in things.values() for one in several), default=0)
    for category in categories:
        names = category.get("keypoints")
        if isinstance(names, list) and len(names) == count:
            return tuple(map(str, names))
    return tuple(map(str, range(count)))


def _coco_thing(
    one: Mapping[str, object], picture: Mapping[str, object], names: Mapping[object, str]
) -> Thing:
    width, height = (_number(picture[side]) for side in ("width", "height"))
    if width <= 0 or height <= 0:
        raise ValueError(f"a picture of {width:g} x {height:g} pixels")
    flat = _numbers(one.get("keypoints", ()))
    points = tuple(
        (a / width, b / height, seen) for a, b, seen in zip(flat[::3], flat[1::3], flat[2::3], strict=True)
    )
    if "bbox" in one:
        x, y, wide, tall = _numbers(one["bbox"])
        box = _inside(y / height, x / width, (y + tall) / height, (x + wide) / width)
    else:
        box = _around(points)
    return Thing(names[one["category_id"]], box, points, ignored=bool(one.get("iscrowd")))


def _around(points: Sequence[tuple[float, float, float]]) -> Box:
    """The box of the labelled points; an empty one where there is none."""
    seen = [(x, y) for x, y, visibility in points if visibility > 0] or [(0.0, 0.0)]
    xs, ys = zip(*seen, strict=True)
    return _inside(min(ys), min(xs), max(ys), max(xs))


def _numbers(values: object) -> list[float]:
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"{shown(str(values))} where a list of numbers is expected")
    return [_number(value) for value in values]


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise ValueError(f"{shown(str(value))} where a number is expected")
    return float(value)


def _inside(ymin: float, xmin: float, ymax: float, xmax: float) -> Box:
    """The part of a box that lies in the picture."""
    if not np.isfinite((ymin, xmin, ymax, xmax)).all():
        raise ValueError("a box that is not finite")
    low_y, low_x, high_y, high_x = (min(max(value, 0.0), 1.0) for value in (ymin, xmin, ymax, xmax))
    return low_y, low_x, high_y, high_x


def _small(path: Path) -> str:
    if path.stat().st_size > _MOST_BYTES:
        size = f"{path} has {path.stat().st_size} bytes."
        raise InputError(size, "A small file for one picture is expected.", "Take it out.")
    return text_of(path, "Text in UTF-8 is expected.")
