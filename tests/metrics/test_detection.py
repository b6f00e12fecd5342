import contextlib
import io

import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.metrics import evaluate
from edgeprune.metrics.overlap import box_ious

NAMES = ("map_50", "map_50_95", "ap_50_per_class")


def boxes(rng, count, side=100.0):
    corner, size = rng.uniform(0, side * 0.7, (count, 2)), rng.uniform(9, side * 0.3, (count, 2))
    return np.concatenate([corner, corner + size], axis=1)


def scenes(seed, pictures=30, classes=4, most=6, found=12, ties=False):
    """Boxes, and detections of which about half lie near a box; some pictures have none of either."""
    rng = np.random.default_rng(seed)
    y = np.full((pictures, most, 5), -1.0)
    out = np.full((pictures, found, 6), -1.0)
    for picture in range(pictures):
        count, guesses = rng.integers(0, most + 1), rng.integers(0, found + 1)
        y[picture, :count] = np.column_stack([rng.integers(0, classes, count), boxes(rng, count)])
        guess = np.column_stack([rng.integers(0, classes, guesses), rng.random(guesses), boxes(rng, guesses)])
        for row in guess[: guesses // 2 if count else 0]:
            truth = y[picture, rng.integers(count)]
            row[0] = truth[0] if rng.random() < 0.8 else row[0]
            row[2:] = truth[1:] + rng.uniform(-4, 4, 4)
        if ties:
            guess[:, 1] = guess[:, 1].round(1)
        out[picture, :guesses] = guess
    return y, out


def _class_of(row):
    return int(row[0]) if row[0] >= 0 else -2 - int(row[0])


def coco(y, out):
    """COCO's figures by an implementation in C++: the mean at 0.5, over 0.5 to 0.95, and 0.5 by class."""
    library = pytest.importorskip("faster_coco_eval")
    classes = sorted({int(c) for c in np.concatenate([y[..., 0].ravel(), out[..., 0].ravel()]) if c >= 0})
    truth = library.COCO()
    truth.dataset = {
        "images": [{"id": i + 1} for i in range(len(y))], "categories": [{"id": c + 1} for c in classes],
        "annotations": [
            {
                "id": 1 + i * y.shape[1] + j, "image_id": i + 1, "category_id": _class_of(row) + 1,
                "iscrowd": int(row[0] < -1), "bbox": [row[2], row[1], row[4] - row[2], row[3] - row[1]],
                "area": (row[4] - row[2]) * (row[3] - row[1]),
            }
            for i, rows in enumerate(y) for j, row in enumerate(rows) if row[0] != -1
        ],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        found = truth.loadRes([
            {
                "image_id": i + 1, "category_id": int(row[0]) + 1, "score": row[1],
                "bbox": [row[3], row[2], row[5] - row[3], row[4] - row[2]],
            }
            for i, rows in enumerate(out) for row in rows if row[0] >= 0
        ])
        run = library.COCOeval_faster(truth, found, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    precision = run.eval["precision"][0, :, :, 0, -1]  # at 0.5, all areas, 100 detections
    each = {
        f"ap_50_per_class/{c}": precision[:, k].mean() for k, c in enumerate(classes) if precision[0, k] > -1
    }
    return {"map_50": run.stats[1], "map_50_95": run.stats[0], **each}


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_precision_agrees_with_coco(seed, ties):
    y, out = scenes(seed, ties=ties)
    assert evaluate(NAMES, y, out) == pytest.approx(coco(y, out), rel=0, abs=1e-9)


@pytest.mark.parametrize("left_out", ["truth", "detections", "pictures", "both"])
def test_classes_that_one_side_lacks_count_as_coco_counts_them(left_out):
    y, out = scenes(11, ties=True)
    if left_out in ("truth", "both"):
        y[y[..., 0] == 2] = -1
    if left_out in ("detections", "both"):
        out[out[..., 0] == 1] = -1
    if left_out == "pictures":  # no box in half of them, but detections
        y[::2] = -1
        out[1::3] = -1
    got = evaluate(NAMES, y, out)
    assert got == pytest.approx(coco(y, out), rel=0, abs=1e-9)
    assert ("ap_50_per_class/2" in got) == (left_out in ("detections", "pictures"))
    assert 0 < got["map_50"] < 1


def test_equal_scores_in_one_picture_and_across_pictures_keep_the_order_of_coco():
    y, out = scenes(12, pictures=12, classes=2)
    out[out[..., 0] >= 0, 1] = 0.5
    assert evaluate(NAMES, y, out) == pytest.approx(coco(y, out), rel=0, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_detections_in_a_crowd_count_neither_way_as_in_coco(seed):
    y, out = scenes(20 + seed, ties=bool(seed))
    plain = evaluate(NAMES, y, out)
    crowds = np.random.default_rng(seed).random(y.shape[:2]) < 0.4
    crowds &= y[..., 0] >= 0
    y[crowds, 0] = -2 - y[crowds, 0]
    y[crowds, 1:3] -= 15
    y[crowds, 3:] += 15
    y[0, :, 0] = np.where(y[0, :, 0] >= 0, -2 - y[0, :, 0], y[0, :, 0])  # nothing but crowds
    got = evaluate(NAMES, y, out)
    assert got == pytest.approx(coco(y, out), rel=0, abs=1e-9)
    dropped = np.where(y[..., :1] <= -2, -1, y)
    assert got["map_50"] > evaluate(NAMES, dropped, out)["map_50"]
    assert got != plain


def test_only_the_100_best_of_a_class_count_in_a_picture():
    y, out = scenes(7, pictures=3, classes=2, most=5, found=300)
    assert evaluate(NAMES, y, out) == pytest.approx(coco(y, out), rel=0, abs=1e-9)


def test_the_order_of_boxes_and_detections_does_not_matter():
    y, out = scenes(9)
    shuffled = evaluate(NAMES, y[:, ::-1], out[:, ::-1])
    assert shuffled == pytest.approx(evaluate(NAMES, y, out), rel=0, abs=1e-12)


def test_perfect_detections_give_one_and_no_boxes_zero():
    y, _ = scenes(2)
    out = np.concatenate([y[..., :1], np.where(y[..., :1] < 0, -1, 0.9), y[..., 1:]], axis=-1)
    figures = evaluate(NAMES, y, out)
    assert set(figures.values()) == {1.0}
    assert evaluate(["map_50"], np.full((2, 3, 5), -1.0), out[:2]) == {"map_50": 0.0}
    assert evaluate(["map_50"], np.zeros((0, 3, 5)), np.zeros((0, 1, 6))) == {"map_50": 0.0}


def test_boxes_without_an_area_overlap_nothing():
    flat = np.array([[1.0, 1, 1, 5], [3, 3, 2, 2]])
    np.testing.assert_array_equal(box_ious(flat, flat), np.zeros((2, 2)))


def test_raw_heads_are_refused():
    with pytest.raises(InputError, match="Decode the model's outputs first"):
        evaluate(["map_50"], np.zeros((2, 3, 5)), np.zeros((2, 8, 8, 14)))
