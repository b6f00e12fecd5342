import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.metrics import evaluate
from edgeprune.metrics.sequences import ctc_greedy, edit_distance, entities


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("B-a I-a O B-b", {(0, 2, "a"), (3, 4, "b")}),
        ("B-a B-a", {(0, 1, "a"), (1, 2, "a")}),
        ("B-a I-b I-b", {(0, 1, "a"), (1, 3, "b")}),
        ("O I-a I-a", {(1, 3, "a")}),
        ("O O", set()),
        ("B-a-b I-a-b", {(0, 2, "a-b")}),
    ],
)
def test_entities_follow_conlleval(tags, expected):
    assert entities(tags.split()) == expected


def test_entity_f1_counts_whole_entities_and_leaves_padding_out():
    labels = ("O", "B-x", "I-x", "B-y")
    truth = np.array([[1, 2, 0, 3], [3, 0, -1, -1]])
    guess = np.array([[1, 0, 0, 3], [3, 1, 1, 2]])  # x cut short; y right twice; one x too many
    got = evaluate(["entity_precision", "entity_recall", "entity_f1"], truth, np.eye(4)[guess], labels)
    expected = {"entity_precision": 2 / 4, "entity_recall": 2 / 3, "entity_f1": 4 / 7}
    assert got == pytest.approx(expected, rel=0, abs=1e-12)


def test_entity_metrics_without_labels_are_refused():
    with pytest.raises(InputError, match="names of the tags"):
        evaluate(["entity_f1"], np.zeros((1, 2), int), np.ones((1, 2, 3)))


def test_ctc_merges_repeats_before_it_drops_blanks():
    path = [0, 0, 2, 0, 1, 1, 2, 2]
    assert ctc_greedy(np.eye(3)[[path]]) == [[0, 0, 1]]


@pytest.mark.parametrize(
    ("a", "b", "distance"), [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("flaw", "lawn", 2)]
)
def test_edit_distance_of_known_pairs(a, b, distance):
    assert edit_distance([ord(c) for c in a], [ord(c) for c in b]) == distance


def test_word_error_rate_counts_edits_over_all_reference_words():
    truth = np.array([[0, 1, 1], [1, -1, -1]])
    paths = np.array([[0, 2, 1, 2, 2, 2], [1, 2, 0, 2, 0, 2]])  # one word lost; two words too many
    got = evaluate(["word_error_rate"], truth, np.eye(3)[paths])
    assert got["word_error_rate"] == pytest.approx(3 / 4, rel=0, abs=1e-12)


def test_words_are_counted_alike_whichever_class_is_the_blank():
    rng = np.random.default_rng(8)
    truth, scores = rng.integers(0, 4, (9, 5)), rng.random((9, 12, 5))
    truth[:3, 3:] = -1
    last = evaluate(["word_error_rate"], truth, scores)["word_error_rate"]
    shifted = np.where(truth < 0, 0, truth + 1)
    first = evaluate(["word_error_rate_blank_first"], shifted, np.roll(scores, 1, axis=-1))
    assert first == {"word_error_rate_blank_first": pytest.approx(last, rel=0, abs=1e-12)}
    assert last > 0.5
