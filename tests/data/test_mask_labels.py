"""Masks in arrays, for a model that gives one score a pixel."""

import numpy as np
import pytest

from edgeprune.data.model_signature import OutputSignature
from edgeprune.data.targets import metrics_for, read_numbers

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
    mask = np.random.default_rng(1).choice([0, 1, 255], (3, 4, 5)).astype(np.uint8)
    read = read_numbers({"train": mask[..., None] if last else mask}, SCORES)
    assert read.kind == "binary"
    np.testing.assert_array_equal(read.parts["train"], np.where(mask == 255, -1, mask))
    assert "left out" in read.note


def test_pictures_of_256_greys_are_no_masks():
    grey = np.random.default_rng(2).integers(0, 256, (3, 4, 5, 1)).astype(np.uint8)
    assert read_numbers({"train": grey}, SCORES).kind == "image"
