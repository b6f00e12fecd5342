import numpy as np
import pytest
from sklearn import metrics as reference

from edgeprune.errors import InputError
from edgeprune.metrics import evaluate
from edgeprune.metrics.anomaly import NAMES, choose_threshold


def test_roc_auc_agrees_with_scikit_learn_with_ties():
    rng = np.random.default_rng(11)
    truth, scores = rng.integers(0, 2, 500), rng.integers(0, 12, 500) / 12
    expected = reference.roc_auc_score(truth, scores)
    assert evaluate(["roc_auc"], truth, scores)["roc_auc"] == pytest.approx(expected, rel=0, abs=1e-12)
    two = np.stack([1 - scores, scores], axis=1)
    assert evaluate(["roc_auc"], truth, two)["roc_auc"] == pytest.approx(expected, rel=0, abs=1e-12)


def test_an_autoencoder_is_scored_by_its_reconstruction_error():
    rng = np.random.default_rng(12)
    inputs, truth = rng.normal(size=(60, 7)), rng.integers(0, 2, 60)
    outputs = inputs + rng.normal(size=(60, 7)) * (0.5 + truth[:, None])
    expected = reference.roc_auc_score(truth, ((inputs - outputs) ** 2).mean(axis=1))
    got = evaluate(["roc_auc"], truth, outputs, inputs=inputs)
    assert got["roc_auc"] == pytest.approx(expected, rel=0, abs=1e-12)


def test_alarms_are_counted_above_the_threshold():
    rng = np.random.default_rng(14)
    inputs, truth = rng.normal(size=(80, 7)), rng.integers(0, 2, 80)
    outputs = inputs + rng.normal(size=(80, 7)) * (0.5 + truth[:, None])
    alarms = ((inputs - outputs) ** 2).mean(axis=1) > 0.8
    p, r, f, _ = reference.precision_recall_fscore_support(truth, alarms, average="binary")
    got = evaluate(NAMES[1:], truth, outputs, inputs=inputs, threshold=0.8)
    expected = {"anomaly_precision": p, "anomaly_recall": r, "anomaly_f1": f}
    assert got == pytest.approx(expected, rel=0, abs=1e-12)


def test_several_outputs_without_inputs_are_refused():
    with pytest.raises(InputError, match="one score per sample"):
        evaluate(["roc_auc"], [0, 1], np.ones((2, 3)))


def test_the_threshold_has_the_highest_f1_of_all():
    rng = np.random.default_rng(13)
    truth = rng.integers(0, 2, 200)
    scores = np.round(truth + rng.normal(size=200), 1)
    chosen = choose_threshold(truth, scores)
    tried = [reference.f1_score(truth, scores > t) for t in np.unique(scores) - 0.05]
    assert reference.f1_score(truth, scores > chosen) == pytest.approx(max(tried), rel=0, abs=1e-12)


def test_without_any_anomaly_one_in_twenty_is_let_through():
    scores = np.arange(1000) / 1000
    assert np.mean(scores > choose_threshold(np.zeros(1000), scores)) == pytest.approx(0.05, rel=0, abs=1e-3)
