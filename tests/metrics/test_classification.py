import numpy as np
import pytest
from sklearn import metrics as reference

from edgeprune.errors import InputError
from edgeprune.metrics import METRICS, evaluate, table
from edgeprune.metrics.evaluation import scalar_metric

NAMES = ("accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro", "f1_micro", "top_3")


@pytest.fixture
def five_classes():
    rng = np.random.default_rng(3)
    truth = rng.choice(5, 400, p=(0.5, 0.2, 0.15, 0.1, 0.05))
    return truth, rng.normal(size=(400, 5)) + 1.5 * np.eye(5)[truth] * rng.random((400, 1))


def test_multi_class_figures_agree_with_scikit_learn(five_classes):
    truth, scores = five_classes
    guess = scores.argmax(axis=1)
    expected = {
        "accuracy": reference.accuracy_score(truth, guess),
        "balanced_accuracy": reference.balanced_accuracy_score(truth, guess),
        "precision_macro": reference.precision_score(truth, guess, average="macro"),
        "recall_macro": reference.recall_score(truth, guess, average="macro"),
        "f1_macro": reference.f1_score(truth, guess, average="macro"),
        "f1_micro": reference.f1_score(truth, guess, average="micro"),
        "top_3": reference.top_k_accuracy_score(truth, scores, k=3),
    }
    assert evaluate(NAMES, truth, scores) == pytest.approx(expected, rel=0, abs=1e-12)


def test_per_class_f1_carries_the_labels(five_classes):
    truth, scores = five_classes
    got = evaluate(["f1_per_class"], truth, scores, labels="abcde")
    expected = reference.f1_score(truth, scores.argmax(axis=1), average=None)
    assert list(got) == [f"f1_per_class/{c}" for c in "abcde"]
    np.testing.assert_allclose(list(got.values()), expected, rtol=0, atol=1e-12)


def test_the_confusion_matrix_is_a_share_of_each_true_class(five_classes):
    truth, scores = five_classes
    got = evaluate(["confusion_matrix"], truth, scores)
    expected = reference.confusion_matrix(truth, scores.argmax(axis=1), normalize="true")
    for (row, column), share in np.ndenumerate(expected):
        assert got.get(f"confusion_matrix/{row}/{column}", 0.0) == pytest.approx(share, rel=0, abs=1e-12)


@pytest.mark.parametrize("shape", [(300,), (300, 1)])
def test_one_sigmoid_unit_is_cut_at_a_half(shape):
    rng = np.random.default_rng(5)
    truth, scores = rng.integers(0, 2, 300), rng.random(300)
    guess = (scores > 0.5).astype(int)
    got = evaluate(["accuracy", "precision", "recall", "f1"], truth, scores.reshape(shape))
    p, r, f, _ = reference.precision_recall_fscore_support(truth, guess, average="binary")
    expected = {"accuracy": np.mean(truth == guess), "precision": p, "recall": r, "f1": f}
    assert got == pytest.approx(expected, rel=0, abs=1e-12)


def test_a_class_that_never_occurs_does_not_lower_the_macro_average():
    truth, scores = np.array([0, 1, 1]), np.array([[9.0, 0, 0], [0, 9, 0], [0, 9, 0]])
    figures = evaluate(["f1_macro", "balanced_accuracy"], truth, scores)
    assert figures == {"f1_macro": 1.0, "balanced_accuracy": 1.0}


def test_positions_labelled_minus_one_do_not_count():
    truth = np.array([[0, 1, -1], [1, -1, -1]])
    scores = np.eye(2)[[[0, 0, 1], [1, 0, 0]]]
    assert evaluate(["accuracy"], truth, scores)["accuracy"] == pytest.approx(2 / 3, rel=0, abs=1e-12)


def test_no_samples_give_zero_not_a_crash():
    figures = evaluate(NAMES, np.zeros(0, int), np.zeros((0, 4)))
    assert set(figures.values()) == {0.0}


def test_an_unknown_metric_and_unlike_lengths_are_refused():
    with pytest.raises(InputError, match="'acuracy' is not known"):
        evaluate(["acuracy"], [0], [[1.0]])
    with pytest.raises(InputError, match="2 outputs for 3 labels"):
        evaluate(["accuracy"], [0, 1, 0], [[0.1], [0.2]])


def test_a_duplicate_row_is_an_error():
    with pytest.raises(ValueError, match="'accuracy'"):
        table([METRICS["accuracy"]], [scalar_metric("accuracy", "again", lambda _: 0.0)])
