import csv
import json

import numpy as np
import pytest

from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError

ROWS = [
    {"tokens": ["Play", "so", "what", "at", "7"], "tags": ["O", "B-song", "I-song", "O", "B-time"]},
    {"tokens": ["stop"], "tags": ["O"]},
    {"tokens": ["נגן", "😀", ""], "tags": ["O", "B-song", "O"]},
] * 8
LABELS = ("O", "B-song", "B-time", "I-song")


def signature(length=6, tags=4, rows=40):
    return ModelSignature((InputSignature((length,), "int32", rows),), (length, tags), "softmax")


def write_jsonl(path, rows=ROWS):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_each_token_keeps_its_tag(tmp_path):
    data = open_data(write_jsonl(tmp_path / "slots.jsonl"), signature=signature())
    assert data.labels == LABELS
    assert data.metrics == ("entity_f1", "accuracy")
    x, vocabulary = data.model_input(data.train.x), data.files["vocab.txt"].split("\n")
    for row, numbers, tags in zip(data.train.x, x, data.train.y, strict=True):
        tokens = [vocabulary[number] for number in numbers if number]
        assert len(tokens) == np.count_nonzero(tags >= 0) == len(row.split())
        assert tokens == [token.lower().replace("7", "0") for token in row.split()]
    kinds = {(0, 1, 3, 0, 2, -1), (0, -1, -1, -1, -1, -1), (0, 1, 0, -1, -1, -1)}
    assert {tuple(row) for row in data.train.y} == kinds


def test_texts_with_blanks_and_the_models_own_order(tmp_path):
    path = tmp_path / "slots.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("words", "slots"))
        writer.writerows([(" ".join(row["tokens"][:2]), " ".join(row["tags"][:2])) for row in ROWS])
    (tmp_path / "labels.txt").write_text("B-song\nO\nI-song\nB-time\n")
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\nplay\nso\nstop\n", encoding="utf-8")
    data = open_data(path, signature=signature())
    assert data.labels == ("B-song", "O", "I-song", "B-time")
    at = [text == "Play so" for text in data.train.x].index(True)
    np.testing.assert_array_equal(data.train.y[at], [1, 0, -1, -1, -1, -1])
    np.testing.assert_array_equal(data.model_input(data.train.x)[at], [2, 3, 0, 0, 0, 0])


def test_without_a_model_the_longest_sentence_decides(tmp_path):
    data = open_data(write_jsonl(tmp_path / "slots.jsonl"))
    assert data.input_shape() == (8,)
    assert data.task == "text"


def test_a_classifier_of_the_same_table_reads_its_texts(tmp_path):
    rows = [{**row, "text": " ".join(row["tokens"]), "intent": "ab"[i % 2]} for i, row in enumerate(ROWS)]
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    classes = ModelSignature((InputSignature((6,), "int32", 40),), (2,), "softmax")
    assert open_data(path, signature=classes).labels == ("a", "b")
    assert open_data(path, signature=signature()).labels == LABELS


def test_unlike_numbers_and_unknown_tags_are_refused(tmp_path):
    bad = [*ROWS, {"tokens": ["one", "two"], "tags": ["O"]}]
    with pytest.raises(InputError, match=r"'one two' has 2 tokens and 1 tags"):
        open_data(write_jsonl(tmp_path / "a.jsonl", bad), signature=signature())
    (tmp_path / "labels.txt").write_text("O\nB-song\nB-time\n")
    with pytest.raises(InputError, match=r"does not list the tag 'I-song'"):
        open_data(write_jsonl(tmp_path / "b.jsonl"), signature=signature(tags=3))
