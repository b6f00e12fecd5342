"""Which detector is better is told by its boxes: a surer one may have the greater loss."""

import dataclasses
from types import SimpleNamespace

import numpy as np

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
