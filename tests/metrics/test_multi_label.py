import numpy as np
import pytest
from sklearn import metrics as reference

from edgeprune.errors import InputError
from edgeprune.metrics import evaluate

NAMES = ("label_f1", "label_map", "exact_match", "label_f1_per_class", "label_ap_per_class")


@pytest.mark.parametrize("threshold", [0.5, 0.3])
def test_figures_agree_with_scikit_learn_with_ties(threshold):
    rng = np.random.default_rng(5)
    truth = (rng.random((300, 4)) < [0.5, 0.3, 0.1, 0.7]).astype(np.float32)
    scores = np.clip(0.3 * truth + rng.random((300, 4)) * 0.7, 0, 1).round(2)
    guess = scores > threshold
    f1s = reference.f1_score(truth, guess, average=None)
    areas = reference.average_precision_score(truth, scores, average=None)
    expected = {
        "label_f1": f1s.mean(), "label_map": areas.mean(),
        "exact_match": reference.accuracy_score(truth, guess),
        **{f"label_f1_per_class/{i}": f1 for i, f1 in enumerate(f1s)},
        **{f"label_ap_per_class/{i}": area for i, area in enumerate(areas)},
    }
    assert evaluate(NAMES, truth, scores, threshold=threshold) == pytest.approx(expected, rel=0, abs=1e-6)


def test_a_label_that_never_is_has_no_average_precision():
    truth, scores = np.array([[1, 0], [0, 0.0]]), np.array([[0.9, 0.2], [0.1, 0.8]])
    assert evaluate(["label_map", "label_ap_per_class"], truth, scores) == {
        "label_map": 1.0, "label_ap_per_class/0": 1.0
    }


def test_class_numbers_are_refused():
    with pytest.raises(InputError, match="no multi-label ones"):
        evaluate(["label_f1"], [0, 1], [[0.5, 0.2], [0.1, 0.9]])


@pytest.mark.parametrize("shape", [(400,), (40, 10)])
def test_the_area_of_several_classes_agrees_with_scikit_learn(shape):
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 4, 400)
    scores = rng.random((400, 4)) + 0.5 * np.eye(4)[truth]
    scores /= scores.sum(1, keepdims=True)
    expected = reference.roc_auc_score(truth, scores, multi_class="ovr")
    got = evaluate(["roc_auc_macro"], truth.reshape(shape), scores.reshape(*shape, 4))
    assert got["roc_auc_macro"] == pytest.approx(expected, rel=0, abs=1e-12)
