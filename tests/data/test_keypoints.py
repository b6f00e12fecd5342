"""Points of objects as COCO writes them down, in the form in which a model gives them."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from edgeprune.data.heat_maps import are_heat_maps
from edgeprune.data.keypoints import in_model_form
from edgeprune.data.labels import read_labels
from edgeprune.data.model_signature import InputSignature, ModelSignature, OutputSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError
from edgeprune.metrics import evaluate
from edgeprune.tasks import useless_outputs
from edgeprune.training.objective import Objective

WIDTH, HEIGHT, POINTS = 60, 40, ("nose", "left", "right")


def drawn(folder, counts, points=POINTS, seed=0):
    """Pictures in which each point of an object is a spot of 3 x 3 pixels, in a colour of its own."""
    random, pictures, annotations = np.random.default_rng(seed), [], []
    folder.mkdir(parents=True, exist_ok=True)
    for number, count in enumerate(counts):
        pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for place in range(count):
            left = place * WIDTH // count
            xs = random.integers(left + 2, left + WIDTH // count - 2, len(points))
            ys = random.integers(2, HEIGHT - 2, len(points))
            flat = []
            for colour, (x, y) in enumerate(zip(xs, ys, strict=True)):
                pixels[y - 1 : y + 2, x - 1 : x + 2, colour] = 255
                hidden = (number + colour) % 5 == 0
                flat += [0, 0, 0] if hidden else [int(x) + 0.5, int(y) + 0.5, 2]
            annotations.append({
                "id": len(annotations) + 1, "image_id": number, "category_id": 1, "keypoints": flat,
                "bbox": [int(left), 0, WIDTH // count, HEIGHT],
            })
        Image.fromarray(pixels).save(folder / f"{number}.png")
        pictures.append({"id": number, "file_name": f"{number}.png", "width": WIDTH, "height": HEIGHT})
    category = {"id": 1, "name": "person", "keypoints": list(points)}
    content = {"images": pictures, "annotations": annotations, "categories": [category]}
    (folder / "person_keypoints.json").write_text(json.dumps(content))
    return folder


def opened(folder, *outputs, size=(48, 48, 3)):
    found = tuple(OutputSignature(shape, name=f"o{number}") for number, shape in enumerate(outputs))
    return open_data(folder, signature=ModelSignature(
        (InputSignature(size),), found[0].shape, outputs=found
    ))


def splits(data):
    return (data.train, data.validation, data.test)


@pytest.mark.parametrize("counts", [[1] * 9, [2, 1, 2, 1, 2, 2]], ids=["whole", "cut out"])
def test_points_stay_on_their_pixels(counts, tmp_path):
    data = opened(drawn(tmp_path / "poses", counts), (6,))
    assert data.tasks[0].kind == "keypoints"
    assert data.tasks[0].classes == POINTS
    assert sum(map(len, splits(data))) == sum(counts)
    assert any("cut out" in one.choice for one in data.decisions) == (max(counts) > 1)
    seen = 0
    for x, points in ((x, y) for split in splits(data) for x, y in zip(split.x, split.y, strict=True)):
        for colour, (right, down) in enumerate(points):
            if np.isfinite(right):
                mine = x[int(down * 48), int(right * 48)].astype(int)
                assert mine[colour] > 60, (colour, right, down)
                seen += 1
    assert seen == pytest.approx(0.8 * sum(map(len, splits(data))) * 3, abs=6)


SIZE = (24, 36)
WANTED = {
    "x, y in fractions of the picture": lambda p: p,
    "y, x in fractions of the picture": lambda p: p[..., ::-1],
    "x, y in pixels of the model's input": lambda p: p * (36, 24),
    "y, x in pixels of the model's input": lambda p: (p * (36, 24))[..., ::-1],
    "x, y in numbers from -1 to 1": lambda p: 2 * p - 1,
}


@pytest.mark.parametrize("words", WANTED)
@pytest.mark.parametrize("shape", [(6,), (3, 2), (1, 3, 2), (3, 3)])
def test_the_form_of_points_is_the_models(words, shape, tmp_path):
    """The model is told by its outputs; labels that are missing stay missing."""
    data = opened(drawn(tmp_path, [1] * 20), shape, size=(*SIZE, 3))
    base = np.concatenate([split.y for split in splits(data)])
    random = np.random.default_rng(1)

    def values(points):
        made = WANTED[words](points)
        if shape[-1] == 3:
            made = np.concatenate([made, np.full((*made.shape[:2], 1), np.nan)], -1)
        return made.reshape(len(points), *shape)

    lookup = {x.tobytes(): y for split in splits(data) for x, y in zip(
        data.model_input(split.x), values(split.y), strict=True)}
    spread = np.nanstd(values(base))

    def predict(inputs):
        exact = np.nan_to_num(np.stack([lookup[one.tobytes()] for one in inputs]), nan=0.5)
        return (exact + random.normal(size=exact.shape) * 0.1 * spread,)

    formed = in_model_form(data, predict, 0)
    assert any(words in one.choice for one in formed.decisions)
    for before, after in zip(splits(data), splits(formed), strict=True):
        np.testing.assert_allclose(after.y, values(before.y), rtol=0, atol=1e-4)


def test_heat_maps_have_their_peak_at_the_point(tmp_path):
    data = opened(drawn(tmp_path, [1] * 12), (24, 30, 3), (24, 30, 3), (4,))
    assert [task.kind for task in data.tasks] == ["keypoints", "keypoints", "original"]
    points = data.test.y[0]

    def predict(inputs):
        down = (np.arange(24) + 0.5)[None, :, None, None] - 24 * np.nan_to_num(few[:, None, None, :, 1])
        right = (np.arange(30) + 0.5)[None, None, :, None] - 30 * np.nan_to_num(few[:, None, None, :, 0])
        maps = np.exp(-(down**2 + right**2) / 2 / 3.0**2)
        return (maps, maps, np.zeros((len(inputs), 4)))

    few = data.train.y[0]
    formed = in_model_form(data, predict, 0)
    assert any("deviation 3 pixels" in one.choice for one in formed.decisions)
    for maps in formed.test.y[:2]:
        assert maps.shape == (len(points), 24, 30, 3)
        for sample, number in zip(*np.nonzero(np.isfinite(points[..., 0])), strict=True):
            row, column = np.unravel_index(maps[sample, :, :, number].argmax(), (24, 30))
            right, down = points[sample, number] * (30, 24)
            assert max(abs(row + 0.5 - down), abs(column + 0.5 - right)) <= 0.5
        np.testing.assert_array_equal(np.isnan(maps).all(axis=(1, 2)), np.isnan(points[..., 0]))
    assert formed.test.y[2] is None


def test_points_that_are_not_labelled_count_nowhere():
    random = np.random.default_rng(0)
    truth, found = random.random((8, 5, 2)), random.random((8, 5, 2))
    hidden = random.random((8, 5)) < 0.3
    seen = np.concatenate([truth, np.where(hidden, 0.0, 2.0)[..., None]], -1)
    gaps = np.where(hidden[..., None], np.nan, truth)
    names = ["oks", "pck", "pck_per_point"]
    assert evaluate(names, gaps, found) == pytest.approx(evaluate(names, seen, found), rel=0, abs=1e-12)
    # Training leaves them where the teacher has them.
    targets = Objective("squared", teacher_ratio=0.25).targets(found, gaps)
    wanted = np.where(hidden[..., None], found, 0.25 * found + 0.75 * truth)
    np.testing.assert_allclose(targets.values, wanted, rtol=0, atol=1e-12)


def test_a_prediction_that_is_no_number_is_not_right():
    truth = np.random.default_rng(0).random((4, 3, 2))
    found = truth.copy()
    found[0, 0] = np.nan
    assert evaluate(["pck"], truth, found)["pck"] == pytest.approx(11 / 12)
    assert np.isnan(evaluate(["oks"], truth, found)["oks"])


def test_always_the_same_pose_is_useless(tmp_path):
    data = opened(drawn(tmp_path, [1] * 30), (6,))
    points = data.train.y
    mean = np.broadcast_to(np.nanmean(points, axis=0).reshape(6), (len(points), 6))
    formed = in_model_form(data, lambda _: (np.broadcast_to(mean[:1], (len(points), 6)),), 0)
    reasons, useless = useless_outputs(formed.tasks, formed.train.y, (mean + 1e-3,))
    assert useless
    assert "always giving the mean" in reasons[0]
    assert useless_outputs(formed.tasks, formed.train.y, (np.nan_to_num(formed.train.y),)) == ((), False)


def test_boxes_are_read_where_the_model_gives_no_points(tmp_path):
    data = opened(drawn(tmp_path, [1] * 8), (10, 6))
    assert data.tasks[0].kind == "boxes"
    assert data.train.y.shape[1:] == (1, 5)


def test_no_labelled_point_is_refused(tmp_path):
    folder = drawn(tmp_path, [1] * 4)
    file = folder / "person_keypoints.json"
    content = json.loads(file.read_text())
    for one in content["annotations"]:
        one["keypoints"] = [0] * 9
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match="No object has a labelled point"):
        opened(folder, (6,))


def test_annotations_of_points_alone_need_no_boxes(tmp_path):
    folder = drawn(tmp_path, [1] * 8)
    file = folder / "person_keypoints.json"
    content = json.loads(file.read_text())
    expected = by_value(opened(folder, (6,)))
    for one in content["annotations"]:
        del one["bbox"]
    file.write_text(json.dumps(content))
    np.testing.assert_array_equal(by_value(opened(folder, (6,))), expected)


def by_value(data):
    return np.concatenate([split.y for split in splits(data)])


def spots(count=6, side=20, points=3, noise=0.0):
    random = np.random.default_rng(5)
    grid = np.arange(side)
    centres = random.uniform(2, side - 2, (count, points, 2))
    down = (grid[None, :, None, None] - centres[:, None, None, :, 0]) ** 2
    right = (grid[None, None, :, None] - centres[:, None, None, :, 1]) ** 2
    return np.exp(-(down + right) / 8) + noise * random.random((count, side, side, points))


def test_maps_of_single_spots_are_heat_maps():
    maps = spots()
    assert are_heat_maps(maps)
    maps[0, :, :, 1] = 0  # a point that is not there
    assert are_heat_maps(maps)
    assert not are_heat_maps(spots() + spots()[::-1])  # two spots
    assert not are_heat_maps(np.random.default_rng(0).random((6, 20, 20, 3)))
    assert not are_heat_maps(spots() - 0.5)
    output = OutputSignature((20, 20, 3), loss="same")
    signature = ModelSignature((InputSignature((40, 40, 3)),), output.shape, outputs=(output,))
    labels = read_labels({"train": spots().astype(np.float32)}, signature)
    assert labels.tasks[0].kind == "keypoints"
    pictures = dataclasses.replace(signature)
    plain = read_labels({"train": np.random.default_rng(0).random((6, 20, 20, 3))}, pictures)
    assert plain.tasks[0].kind == "image"


@pytest.mark.heavy
@pytest.mark.parametrize("form", ["values", "heat maps"])
def test_a_model_of_points_is_built_and_measured(form, tmp_path):
    """From COCO's folder to the device: judged by OKS, which a device computes too."""
    import keras

    import edgeprune
    from device_runners import bench

    folder, maps = drawn(tmp_path / "poses", [1] * 360), form == "heat maps"
    data = opened(folder, (6,), size=(24, 24, 3))
    x = data.model_input(data.train.x)
    middles = (np.arange(24) + 0.5) / 24  # of each spot, points that are not labelled included
    along = [x.sum(axis).transpose(0, 2, 1) @ middles / x.sum((1, 2)) for axis in (1, 2)]
    points = np.stack(along, axis=-1)
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((24, 24, 3)), layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(), layers.Conv2D(24, 3, padding="same", activation="relu"), layers.Conv2D(3, 1),
    ])
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    grid = (np.arange(12) + 0.5) / 12
    down = (grid[None, :, None, None] - points[:, None, None, :, 1]) ** 2
    right = (grid[None, None, :, None] - points[:, None, None, :, 0]) ** 2
    model.fit(x, np.exp(-(down + right) * 144 / 2), epochs=30, batch_size=16, verbose=0)
    if not maps:  # where a map is high, there its point is: a mean of places
        place = layers.Dense(2)
        model = keras.Sequential([
            keras.Input((24, 24, 3)), *model.layers, layers.Rescaling(20.0), layers.Reshape((144, 3)),
            layers.Permute((2, 1)), layers.Softmax(), place, layers.Flatten(),
        ])
        columns, rows = (part.ravel() for part in np.meshgrid(grid, grid))
        place.set_weights([np.stack([columns, rows], axis=1), np.zeros(2)])
        model.compile(keras.optimizers.Adam(1e-3), "mse")
        model.fit(x, points.reshape(-1, 6), epochs=5, batch_size=16, verbose=0)
    bundle = edgeprune.build(model, str(folder), epochs=10, out=tmp_path / "out")
    report = json.loads(bundle.file("report.json").read_text())
    before, after = (report["stages"][stage]["metrics"] for stage in ("baseline", "deployed"))
    assert next(iter(before)) == "oks"
    assert {f"pck_per_point/{name}" for name in POINTS} <= set(after)
    assert before["pck"] > 0.7
    assert after["oks"] > before["oks"] - 0.1
    record = bench(bundle, "local")
    assert record.metrics == pytest.approx(report["stages"]["deployed"]["on_eval"]["metrics"], abs=1e-9)
