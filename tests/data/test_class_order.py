"""Classes known by name alone get the model's order, if its answers tell one."""

import csv

import numpy as np
import pytest

from edgeprune.data.class_order import with_class_order
from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.scaling import choose_scaling
from edgeprune.data.sources import open_data

NAMES = ("low", "middle", "high", "all")
MODEL = ModelSignature((InputSignature((4,)),), (4,), "softmax")


def scores(z, hits):
    """(N, 4): the largest of four columns names the class; of the others every `hits`-th is one off."""
    order = np.argmax(z, 1)
    wrong = np.arange(len(z)) % 10 >= hits
    return np.eye(4)[np.where(wrong, (order + 1) % 4, order)] * 6.0


def table(path, names, count=200):
    rng = np.random.default_rng(11)
    z = rng.normal(size=(count, 4))
    x = z * [100, 100, 100, 100] + 1000
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([
            ["p", "q", "r", "s", "label"], *([*row, names[n]] for row, n in zip(x, z.argmax(1), strict=True))
        ])
    return path


def model(hits):
    """Trained on columns less 1000, in hundreds; raw columns always give the same class."""
    def predict(x):
        x = np.asarray(x)
        return (scores(x, hits) if abs(x.mean()) < 100 else np.eye(4)[np.zeros(len(x), int)],)

    return predict


@pytest.mark.parametrize("hits", [10, 8])
@pytest.mark.parametrize("names", [NAMES, ("b", "c", "d", "a"), ("z", "y", "x", "w")])
def test_the_order_is_the_one_in_which_the_model_is_right(tmp_path, names, hits):
    data = open_data(table(tmp_path / "a.csv", names), signature=MODEL)
    assert data.labels == tuple(sorted(names))
    for wanted in ("auto", "standardize"):
        found = with_class_order(data, MODEL, model(hits), wanted, seed=0)
        assert found.labels == found.tasks[0].classes == names
        for before, after in zip((data.train, data.validation, data.test),
                                 (found.train, found.validation, found.test), strict=True):
            assert [data.labels[n] for n in before.y] == [names[n] for n in after.y]
        assert any("in the model's order" in note for note in found.notes)
    scaled = choose_scaling(found, MODEL, model(hits), "auto", 0)
    right = model(hits)(scaled.model_input(scaled.test.x))[0].argmax(1) == scaled.test.y
    assert right.mean() > hits / 10 - 0.15


@pytest.mark.parametrize(("names", "hits"), [("abcd", 10), ("abcd", 4), (NAMES, 3)])
def test_the_alphabet_stays_where_it_is_right_or_nothing_tells(tmp_path, names, hits):
    data = open_data(table(tmp_path / "a.csv", names), signature=MODEL)
    if hits == 3:  # a model that answers at random
        rng = np.random.default_rng(2)
        assert with_class_order(data, MODEL, lambda x: (rng.normal(size=(len(x), 4)),), "auto", 0) is data
    else:
        assert with_class_order(data, MODEL, model(hits), "auto", 0) is data


def test_an_order_that_is_stated_stays(tmp_path):
    path = table(tmp_path / "a.csv", NAMES)
    (tmp_path / "labels.txt").write_text("all\nhigh\nlow\nmiddle\n")
    data = open_data(path, signature=MODEL)
    assert with_class_order(data, MODEL, model(10), "auto", 0) is data


def test_two_classes_of_one_score_may_be_the_other_way_round(tmp_path):
    signature = ModelSignature((InputSignature((4,)),), (1,), "sigmoid")
    data = open_data(table(tmp_path / "a.csv", ("yes", "no", "no", "no")), signature=signature)

    def predict(x):
        return ((np.asarray(x).argmax(1) == 0).astype(np.float32)[:, None],)

    assert with_class_order(data, signature, predict, "auto", 0) is data  # no, yes
    data = open_data(table(tmp_path / "a.csv", ("good", "so-so", "so-so", "so-so")), signature=signature)
    found = with_class_order(data, signature, predict, "auto", 0)
    assert found.labels == ("so-so", "good")
    assert found.train.y.mean() < 0.5
