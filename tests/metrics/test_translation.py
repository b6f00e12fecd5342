import builtins

import numpy as np
import pytest

from edgeprune.metrics import evaluate
from tests.tools import need_package

SENTENCES = (
    ("a b c d e f .", "a b c d e f ."), ("a b c d e .", "a b d c e f ."), ("c c c a b d .", "c a b d . e e"),
)


def arrays():
    """Sentences as labels (N, T), and as scores (N, T, V) of what was written."""
    numbers = {token: number for number, token in enumerate(sorted({*" ".join(sum(SENTENCES, ())).split()}))}
    y, outputs = np.full((3, 7), -1), np.zeros((3, 7, len(numbers)))
    for row, (wanted, written) in enumerate(SENTENCES):
        tokens = wanted.split()
        y[row, : len(tokens)] = [numbers[token] for token in tokens]
        for place, token in enumerate(written.split()):
            outputs[row, place, numbers[token]] = 1
    return y, outputs


def test_bleu_is_sacrebleus_of_the_sentences_until_the_full_stop():
    reference = need_package("sacrebleu", "pip install -e '.[translation]'")
    wanted, written = ([text.partition(" .")[0] for text in side] for side in zip(*SENTENCES, strict=True))
    expected = reference.corpus_bleu(written, [wanted], tokenize="none", force=True).score / 100
    assert 0.2 < expected < 0.95
    assert evaluate(["bleu"], *arrays()) == {"bleu": pytest.approx(expected, rel=0, abs=1e-12)}


def test_without_sacrebleu_there_is_no_bleu(monkeypatch):
    whole = builtins.__import__

    def lacking(name, *rest):
        if name.startswith("sacrebleu"):
            raise ImportError(name)
        return whole(name, *rest)

    monkeypatch.setattr(builtins, "__import__", lacking)
    assert evaluate(["bleu", "exact_match"], *arrays()) == {"exact_match": pytest.approx(1 / 3)}


def test_a_sample_is_right_where_every_position_that_counts_is():
    y = np.array([[1, 2, -1], [1, 2, 0], [0, -1, -1]])
    outputs = np.eye(3)[[[1, 2, 0], [1, 2, 2], [0, 1, 2]]]
    assert evaluate(["exact_match"], y, outputs) == {"exact_match": pytest.approx(2 / 3)}
