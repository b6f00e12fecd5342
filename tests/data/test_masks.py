import numpy as np
import pytest
from PIL import Image

from edgeprune.data.masks import decode_mask, nearest
from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError

PALETTE = [0, 0, 0, 200, 10, 10, 10, 200, 10, 10, 10, 200]


def scene(number, height=12, width=18):
    """A picture of three stripes, whose brightness tells their class, and its mask."""
    mask = np.zeros((height, width), np.uint8)
    mask[:, width // 3 : 2 * width // 3] = 1
    mask[: height // 2, 2 * width // 3 :] = 2
    picture = np.repeat((mask * 90 + number)[..., None], 3, axis=2).astype(np.uint8)
    return picture, mask


def written(folder, count=9, mode="P", layout="{kind}", ending=".png", void=False):
    for number in range(count):
        picture, mask = scene(number)
        if void:
            mask[0, :3] = 255
        for kind, array in (("images", picture), ("masks", mask)):
            place = folder / layout.format(kind=kind)
            place.mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(array)
            if kind == "masks" and mode == "P":
                image.putpalette(PALETTE)
            image.save(place / f"p{number}{ending if kind == 'masks' else '.png'}")
    return folder


def signature(height, width, classes, channels=3):
    return ModelSignature((InputSignature((height, width, channels)),), (height, width, classes), "softmax")


@pytest.mark.parametrize("mode", ["P", "L"])
def test_numbers_of_a_palette_and_of_grey_are_classes(tmp_path, mode):
    data = open_data(written(tmp_path, mode=mode), signature=signature(12, 18, 3))
    assert data.task == "segmentation"
    assert data.metrics[0] == "mean_iou"
    assert data.train.y.dtype == np.int64
    for split in (data.train, data.validation, data.test):
        np.testing.assert_array_equal(split.y, np.broadcast_to(scene(0)[1], split.y.shape))
        np.testing.assert_array_equal(np.round((split.x[..., 0] - split.x[:, :1, :1, 0]) / 90), split.y)
    assert len(data.train) + len(data.validation) + len(data.test) == 9


def test_pictures_and_masks_are_stretched_alike(tmp_path):
    data = open_data(written(tmp_path), signature=signature(24, 9, 3))
    assert data.model_input(data.train.x).shape[1:] == (24, 9, 3)
    inner = data.train.x[:, :, [1, 4, 7], 0].astype(int)  # away from blurred edges
    classes = data.train.y[:, :, [1, 4, 7]]
    offset = data.train.x[:, -1:, :1, 0].astype(int)
    away = np.r_[0:10, 14:24]
    np.testing.assert_array_equal(np.round((inner - offset) / 90)[:, away], classes[:, away])
    assert {0, 1, 2} == set(np.unique(classes))


LAYOUTS = ["{kind}/train|{kind}/val|{kind}/test", "train/{kind}|valid/{kind}|test/{kind}"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_splits_are_taken_where_they_are(tmp_path, layout):
    for count, part in zip((5, 3, 2), layout.split("|"), strict=True):
        written(tmp_path, count, layout=part)
    data = open_data(tmp_path, signature=signature(12, 18, 3))
    assert [len(split) for split in (data.train, data.validation, data.test)] == [5, 3, 2]


def test_void_pixels_do_not_count(tmp_path):
    data = open_data(written(tmp_path, mode="L", void=True), signature=signature(12, 18, 3))
    assert (data.train.y[:, 0, :3] == -1).all()
    assert data.train.y[:, 1:].min() == 0
    assert any("255 are left out" in note for note in data.notes)


def test_black_and_white_masks_are_two_classes(tmp_path):
    written(tmp_path)
    for path in (tmp_path / "masks").iterdir():
        Image.fromarray((np.asarray(Image.open(path)) > 0).astype(np.uint8) * 255).save(path)
    data = open_data(tmp_path, signature=signature(12, 18, 2))
    np.testing.assert_array_equal(data.train.y[0], scene(0)[1] > 0)
    assert any("255 is the foreground" in note for note in data.notes)
    one = ModelSignature((InputSignature((12, 18, 3)),), (12, 18, 1), "sigmoid")
    data = open_data(tmp_path, signature=one)
    assert set(np.unique(data.train.y)) == {0, 1}
    assert data.metrics[0] == "mean_iou"


def test_files_that_are_alone_are_left_out_and_counted(tmp_path):
    written(tmp_path)
    Image.new("RGB", (18, 12)).save(tmp_path / "images" / "alone.png")
    Image.new("L", (18, 12)).save(tmp_path / "masks" / "lonely_mask.png")
    data = open_data(tmp_path)
    assert any("1 pictures without a mask" in note for note in data.notes)
    assert any("1 masks without a picture" in note for note in data.notes)
    (tmp_path / "masks" / "p0.png").rename(tmp_path / "masks" / "p0_mask.png")
    assert len(open_data(tmp_path).train.y) == len(data.train.y)


def test_classes_stand_in_labels_txt(tmp_path):
    written(tmp_path)
    (tmp_path / "labels.txt").write_text("sky\nroad\ncar\n")
    assert open_data(tmp_path).labels == ("sky", "road", "car")


def test_masks_that_cannot_be_class_numbers_are_refused(tmp_path):
    written(tmp_path / "jpeg", mode="L", ending=".jpg")
    with pytest.raises(InputError, match="is a JPEG"):
        open_data(tmp_path / "jpeg")
    written(tmp_path / "colour")
    path = tmp_path / "colour" / "masks" / "p3.png"
    Image.open(path).convert("RGB").save(path)
    with pytest.raises(InputError, match="in colour"):
        open_data(tmp_path / "colour")
    written(tmp_path / "cut")
    Image.new("L", (12, 18)).save(tmp_path / "cut" / "masks" / "p3.png")
    with pytest.raises(InputError, match="Cut both alike"):
        open_data(tmp_path / "cut")
    classifier = ModelSignature((InputSignature((12, 18, 3)),), (3,), "softmax")
    with pytest.raises(InputError, match="a class for every pixel"):
        open_data(written(tmp_path / "a"), signature=classifier)
    with pytest.raises(InputError, match="2 classes"):
        open_data(written(tmp_path / "b"), signature=signature(12, 18, 2))


def test_grey_colour_and_transparent_masks_are_the_same(tmp_path):
    values = np.arange(6, dtype=np.uint8).reshape(2, 3)
    image = Image.fromarray(values)
    for mode in ("L", "RGB", "LA"):
        image.convert(mode).save(tmp_path / f"{mode}.png")
        np.testing.assert_array_equal(decode_mask(tmp_path / f"{mode}.png"), values)


def test_the_nearest_pixel_is_taken():
    mask = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(nearest(mask, (6, 2)), np.repeat(mask[:, [1, 3]], 2, axis=0))
    np.testing.assert_array_equal(nearest(mask, (3, 4)), mask)
