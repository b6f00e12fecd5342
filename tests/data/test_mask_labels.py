"""Masks in arrays: what is foreground, what counts nowhere, and what are values."""

import numpy as np
import pytest

from edgeprune.data.model_signature import OutputSignature
from edgeprune.data.targets import metrics_for, read_numbers
from edgeprune.metrics import evaluate
from edgeprune.tasks.output_task import for_metrics
from edgeprune.types import OutputTask

SCORES = OutputSignature((4, 5, 1), "sigmoid")


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32])
@pytest.mark.parametrize("last", [False, True])
def test_black_and_white_masks_are_zero_and_one(dtype, last):
    ones = np.random.default_rng(0).integers(0, 2, (3, 4, 5))
    shape = (3, 4, 5, 1) if last else (3, 4, 5)
    for factor in (1, 255):
        read = read_numbers({"train": (ones * factor).astype(dtype).reshape(shape)}, SCORES)
        assert read.kind == "binary"
        np.testing.assert_array_equal(read.parts["train"], ones)
        assert ("255" in read.note) == (factor == 255)
    assert metrics_for("binary", ones, None)[0] == "mean_iou"


@pytest.mark.parametrize("last", [False, True])
def test_255_beside_one_is_void(last):
    mask = np.random.default_rng(1).choice([0, 1, 255], (3, 4, 5))
    expected = np.where(mask == 255, -1, mask)
    assert expected.min() == -1
    for dtype in (np.uint8, np.int32, np.float32):
        given = (mask[..., None] if last else mask).astype(dtype)
        read = read_numbers({"train": given}, SCORES)
        assert read.kind == "binary"
        np.testing.assert_array_equal(read.parts["train"], expected)
    assert "left out" in read.note


def test_pictures_of_256_greys_are_no_masks():
    grey = np.random.default_rng(2).integers(0, 256, (3, 4, 5, 1)).astype(np.uint8)
    assert read_numbers({"train": grey}, SCORES).kind == "image"


@pytest.mark.parametrize(
    ("ignored", "shape"), [(255, (3, 4, 5)), (0, (3, 4, 5)), (-100, (3, 7)), (9, (3, 7))]
)
def test_what_a_loss_ignores_counts_nowhere(ignored, shape):
    numbers = np.random.default_rng(3).choice([0, 1, 2, 3, ignored], shape)
    output = OutputSignature((*shape[1:], 4), "softmax", "", "numbers", ignored=ignored)
    read = read_numbers({"train": numbers}, output)
    assert read.kind == "classes"
    np.testing.assert_array_equal(read.parts["train"], np.where(numbers == ignored, -1, numbers))
    assert str(ignored) in read.note


@pytest.mark.parametrize("ignored", [255, -1, -100])
@pytest.mark.parametrize(("classes", "head"), [(1, "sigmoid"), (4, "softmax")])
@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_a_loss_of_its_own_gets_ignored_pixels_as_they_are_and_metrics_leave_them_out(
    ignored, classes, head, dtype,
):
    rng = np.random.default_rng(4)
    numbers = rng.integers(0, max(classes, 2), (6, 4, 5))
    scores = rng.random((6, 4, 5, classes))
    void = rng.random(numbers.shape) < 0.3
    y = np.where(void, ignored, numbers).astype(dtype)
    read = read_numbers({"train": y}, OutputSignature((4, 5, classes), head, "", "any"))
    assert read.kind == ("binary" if classes == 1 else "classes")
    np.testing.assert_array_equal(read.parts["train"], y)
    judged = for_metrics(OutputTask(read.kind, ()), y, scores)
    guess = scores.argmax(-1) if classes > 1 else scores[..., 0] > 0.5
    expected = {"pixel_accuracy": (guess == numbers)[~void].mean()}
    assert evaluate(["pixel_accuracy"], judged, scores) == pytest.approx(expected, rel=0, abs=1e-12)


def test_numbers_that_no_class_has_and_nobody_ignores_are_what_the_loss_alone_knows():
    one_based = np.random.default_rng(5).integers(1, 5, (6, 4, 5))
    output = OutputSignature((4, 5, 4), "softmax", "", "any")
    assert read_numbers({"train": one_based}, output).kind == "original"


@pytest.mark.parametrize("loss", ["same", None])
def test_depths_without_a_last_axis_are_a_picture_and_not_columns(loss):
    depths = np.random.default_rng(6).random((3, 4, 5))
    read = read_numbers({"train": depths}, OutputSignature((4, 5, 1), "values", "", loss))
    assert read.kind == "image"
    np.testing.assert_array_equal(read.parts["train"], depths[..., None].astype(np.float32))
    series = read_numbers({"train": depths[:, 0]}, OutputSignature((5, 1), "values", "", loss))
    assert series.kind == "values"
