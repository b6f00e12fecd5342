"""`--letterbox`: pictures keep their aspect ratio, and boxes, masks and points stay on their pixels."""

import numpy as np
import pytest
from PIL import Image

import edgeprune
from edgeprune.data.masks import nearest
from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError
from edgeprune.preprocessing.image import picture_area
from edgeprune.recipe.sections import DataSettings
from tests.data.test_boxes import coco, voc, yolo
from tests.data.test_keypoints import OutputSignature, drawn
from tests.data.test_masks import signature, written

BARS = DataSettings(letterbox=114)
DETECTOR = ModelSignature((InputSignature((64, 48, 3)),), (2, 6))


def splits(data):
    return (data.train, data.validation, data.test)


@pytest.mark.parametrize("write", [coco, voc, yolo])
def test_boxes_are_around_their_objects(tmp_path, write):
    data = open_data(write(tmp_path), signature=DETECTOR, settings=BARS)
    assert {step["op"]: step.get("fill") for step in data.preprocessing}["letterbox"] == 114
    seen = 0
    for split in splits(data):
        for picture, objects in zip(split.x, split.y, strict=True):
            assert picture.shape == (64, 48, 3)
            # 20 x 40 pixels become 24 x 48 of 64 x 48: bars of 20 rows above and below.
            assert (picture[:20] == 114).all()
            assert (picture[44:] == 114).all()
            kind, *box = objects[0]
            white = np.argwhere(picture[20:44, :, 0] > 127)
            if kind < 0 or not len(white):
                continue
            found = [white[:, 0].min() + 20, white[:, 1].min(), white[:, 0].max() + 21, white[:, 1].max() + 1]
            np.testing.assert_allclose(found, np.array(box) * [64, 48, 64, 48], atol=1)  # pixels
            seen += 1
    assert seen == 5


def test_masks_lie_on_their_pictures_and_bars_count_nowhere(tmp_path):
    data = open_data(written(tmp_path), signature=signature(36, 36, 3), settings=BARS)
    for split in splits(data):
        # 12 x 18 pixels become 24 x 36 of 36 x 36: bars of 6 rows.
        assert (split.y[:, :6] == -1).all()
        assert (split.y[:, 30:] == -1).all()
        inner, classes = split.x[:, 8:28, 2::5, 0].astype(int), split.y[:, 8:28, 2::5]
        away = np.r_[0:8, 12:20]  # from where stripes meet
        offset = split.x[:, 29:30, :1, 0].astype(int)
        np.testing.assert_array_equal(np.round((inner - offset) / 90)[:, away], classes[:, away])
    assert [decision.choice for decision in data.decisions if "bars" in decision.choice] == [
        "Masks become 36 x 36, pictures 36 x 36 x 3, with bars of the grey 114 around them."
    ]


def test_a_mask_of_another_size_is_placed_as_its_picture():
    mask = np.arange(1, 9).reshape(2, 4)
    placed = nearest(mask, (8, 8), picture_area((20, 40), (16, 16)))
    expected = np.full((8, 8), -1)
    expected[2:6] = mask.repeat(2, 0).repeat(2, 1)
    np.testing.assert_array_equal(placed, expected)


@pytest.mark.parametrize("counts", [(1,) * 12, (2,) * 12])
def test_points_stay_on_their_pixels(counts, tmp_path):
    folder = drawn(tmp_path, counts)
    outputs = (OutputSignature((3, 2), name="points"),)
    model = ModelSignature((InputSignature((80, 48, 3)),), (3, 2), outputs=outputs)
    data = open_data(folder, signature=model, settings=BARS)
    seen = 0
    for split in splits(data):
        for picture, points in zip(split.x, split.y, strict=True):
            for colour, (x, y) in enumerate(points):
                if np.isfinite(x):
                    pixel = picture[int(y * 80), int(x * 48)].astype(int)
                    assert pixel[colour] > 60
                    assert set(pixel) != {114}  # the bars
                    seen += 1
    assert seen > 12


def test_pictures_by_class_keep_their_aspect_ratio(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for number in range(6):
            Image.new("L", (30, 10 + number), 200).save(tmp_path / name / f"{number}.png")
    model = ModelSignature((InputSignature((24, 24, 1)),), (2,), "softmax")
    data = open_data(tmp_path, signature=model, settings=DataSettings(letterbox=0))
    bright = {tuple((picture[..., 0] > 100).sum(axis=0)) for split in splits(data) for picture in split.x}
    # 24 columns of 30, and as many rows of 10 … 15
    assert bright == {(rows,) * 24 for rows in (8, 9, 10, 11, 12)}


def test_what_holds_no_files_of_pictures_is_refused(tmp_path):
    np.savez(tmp_path / "data.npz", x=np.zeros((20, 8, 8, 1), np.uint8), y=np.arange(20) % 2)
    with pytest.raises(InputError, match="holds no files of pictures, which --letterbox 114"):
        open_data(tmp_path / "data.npz", settings=BARS)


@pytest.mark.parametrize("grey", [-1, 256])
def test_a_grey_that_is_none_is_refused(grey):
    with pytest.raises(InputError, match=rf"letterbox is {grey}.*at most 255"):
        DataSettings(letterbox=grey)


@pytest.mark.heavy
@pytest.mark.parametrize(("classes", "head"), [(1, "sigmoid"), (2, "softmax")])
def test_bars_count_nowhere_in_a_build(tmp_path, classes, head):
    import tf_keras

    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    rng = np.random.default_rng(0)
    for number in range(120):
        height, width = rng.integers(16, 30), rng.integers(30, 60)
        mask = np.zeros((height, width), np.uint8)
        top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
        mask[top : top + height // 2, left : left + width // 2] = 255
        picture = rng.integers(0, 90, (height, width, 3), np.uint8) + mask[..., None] // 2
        Image.fromarray(picture).save(tmp_path / "images" / f"{number}.png")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    model = tf_keras.Sequential([
        layers.Input((24, 24, 3)), layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.Conv2D(classes, 1, activation=head),
    ])
    taken = ModelSignature((InputSignature((24, 24, 3)),), (24, 24, classes), head)
    data = open_data(tmp_path, signature=taken, settings=BARS)
    y = np.maximum(data.train.y, 0)[..., None]
    loss = "binary_crossentropy" if classes == 1 else "sparse_categorical_crossentropy"
    model.compile(tf_keras.optimizers.Adam(1e-2), loss)
    model.fit(data.model_input(data.train.x), y, epochs=30, verbose=0)
    bundle = edgeprune.build(
        model, tmp_path, letterbox=114, epochs=1, least_steps=60, batch_size=16, out=tmp_path / "out"
    )
    report = edgeprune.read_report(bundle).stages
    x = data.model_input(data.test.x)
    found = np.round(model.predict(x, verbose=0)[..., -1])
    inside = data.test.y >= 0
    ious = [
        (inside & (data.test.y == number) & (found == number)).sum()
        / (inside & ((data.test.y == number) | (found == number))).sum()
        for number in (0, 1)
    ]
    metrics = report.baseline.metrics, report.deployed.metrics
    assert metrics[0]["mean_iou"] == pytest.approx(np.mean(ious), rel=0, abs=1e-6)  # without the bars
    assert metrics[1]["mean_iou"] > metrics[0]["mean_iou"] - 0.02
    step = bundle.manifest.preprocessing[0]
    assert (step["op"], step["fill"]) == ("letterbox", 114)
