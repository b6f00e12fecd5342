import numpy as np
import pytest
from sklearn import metrics as reference

from edgeprune.metrics import evaluate

NAMES = ("mean_iou", "dice", "pixel_accuracy")


def masks(classes, ignored=0.1, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.choice(classes, (5, 9, 7), p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    scores = rng.normal(size=(5, 9, 7, classes)) + 1.2 * np.eye(classes)[truth]
    return np.where(rng.random(truth.shape) < ignored, -1, truth), scores


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("classes", [2, 5])
def test_overlaps_agree_with_scikit_learn_without_ignored_pixels(classes, seed):
    truth, scores = masks(classes, seed=seed)
    counted, guess = truth[truth >= 0], scores.argmax(-1)[truth >= 0]
    expected = {
        "mean_iou": reference.jaccard_score(counted, guess, average="macro"),
        "dice": reference.f1_score(counted, guess, average="macro"),
        "pixel_accuracy": reference.accuracy_score(counted, guess),
    }
    assert evaluate(NAMES, truth, scores) == pytest.approx(expected, rel=0, abs=1e-12)


def test_figures_of_each_class_carry_its_name():
    truth, scores = masks(3)
    counted, guess = truth[truth >= 0], scores.argmax(-1)[truth >= 0]
    names = ("sky", "road", "car")
    got = evaluate(["iou_per_class", "dice_per_class"], truth, scores, labels=names)
    ious = reference.jaccard_score(counted, guess, average=None)
    dices = reference.f1_score(counted, guess, average=None)
    expected = {f"iou_per_class/{name}": iou for name, iou in zip(names, ious, strict=True)}
    expected |= {f"dice_per_class/{name}": dice for name, dice in zip(names, dices, strict=True)}
    assert got == pytest.approx(expected, rel=0, abs=1e-12)


@pytest.mark.parametrize("shape", [(4, 6, 6), (4, 6, 6, 1)])
def test_one_score_a_pixel_tells_foreground_from_background(shape):
    rng = np.random.default_rng(4)
    truth, scores = rng.integers(0, 2, (4, 6, 6)), rng.random((4, 6, 6))
    guess = (scores > 0.3).astype(int)
    got = evaluate(["mean_iou"], truth, scores.reshape(shape), threshold=0.3)
    expected = reference.jaccard_score(truth.ravel(), guess.ravel(), average="macro")
    assert got["mean_iou"] == pytest.approx(expected, rel=0, abs=1e-12)


def test_a_class_that_is_nowhere_does_not_lower_the_mean_and_no_pixels_give_zero():
    truth = np.array([[[0, 1]]])
    assert evaluate(["mean_iou"], truth, np.eye(4)[truth])["mean_iou"] == 1.0
    assert set(evaluate(NAMES, np.full((1, 2, 2), -1), np.ones((1, 2, 2, 3))).values()) == {0.0}


@pytest.mark.parametrize("seed", range(2))
def test_pictures_without_any_labelled_pixel_and_classes_that_are_only_guessed_count_as_elsewhere(seed):
    truth, scores = masks(4, seed=seed)
    truth[truth == 2] = 1  # class 2 is guessed alone
    truth[0] = -1
    counted, guess = truth[truth >= 0], scores.argmax(-1)[truth >= 0]
    assert 2 in guess
    expected = {
        "mean_iou": reference.jaccard_score(counted, guess, average="macro", labels=range(4)),
        "dice": reference.f1_score(counted, guess, average="macro", labels=range(4)),
        "pixel_accuracy": reference.accuracy_score(counted, guess),
    }
    assert evaluate(NAMES, truth, scores) == pytest.approx(expected, rel=0, abs=1e-12)
