"""Which model of boxes or masks is better is told by its metric: a surer one may have the greater loss."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from edgeprune.data.dataset import Dataset, Split
from edgeprune.pipeline.artifacts import Baseline
from edgeprune.types import OutputTask


def test_a_detector_is_scored_by_its_boxes():
    boxes = np.full((2, 2, 5), -1, np.float32)
    boxes[:, 0] = 1, 0.1, 0.1, 0.4, 0.4  # its centre lies in the first cell of 2 x 2
    heads = np.zeros((2, 2, 2, 6), np.float32)
    heads[:, 0, 0] = 0.5, 0.5, 0.3, 0.3, 0, 0.6
    elsewhere = heads.copy()
    elsewhere[1, 0, 0, :4] = 0.1, 0.1, 0.1, 0.1
    split = Split(np.zeros((2, 8, 8, 1), np.float32), boxes)
    data = Dataset("detection", split, split, split, tasks=(OutputTask("boxes", ("map_50",)),))
    fields = {field.name: None for field in dataclasses.fields(Baseline)}
    baseline = Baseline(**{**fields, "data": data, "validation": split.x, "objective": SimpleNamespace()})
    assert baseline.score_of((heads,)) == 1.0
    assert 0 < baseline.score_of((elsewhere,)) < 1


@pytest.mark.parametrize("kind", ["classes", "binary"])
def test_masks_are_scored_by_their_mean_iou(kind):
    masks = np.zeros((3, 4, 4), np.int64)
    masks[:, :2, :2] = 1
    right, unsure, wrong = masks.copy(), masks * 0.8 + 0.1, masks.astype(float)
    wrong[0, 3, 3] = 1.0  # one pixel, sure and wrong: a great loss, a mean IoU near 1
    unsure[:, 0, 0] = 0.45  # three pixels that are hardly wrong: a small loss

    def outputs(chance):
        stacked = np.stack([1 - chance, chance], -1) if kind == "classes" else chance[..., None]
        return (np.clip(stacked, 1e-7, 1 - 1e-7).astype(np.float32),)

    split = Split(np.zeros((3, 4, 4, 1), np.float32), right)
    data = Dataset("segmentation", split, split, split, tasks=(OutputTask(kind, ("mean_iou", "dice")),))
    fields = {field.name: None for field in dataclasses.fields(Baseline)}
    baseline = Baseline(**{**fields, "data": data, "validation": split.x, "objective": SimpleNamespace()})

    def loss(chance):
        return -np.log(np.clip(np.where(masks == 1, chance, 1 - chance), 1e-7, 1)).mean()

    assert loss(unsure) < loss(wrong)
    assert baseline.score_of(outputs(unsure)) < baseline.score_of(outputs(wrong)) < 1.0
    assert baseline.score_of(outputs(right.astype(float))) == 1.0
