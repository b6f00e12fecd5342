"""What report.json keeps for plots, against counts made here, sample by sample."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from edgeprune import jsonable
from edgeprune.data.dataset import Dataset, Split
from edgeprune.pipeline.output_plots import output_reports, resized, smaller
from edgeprune.report.plots import MOST_EXAMPLES, MOST_PIXELS, OutputReport, unpacked
from edgeprune.types import OutputTask

RANDOM = np.random.default_rng(11)


def reports(x, y, before, after, *tasks):
    data = Dataset("vision", Split(x), Split(x), Split(x, y), tasks=tasks)
    outputs = {"baseline": before, "deployed": after}
    found = output_reports(SimpleNamespace(data=data), SimpleNamespace(outputs=outputs))
    text = jsonable.dumps(found)
    again = tuple(jsonable.decode(OutputReport, one, "x") for one in json.loads(text))
    assert again == found
    return found


def one_hot(classes, count):
    return np.eye(count, dtype=np.float32)[classes]


def test_masks_are_those_of_evenly_spaced_samples():
    x = RANDOM.integers(0, 256, (10, 12, 16, 1)).astype(np.uint8)
    y = RANDOM.integers(-1, 3, (10, 12, 16))
    guess = RANDOM.integers(0, 3, (10, 12, 16))
    task = OutputTask("classes", ("mean_iou",))
    (found,) = reports(x, y, (one_hot(y.clip(0), 3),), (one_hot(guess, 3),), task)
    assert [one.sample for one in found.examples] == [0, 3, 6, 9]
    for one in found.examples:
        assert (one.height, one.width) == (12, 16)
        picture = np.repeat(x[one.sample], 3, axis=-1)
        np.testing.assert_array_equal(unpacked(one.pixels, (12, 16, 3)), picture)
        true = np.where(y[one.sample] < 0, 255, y[one.sample])
        np.testing.assert_array_equal(unpacked(one.true.mask, (12, 16)), true)
        np.testing.assert_array_equal(unpacked(one.deployed.mask, (12, 16)), guess[one.sample])
    counts = np.zeros((3, 3), int)
    for truth, predicted in zip(y.ravel(), guess.ravel(), strict=True):
        if truth >= 0:
            counts[truth, predicted] += 1
    np.testing.assert_array_equal(found.confusion.deployed, counts)


def test_labels_are_counted_one_by_one():
    y = (RANDOM.random((50, 3)) > 0.6).astype(np.float32)
    before, after = RANDOM.normal(size=(2, 50, 3)).astype(np.float32)
    task = OutputTask("multi_label", ("label_f1",), threshold=0.25)
    (found,) = reports(RANDOM.random((50, 4)), y, (before,), (after,), task)
    for label in range(3):
        has = {number for number in range(50) if y[number, label]}
        assert found.labels.true[label] == len(has)
        for name, scores in (("baseline", before), ("deployed", after)):
            given = {number for number in range(50) if scores[number, label] > 0.25}
            assert getattr(found.labels, f"{name}_hits")[label] == len(given & has)
            assert getattr(found.labels, f"{name}_false")[label] == len(given - has)


def test_boxes_have_scores_and_the_uncertain_are_left_out():
    x = RANDOM.random((2, 32, 32, 3)).astype(np.float32)
    y = np.full((2, 2, 5), -1, np.float32)
    y[0, 0] = (1, 0.1, 0.2, 0.5, 0.6)
    detections = np.full((2, 3, 6), -1, np.float32)
    detections[0, 0] = (1, 0.75, 0.1, 0.25, 0.5, 0.625)
    detections[0, 1] = (0, 0.125, 0.0, 0.0, 1.0, 1.0)
    (found,) = reports(x, y, (detections,), (detections,), OutputTask("boxes", ("map_50",)))
    first, second = found.examples
    (true,), (box,) = first.true.boxes, first.deployed.boxes
    assert (true.label, true.score) == (1, None)
    np.testing.assert_allclose([true.ymin, true.xmin, true.ymax, true.xmax], y[0, 0, 1:], rtol=0, atol=1e-7)
    assert (box.label, box.score, box.xmin, box.xmax) == (1, 0.75, 0.25, 0.625)
    assert second.true.boxes == second.deployed.boxes == ()
    low, high = x.min(), x.max()
    pixels = unpacked(first.pixels, (32, 32, 3)) if len(x) else None
    expected = (x[0] - x[[0, 1]].min()) * 255 / (high - low)
    np.testing.assert_allclose(pixels, expected, rtol=0, atol=0.51)


@pytest.mark.parametrize("columns", [1, 3])
def test_errors_are_counted_in_their_bins(columns):
    y = RANDOM.normal(5.0, np.arange(1.0, columns + 1) * 2, (400, columns)).astype(np.float32)
    before = y + RANDOM.normal(0, 1, y.shape).astype(np.float32)
    after = before + RANDOM.normal(0.5, 1, y.shape).astype(np.float32)
    (found,) = reports(y, y, (before,), (after,), OutputTask("values", ("r2",)))
    errors = found.errors
    scale = y.std(axis=0) if columns > 1 else 1.0
    assert bool(errors.unit) == (columns > 1)
    for output, counts, beyond in (
        (before, errors.baseline, errors.baseline_beyond), (after, errors.deployed, errors.deployed_beyond),
    ):
        differences = ((output.astype(float) - y) / scale).ravel()
        inside = differences[(differences >= errors.edges[0]) & (differences <= errors.edges[-1])]
        assert sum(counts) == len(inside)
        assert beyond == len(differences) - len(inside)
        low = sum(one < 0 for one in inside)
        assert sum(counts[: len(counts) // 2]) == low
    assert errors.edges[len(errors.edges) // 2] == pytest.approx(0.0, abs=1e-9)
    assert 0 < errors.baseline_beyond + errors.deployed_beyond <= 0.011 * 2 * y.size


def test_each_output_has_its_own_and_what_cannot_be_drawn_is_absent():
    y = np.arange(30) % 3
    values = RANDOM.normal(size=(30, 1)).astype(np.float32)
    kinds = OutputTask("classes", ("accuracy",), "kind"), OutputTask("values", ("r2",), "total")
    wrong = one_hot((y + 1) % 3, 3)
    first, second = reports(values, (y, values), (one_hot(y, 3), values), (wrong, values), *kinds)
    assert (first.name, second.name) == ("kind", "total")
    np.testing.assert_array_equal(first.confusion.baseline, 10 * np.eye(3))
    np.testing.assert_array_equal(first.confusion.deployed, 10 * np.roll(np.eye(3), 1, axis=1))
    assert second.errors is None  # there are none
    (only,) = reports(values, y, (one_hot(y, 3),), (wrong,), OutputTask("classes", ("accuracy",)))
    assert only == OutputReport("", "classes")  # `Report.confusion` has it
    (tags,) = reports(values, np.zeros((30, 9), int), (np.zeros((30, 9, 4)),), (np.zeros((30, 9, 4)),),
                      OutputTask("classes", ("entity_f1",)))
    assert not tags.examples
    (bare,) = reports(values, None, (wrong,), (wrong,), OutputTask("original", ("agreement",)))
    assert bare == OutputReport("", "original")


def test_large_pictures_become_small_and_few():
    picture = RANDOM.integers(0, 256, (200, 400, 3)).astype(np.uint8)
    small = smaller(picture)
    assert small.shape == (48, MOST_PIXELS, 3)
    np.testing.assert_array_equal(resized(np.arange(6).reshape(2, 3), (4, 6)), np.repeat(
        np.repeat(np.arange(6).reshape(2, 3), 2, axis=0), 2, axis=1))
    x = np.zeros((50, 8, 8, 3), np.uint8)
    y = np.zeros((50, 8, 8), int)
    out = np.zeros((50, 8, 8, 2), np.float32)
    (found,) = reports(x, y, (out,), (out,), OutputTask("classes", ("mean_iou",)))
    assert len(found.examples) == MOST_EXAMPLES
