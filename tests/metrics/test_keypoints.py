import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.metrics import evaluate
from edgeprune.metrics.evaluation import Evaluation
from edgeprune.metrics.keypoints import similarities


def people(points, seed=0, count=12, noise=4):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(5, 90, (count, points, 3))
    truth[..., 2] = rng.integers(0, 3, (count, points))
    truth[0, :, 2] = 0
    return truth, truth[..., :2] + rng.normal(0, noise, (count, points, 2))


def test_similarity_agrees_with_coco():
    library = pytest.importorskip("faster_coco_eval")
    truth, found = people(17)
    truth[1:, :2, 2] = 2  # COCO knows nothing of people without points
    images = [{"id": i} for i in range(1, len(truth))]
    rows = [{"images": images, "categories": [{"id": 1}], "annotations": []}, []]
    for i, (true, guess) in enumerate(zip(truth, found, strict=True)):
        if i == 0:
            continue
        there = true[true[:, 2] > 0]
        sides = there[:, :2].max(0) - there[:, :2].min(0)
        rows[0]["annotations"].append({
            "id": i, "image_id": i, "category_id": 1, "iscrowd": 0, "area": 0.53 * sides.prod(),
            "bbox": [*there[:, :2].min(0), *sides], "keypoints": true.ravel().tolist(),
            "num_keypoints": len(there),
        })
        with_scores = np.concatenate([guess, np.ones((17, 1))], axis=1)
        points = with_scores.ravel().tolist()
        rows[1].append({"image_id": i, "category_id": 1, "keypoints": points, "score": 0.5})
    coco = library.COCO()
    coco.dataset = rows[0]
    coco.createIndex()
    run = library.COCOeval_faster(coco, coco.loadRes(rows[1]), "keypoints")
    run._prepare()
    expected = [float(run.computeOks(i, 1)[0, 0]) for i in range(1, len(truth))]
    np.testing.assert_allclose(similarities(Evaluation(truth, found)), expected, rtol=0, atol=1e-9)
    assert evaluate(["oks"], truth, found)["oks"] == pytest.approx(np.mean(expected), rel=0, abs=1e-9)


def test_found_points_are_counted_one_by_one():
    truth, found = people(5, seed=3, noise=9)
    right, labelled = np.zeros(5), np.zeros(5)
    for true, guess in zip(truth, found, strict=True):
        there = [point for point in true if point[2] > 0]
        if len(there) < 2:
            continue
        xs, ys = [point[0] for point in there], [point[1] for point in there]
        reach = 0.2 * max(max(xs) - min(xs), max(ys) - min(ys))
        for k in range(5):
            if true[k, 2] > 0:
                labelled[k] += 1
                right[k] += np.hypot(true[k, 0] - guess[k, 0], true[k, 1] - guess[k, 1]) <= reach
    got = evaluate(["pck", "pck_per_point"], truth, found, labels=("a", "b", "c", "d", "e"))
    expected = {f"pck_per_point/{name}": right[k] / labelled[k] for k, name in enumerate("abcde")}
    assert got == pytest.approx({"pck": right.sum() / labelled.sum(), **expected}, rel=0, abs=1e-12)
    assert 0.2 < got["pck"] < 1


def test_flat_values_and_heat_maps_are_the_same_points():
    rng = np.random.default_rng(6)
    truth, guess = rng.integers(0, 12, (8, 4, 2)), rng.integers(0, 12, (8, 4, 2))
    expected = evaluate(["pck", "oks"], truth, guess)
    assert evaluate(["pck", "oks"], truth, guess.reshape(8, 8)) == expected

    def maps(points):
        made = np.zeros((8, 12, 12, 4))
        for sample, rows in enumerate(points):
            for k, (row, column) in enumerate(rows):
                made[sample, row, column, k] = 0.7
        return made

    assert evaluate(["pck", "oks"], maps(truth), maps(guess)) == expected


def test_an_empty_heat_map_leaves_its_point_out():
    truth = np.zeros((1, 6, 6, 3))
    truth[0, 1, 1, 0] = truth[0, 4, 5, 1] = 1
    guess = truth.copy()
    guess[0, 3, 3, 2] = 1
    assert evaluate(["pck", "oks"], truth, guess) == {"pck": 1.0, "oks": 1.0}


def test_no_labelled_point_gives_zero_and_other_arrays_are_refused():
    truth = np.zeros((2, 3, 3))
    assert evaluate(["pck", "oks"], truth, np.ones((2, 3, 2))) == {"pck": 0.0, "oks": 0.0}
    with pytest.raises(InputError, match="no keypoints"):
        evaluate(["pck"], truth, np.ones((2, 5)))
