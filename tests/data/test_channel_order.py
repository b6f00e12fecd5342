"""Channels first or last: what the model gets is the same picture, whichever order data and model have."""

import numpy as np
import pytest

from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.scaling import ways
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError
from edgeprune.recipe.sections import DataSettings

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 5, 7, 3), dtype=np.uint8)
LABELS = np.arange(20) % 2


def model(*shape, dtype="float32"):
    return ModelSignature((InputSignature(shape, dtype),), (2,), "softmax")


def saved(path, x):
    np.savez(path, x_train=x[:12], y_train=LABELS[:12], x_test=x[12:], y_test=LABELS[12:])
    return path


def first(x):
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.float64])
@pytest.mark.parametrize(("stored", "taken"), [
    (first, (5, 7, 3)), (np.array, (3, 5, 7)), (first, (None, None, 3)), (np.array, (3, None, None)),
    (first, (3, 5, 7)), (np.array, (5, 7, 3)),
])
def test_arrays_reach_the_model_in_its_order(tmp_path, dtype, stored, taken):
    values = PIXELS.astype(dtype) / (1 if np.issubdtype(dtype, np.integer) else 255)
    data = open_data(saved(tmp_path / "a.npz", stored(values)), signature=model(*taken))
    expected = values if taken[-1] == 3 else first(values)
    made = data.model_input(data.test.x)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, expected[12:], rtol=1e-6, atol=0)
    moved = (stored is first) != (taken[0] == 3)
    assert any("Channels come first in the data" in note or "takes channels first" in note
               for note in data.notes) == moved


@pytest.mark.parametrize(("stored", "taken"), [
    (first, (5, 7, 3)), (np.array, (3, 5, 7)), (first, (3, 5, 7)), (np.array, (5, 7, 3)),
])
def test_every_way_of_scaling_sees_the_colours(tmp_path, stored, taken):
    signature = model(*taken)
    data = open_data(saved(tmp_path / "a.npz", stored(PIXELS)), signature=signature)
    from edgeprune import preprocessing

    found = {
        way.name: preprocessing.apply(way.steps, stored(PIXELS))
        for way in ways(data, signature, 0, signature.inputs[0])
    }
    mean, std = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
    expected = {
        "zero-one": PIXELS / 255, "imagenet": (PIXELS - mean) / std, "bgr": PIXELS[..., ::-1] / 255,
        "caffe": PIXELS[..., ::-1] - np.array([103.939, 116.779, 123.68]),
    }
    for name, values in expected.items():
        wanted = values if taken[-1] == 3 else first(values)
        np.testing.assert_allclose(found[name], wanted, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("shape", "taken"), [((3, 3, 3), (3, 3, 3)), ((3, 8, 3), (None, None, 3)),
                                              ((3, 8, 8), (None, None, None))])
def test_where_both_orders_fit_the_user_says_which(tmp_path, shape, taken):
    values = np.random.default_rng(1).random((20, *shape), np.float32)
    path = saved(tmp_path / "a.npz", values)
    with pytest.raises(InputError, match=r"may be \(channels, .*\) or \(.*, channels\).*--channels first"):
        open_data(path, signature=model(*taken))
    for channels, expected in (("last", values), ("first", values.transpose(0, 2, 3, 1))):
        data = open_data(path, signature=model(*taken), settings=DataSettings(channels=channels))
        np.testing.assert_array_equal(data.model_input(data.test.x), expected[12:])


def test_what_is_no_picture_stays(tmp_path):
    for shape, taken in (((9, 8, 7), (9, 8, 7)), ((28, 28), (28, 28, 1)), ((1, 28, 28), (28, 28, 1)),
                         ((4, 4, 5), (4, 4, 5))):
        values = np.random.default_rng(2).random((20, *shape), np.float32)
        data = open_data(saved(tmp_path / "a.npz", values), signature=model(*taken))
        np.testing.assert_array_equal(data.model_input(data.test.x), values[12:].reshape(-1, *taken))
    with pytest.raises(InputError, match="The model takes"):
        open_data(saved(tmp_path / "a.npz", PIXELS), signature=model(7, 5, 3))


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("taken", [(3, 5, 7), (3, None, None), (1, 5, 7)])
def test_pictures_of_a_folder_for_a_model_of_channels_first(tmp_path, taken, dtype):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    for number, pixels in enumerate(PIXELS):
        place = tmp_path / ("train", "test")[number >= 12] / ("cat", "dog")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        image.fromarray(pixels).save(place / f"{number:02}.png")
    data = open_data(tmp_path, signature=model(*taken, dtype=dtype))
    order = [*range(12, 20, 2), *range(13, 20, 2)]
    made = data.model_input(data.test.x) * (1 if dtype == "uint8" else 255)
    if taken[0] == 3:
        np.testing.assert_allclose(made, first(PIXELS)[order], rtol=0, atol=1e-4)
    assert made.shape[1:] == (taken[0], 5, 7)


def test_pictures_as_a_dataset_are_read_by_their_own_input(tmp_path):
    inputs = tuple(InputSignature((5, 7, 3), name=name) for name in "ab")
    two = ModelSignature(inputs, (2,), "softmax")
    np.savez(tmp_path / "a.npz", x_a=first(PIXELS), x_b=PIXELS, y=LABELS)
    data = open_data(tmp_path / "a.npz", signature=two)
    one, other = data.model_input(data.test.x)
    np.testing.assert_array_equal(one, other)
