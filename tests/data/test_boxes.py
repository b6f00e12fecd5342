"""The same four pictures as COCO, Pascal VOC and YOLO write them down."""

import json

import numpy as np
import pytest
from PIL import Image

from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError

WIDTH, HEIGHT, NAMES = 40, 20, ("cat", "dog")
# class, and pixels: xmin, ymin, xmax, ymax
OBJECTS = {
    "a": [(0, 4, 2, 24, 12)], "b": [(1, 0, 0, 40, 20), (0, 10, 5, 20, 15)], "c": [],
    "d": [(1, 30, 10, 38, 18)], "e": [(0, 1, 1, 9, 9)], "f": [(1, 8, 4, 16, 12)],
}


def picture(folder, name):
    """White where the first object is, black elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for _, xmin, ymin, xmax, ymax in OBJECTS[name][:1]:
        pixels[ymin:ymax, xmin:xmax] = 255
    Image.fromarray(pixels).save(folder / f"{name}.png")


def coco(folder, names="abcdef", file="annotations.json", pictures="."):
    content = {
        "images": [{"id": 10 + i, "file_name": f"{n}.png", "width": WIDTH, "height": HEIGHT}
                   for i, n in enumerate(names)],
        "categories": [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 10 + i, "category_id": (3, 7)[kind], "iscrowd": 0,
             "bbox": [xmin, ymin, xmax - xmin, ymax - ymin]}
            for i, n in enumerate(names) for kind, xmin, ymin, xmax, ymax in OBJECTS[n]
        ],
    }
    for name in names:
        picture(folder / pictures, name)
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(json.dumps(content))
    return folder


def voc(folder, names="abcdef"):
    (folder / "Annotations").mkdir(parents=True)
    for name in names:
        picture(folder / "JPEGImages", name)
        objects = "".join(
            f"<object><name>{NAMES[kind]}</name><bndbox><xmin>{xmin + 1}</xmin><ymin>{ymin + 1}</ymin>"
            f"<xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox></object>"
            for kind, xmin, ymin, xmax, ymax in OBJECTS[name]
        )
        size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
        (folder / "Annotations" / f"{name}.xml").write_text(f"<annotation>{size}{objects}</annotation>")
    return folder


def yolo(folder, names="abcdef"):
    (folder / "labels").mkdir(parents=True)
    (folder / "classes.txt").write_text("cat\ndog\n")
    for name in names:
        picture(folder / "images", name)
        if OBJECTS[name]:
            (folder / "labels" / f"{name}.txt").write_text("".join(
                f"{kind} {(xmin + xmax) / 2 / WIDTH} {(ymin + ymax) / 2 / HEIGHT} "
                f"{(xmax - xmin) / WIDTH} {(ymax - ymin) / HEIGHT}\n"
                for kind, xmin, ymin, xmax, ymax in OBJECTS[name]
            ))
    return folder


def by_picture(data):
    """Boxes of all splits by what they are, independent of their order."""
    found = []
    for split in (data.train, data.validation, data.test):
        for x, y in zip(split.x, split.y, strict=True):
            boxes = y[y[:, 0] >= 0]
            if len(boxes):
                _, ymin, xmin, ymax, xmax = boxes[0]
                rows, columns = np.nonzero(x[..., 0] > 127)
                height, width = x.shape[:2]
                tight = [rows.min() / height, columns.min() / width,
                         (rows.max() + 1) / height, (columns.max() + 1) / width]
                pixel = 1 / min(height, width)
                np.testing.assert_allclose([ymin, xmin, ymax, xmax], tight, rtol=0, atol=0.51 * pixel)
            found.append(tuple(tuple(np.round(box, 4)) for box in boxes))
    return sorted(found)


EXPECTED = sorted(
    tuple((kind, ymin / HEIGHT, xmin / WIDTH, ymax / HEIGHT, xmax / WIDTH)
          for kind, xmin, ymin, xmax, ymax in boxes)
    for boxes in OBJECTS.values()
)


@pytest.mark.parametrize("write", [coco, voc, yolo])
def test_boxes_of_every_format_are_those_of_the_pictures(tmp_path, write):
    data = open_data(write(tmp_path))
    assert (data.task, data.labels, data.metrics[0]) == ("detection", NAMES, "map_50")
    assert data.train.y.dtype == np.float32
    assert data.train.y.shape[1:] == (2, 5)
    np.testing.assert_allclose(
        [box for boxes in by_picture(data) for box in boxes], [box for boxes in EXPECTED for box in boxes],
        rtol=0, atol=1e-4,
    )


@pytest.mark.parametrize("size", [(10, 40), (40, 20)])
def test_boxes_are_right_for_pictures_of_the_models_size(tmp_path, size):
    signature = ModelSignature((InputSignature((*size, 3)),), (2, 6))
    data = open_data(coco(tmp_path), signature=signature)
    assert data.train.x.shape[1:] == (*size, 3)
    assert len(by_picture(data)) == 6


def test_splits_of_every_layout_are_taken(tmp_path):
    root = tmp_path / "roboflow"
    for split, names in (("train", "abc"), ("valid", "de"), ("test", "f")):
        coco(root / split, names, "_annotations.coco.json")
    data = open_data(root)
    assert [len(split) for split in (data.train, data.validation, data.test)] == [3, 2, 1]
    root = tmp_path / "coco"
    for split, names in (("train2017", "abcd"), ("val2017", "ef")):
        coco(root, names, f"annotations/instances_{split}.json", split)
    data = open_data(root)
    assert len(data.validation) == 2
    assert len(data.train) + len(data.test) == 4
    data = open_data(root / "annotations" / "instances_train2017.json")
    assert sum(len(split) for split in (data.train, data.validation, data.test)) == 4


def test_what_does_not_count_is_left_out_and_said(tmp_path):
    path = coco(tmp_path) / "annotations.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["iscrowd"] = 1
    content["annotations"].append({"image_id": 11, "category_id": 3, "bbox": [5, 5, 0, 3]})
    content["images"].append({"id": 99, "file_name": "../../gone.png", "width": 4, "height": 4})
    path.write_text(json.dumps(content))
    notes = " ".join(open_data(tmp_path).notes)
    assert "1 crowds" in notes
    assert "1 boxes without an area" in notes
    assert "1 pictures that are listed are not there" in notes


def test_crowds_are_kept_where_detections_are_judged_and_nowhere_else(tmp_path):
    path = coco(tmp_path) / "annotations.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["iscrowd"] = 1
    path.write_text(json.dumps(content))
    data = open_data(tmp_path)
    trained = np.concatenate([split.y for split in (data.train, data.validation, data.test)])
    judged = np.concatenate([split.judged for split in (data.train, data.validation, data.test)])
    assert trained[..., 0].min() == -1
    assert (judged[..., 0] <= -2).sum() == 1
    (crowd,) = judged[judged[..., 0] <= -2]
    assert (trained == crowd).all(axis=-1).sum() == 0
    np.testing.assert_array_equal(judged[judged[..., 0] >= 0], trained[trained[..., 0] >= 0])


def test_polygons_become_the_boxes_around_them(tmp_path):
    yolo(tmp_path)
    (tmp_path / "labels" / "a.txt").write_text("0 0.1 0.1 0.6 0.1 0.6 0.6 0.3 0.4\n")
    boxes = [box for boxes in by_picture_boxes(open_data(tmp_path)) for box in boxes]
    assert any(np.allclose(box, [0, 0.1, 0.1, 0.6, 0.6], rtol=0, atol=1e-6) for box in boxes)


def by_picture_boxes(data):
    return [y[y[:, 0] >= 0] for split in (data.train, data.validation, data.test) for y in split.y]


def described(box):
    return json.dumps({
        "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 20}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": box}],
    })


EMPTY = (
    "<annotation><size><width>0</width><height>3</height></size><object><name>cat</name><bndbox><xmin>1</xmin>"
    "<ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object></annotation>"
)


@pytest.mark.parametrize(("write", "file", "text", "found"), [
    (voc, "Annotations/a.xml", "<annotation>", "a.xml"),
    (voc, "Annotations/a.xml", '<!DOCTYPE x [<!ENTITY y "z">]><annotation/>', "entities"),
    (voc, "Annotations/a.xml", EMPTY, "0 x 3 pixels"),
    (yolo, "labels/a.txt", "cat 0.1 0.1 0.2 0.2", "line 1"),
    (yolo, "labels/a.txt", "0 30 40 20 10", "line 1"),
    (yolo, "labels/a.txt", "0 nan 0.1 0.2 0.2", "line 1"),
    (yolo, "labels/a.txt", "9 0.1 0.1 0.2 0.2", "names for 2 classes"),
    (coco, "annotations.json", "{", "annotations.json"),
    (coco, "annotations.json", "[" * 100000, "annotations.json"),
    (coco, "annotations.json", described([1, 2, 10**400, 4]), "annotations.json"),
    (coco, "annotations.json", described([1, 2, "3", 4]), "number"),
    (coco, "annotations.json", described([1, 2, 3]), "annotations.json"),
    (coco, "annotations.json", described({"x": 1}), "annotations.json"),
    (coco, "annotations.json", '{"images": [], "categories": [], "annotations": [{}]}', "annotations.json"),
])
def test_damaged_annotations_are_named(tmp_path, write, file, text, found):
    write(tmp_path)
    (tmp_path / file).write_text(text)
    with pytest.raises(InputError) as raised:
        open_data(tmp_path / file if file.endswith(".json") else tmp_path)
    assert found in str(raised.value)


def test_pictures_without_any_box_are_refused(tmp_path):
    with pytest.raises(InputError, match="No picture has a box"):
        open_data(coco(tmp_path, "c"))
