from types import SimpleNamespace

import numpy as np
import pytest

from edgeprune.data.digit_canvas import _TURN, _distorted, canvases, detection_digits
from edgeprune.data.vision import digits


@pytest.fixture(scope="module")
def made():
    return canvases(digits().validation, 64, 40, np.random.default_rng(3))


def test_boxes_are_tight_around_the_ink_of_their_digit(made):
    ink = made.pictures[..., 0] >= 64
    alone = [row for row in range(40) if (made.boxes[row, :, 0] >= 0).sum() == 1]
    assert alone
    for row in alone:
        kind, *box = made.boxes[row][made.boxes[row, :, 0] >= 0][0]
        ys, xs = np.nonzero(ink[row])
        tight = [ys.min(), xs.min(), ys.max() + 1, xs.max() + 1]
        np.testing.assert_allclose(np.array(box) * 64, tight, rtol=0, atol=1e-4)
        np.testing.assert_array_equal(made.masks[row] > 0, ink[row])
        assert set(np.unique(made.masks[row])) == {0, 1 + int(kind)}


def test_masks_and_boxes_name_the_same_digits(made):
    for mask, boxes in zip(made.masks, made.boxes, strict=True):
        named = {1 + int(kind) for kind in boxes[:, 0] if kind >= 0}
        assert set(np.unique(mask)) == {0, *named}
    counts = (made.boxes[..., 0] >= 0).sum(axis=1)
    assert set(counts) == {1, 2, 3}


def test_digits_for_training_are_turned_about_their_centre():
    """Every one differs, and keeps its class and about as much ink."""
    part = digits().train.take(slice(0, 1))
    made = [canvases(part, 64, 60, np.random.default_rng(3), distort=one) for one in (False, True)]
    plain, turned = (one.pictures[..., 0].astype(float) for one in made)
    assert len({one.tobytes() for one in turned}) == 60
    assert turned.sum() == pytest.approx(plain.sum(), rel=0.2)
    assert set(made[1].boxes[made[1].boxes[..., 0] >= 0][:, 0]) == {part.y[0]}
    digit = np.asarray(part.x)[0]
    still = SimpleNamespace(uniform=lambda low, high, size=None: (low + high) / 2 * np.ones(size or ()))
    np.testing.assert_array_equal(_distorted(digit, 28, still), digit[..., 0])
    quarter = SimpleNamespace(uniform=lambda low, high, size=None: (
        np.pi / 2 if high == _TURN else (low + high) / 2 * np.ones(size or ())
    ))
    np.testing.assert_allclose(_distorted(digit, 28, quarter), np.rot90(digit[..., 0], -1), rtol=0, atol=1)


@pytest.mark.heavy
def test_the_data_repeats_itself_and_every_split_has_digits_of_its_own():
    first, again = detection_digits(), detection_digits()
    np.testing.assert_array_equal(first.test.x, again.test.x)
    np.testing.assert_array_equal(first.train.y, again.train.y)
    assert first.train.y.dtype == np.float32
    assert not first.synthetic
    assert "placed on each canvas" in first.source
    assert first.metrics[0] == "map_50"
