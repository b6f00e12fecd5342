import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.metrics.overlap import box_ious
from edgeprune.tasks import OutputTask, detections, figures, scores, worst_drop
from edgeprune.tasks.detection import MOST_DETECTIONS, kept_boxes


def heads_for(boxes, rows, columns, classes, score=0.9):
    """Heads that say exactly `boxes` (M, 5), each in the cell of its centre."""
    heads = np.zeros((rows, columns, 4 + classes), np.float32)
    for number, (kind, ymin, xmin, ymax, xmax) in enumerate(boxes):
        y, x = (ymin + ymax) / 2 * rows, (xmin + xmax) / 2 * columns
        cell = heads[int(y), int(x)]
        cell[:4] = y % 1, x % 1, ymax - ymin, xmax - xmin
        cell[4 + int(kind)] = score - 0.01 * number
    return heads


@pytest.mark.parametrize(("rows", "columns"), [(8, 8), (6, 10)])
def test_heads_become_the_boxes_that_they_say(rows, columns):
    boxes = np.array([[2, 0.1, 0.2, 0.35, 0.5], [0, 0.5, 0.6, 0.9, 0.95], [2, 0.55, 0.05, 0.8, 0.3]])
    heads = [heads_for(one, rows, columns, 3) for one in (boxes, boxes[:1])]
    found = detections(np.stack(heads))
    np.testing.assert_allclose(found[0][:, [0, 2, 3, 4, 5]], boxes, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found[0][:, 1], [0.9, 0.89, 0.88], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found[1][1:], np.full((2, 6), -1))
    task = OutputTask("boxes", ("map_50", "ap_50_per_class"), classes=("a", "b", "c"))
    y = np.full((1, 5, 5), -1.0)
    y[0, :3] = boxes
    expected = {"map_50": 1.0, "ap_50_per_class/a": 1.0, "ap_50_per_class/c": 1.0}
    assert figures((task,), y, [heads[0][None]]) == pytest.approx(expected, rel=0, abs=1e-12)
    assert scores((task,), y, [heads[0][None]]) == pytest.approx({"map_50": 1.0}, rel=0, abs=1e-12)
    assert figures((task,), y, [found[:1]]) == pytest.approx(expected, rel=0, abs=1e-12)


def test_boxes_are_judged_by_where_they_lie_too():
    task = OutputTask("boxes", ("map_50", "map_50_95", "ap_50_per_class"), classes=("a", "b", "c"))
    exact = np.array([[0, 0.1, 0.1, 0.5, 0.5], [2, 0.5, 0.5, 0.9, 0.9]])
    y = np.full((1, 3, 5), -1.0)
    y[0, :2] = exact
    larger = exact + np.array([0, 0, 0, 0.06, 0.06])  # 0.16 of 0.2116 overlaps: found at 0.5 to 0.75, 6 of 10
    before, after = (scores((task,), y, [heads_for(one, 8, 8, 3)[None]]) for one in (exact, larger))
    assert before == pytest.approx({"map_50": 1.0, "map_50_95": 1.0}, rel=0, abs=1e-12)
    assert after == pytest.approx({"map_50": 1.0, "map_50_95": 0.6}, rel=0, abs=1e-12)
    assert worst_drop(before, after) == ("map_50_95", pytest.approx(0.4, rel=0, abs=1e-12))
    found = OutputTask("boxes", ("map_50_95", "map_50"))
    assert set(scores((found,), y, [heads_for(exact, 8, 8, 3)[None]])) == {"map_50_95"}


@pytest.mark.parametrize("seed", range(4))
def test_suppression_agrees_with_keeping_boxes_one_by_one(seed):
    rng = np.random.default_rng(seed)
    corner = rng.random((60, 2)) * 0.5
    boxes, classes = np.hstack([corner, corner + rng.uniform(0.1, 0.4, (60, 2))]), rng.integers(0, 3, 60)
    kept = []
    for number in range(60):
        rivals = [other for other in kept if classes[other] == classes[number]]
        if not any(box_ious(boxes[[number]], boxes[[other]])[0, 0] > 0.5 for other in rivals):
            kept.append(number)
    np.testing.assert_array_equal(kept_boxes(boxes, classes), kept)
    assert 10 < len(kept) < 60


def test_boxes_of_another_class_and_small_scores_stay_apart():
    heads = heads_for([[0, 0.2, 0.2, 0.6, 0.6]], 4, 4, 2)
    heads[1, 1, 5] = 0.8  # the same box as class 1
    heads[3, 3] = (0.5, 0.5, 0.1, 0.1, 0.001, 0.3)
    found = detections(heads[None])[0]
    np.testing.assert_allclose(found[:, :2], [[0, 0.9], [1, 0.8], [1, 0.3]], rtol=0, atol=1e-6)


def test_nothing_and_very_much():
    assert (detections(np.zeros((2, 3, 3, 6))) == -1).all()
    crowd = np.random.default_rng(0).random((1, 30, 30, 8)).astype(np.float32)
    crowd[..., 2:4] = 0.01
    found = detections(crowd)
    assert found.shape == (1, MOST_DETECTIONS, 6)
    assert (np.diff(found[0, :, 1]) <= 0).all()
    with pytest.raises(InputError, match="raw heads"):
        detections(np.zeros((2, 9, 14)))
