import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.preprocessing import apply

Image = pytest.importorskip("PIL.Image", reason="Pillow is the independent reference")
PICTURES = np.random.default_rng(3).integers(0, 256, (3, 37, 53, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(20, 24), (37, 20), (80, 61), (1, 1), (128, 128)])
def test_resizing_equals_pillow(size):
    height, width = size
    got = apply([{"op": "resize", "height": height, "width": width}], PICTURES)
    expected = [
        np.asarray(Image.fromarray(one).resize((width, height), Image.Resampling.BILINEAR))
        for one in PICTURES
    ]
    assert got.dtype == np.uint8
    np.testing.assert_allclose(got.astype(int), np.stack(expected).astype(int), rtol=0, atol=1)
    floats = apply([{"op": "resize", "height": height, "width": width}], PICTURES[..., :1].astype(np.float32))
    plain = Image.fromarray(PICTURES[0, :, :, 0].astype(np.float32))
    reference = np.asarray(plain.resize((width, height), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(floats[0, :, :, 0], reference, rtol=0, atol=1e-3)


def test_grey_equals_pillow():
    got = apply([{"op": "channels", "count": 1}], PICTURES)
    expected = np.stack([np.asarray(Image.fromarray(one).convert("L")) for one in PICTURES])
    np.testing.assert_array_equal(got[..., 0], expected)


def test_what_fits_stays_as_it_is():
    steps = [{"op": "resize", "height": 37, "width": 53}, {"op": "channels", "count": 3}]
    assert apply(steps, PICTURES) is PICTURES
    colour = apply([{"op": "channels", "count": 3}], PICTURES[..., :1])
    np.testing.assert_array_equal(colour[..., 2], PICTURES[..., 0])


def test_no_pictures_are_refused():
    with pytest.raises(InputError, match="no pictures"):
        apply([{"op": "resize", "height": 4, "width": 4}], np.zeros((3, 8), np.uint8))
    with pytest.raises(InputError, match="4 channels"):
        apply([{"op": "channels", "count": 3}], np.zeros((1, 2, 2, 4), np.uint8))


@pytest.mark.parametrize(
    ("before", "after"), [(1, 7), (7, 1), (53, 20), (20, 53), (640, 96), (5, 5), (97, 96)]
)
def test_resizing_is_the_same_sum_in_the_same_order_everywhere(before, after):
    """One multiplication and one addition after the other in float32, as generated code has it."""
    line = np.random.default_rng(before).normal(0, 90, (1, before, 1, 1)).astype(np.float32)
    got = apply([{"op": "resize", "height": after, "width": 1}], line)[0, :, 0, 0]
    scale = before / after
    support = max(scale, 1.0)
    for row in range(after):
        centre = (row + 0.5) * scale
        near = [at for at in range(before) if abs(at + 0.5 - centre) < support]
        weights = [1.0 - abs(at + 0.5 - centre) / support for at in near]
        whole = 0.0
        for weight in weights:
            whole += weight
        total = np.float32(0)
        for at, weight in zip(near, weights, strict=True):
            total = total + np.float32(weight / whole) * line[0, at, 0, 0]
        assert got[row] == total, row


def test_a_plain_picture_standardized_is_zero():
    plain = np.full((1, 224, 224, 3), 253, np.uint8)
    np.testing.assert_array_equal(apply([{"op": "standardize_each"}], plain), np.zeros(plain.shape))


@pytest.mark.parametrize("size", [(40, 61), (61, 40), (7, 300), (16, 16), (1, 1), (24, 32)])
def test_a_letterbox_is_placed_as_by_yolo(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(size))
    pictures = rng.integers(0, 256, (2, *size, 3), np.uint8)
    got = apply([{"op": "letterbox", "height": 24, "width": 32, "fill": 114}], pictures)
    # Ultralytics' LetterBox (data/augment.py), with Pillow's resize in place of OpenCV's.
    ratio = min(24 / size[0], 32 / size[1])
    inner = max(round(size[1] * ratio), 1), max(round(size[0] * ratio), 1)
    left, top = (round((32 - inner[0]) / 2 - 0.1), round((24 - inner[1]) / 2 - 0.1))
    for picture, made in zip(pictures, got, strict=True):
        expected = Image.new("RGB", (32, 24), (114, 114, 114))
        expected.paste(Image.fromarray(picture).resize(inner, Image.Resampling.BILINEAR), (left, top))
        np.testing.assert_allclose(made, np.asarray(expected), atol=1)  # Pillow's sums are of 8 bits


def test_bars_are_a_grey() -> None:
    with pytest.raises(InputError, match="grey 256"):
        apply([{"op": "letterbox", "height": 4, "width": 4, "fill": 256}], np.zeros((1, 2, 3, 3), np.uint8))
