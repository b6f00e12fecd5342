import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.preprocessing import apply
from edgeprune.preprocessing.text import (
    characters,
    format_vocabulary,
    given,
    kind_of,
    parse_vocabulary,
    words,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Great film!", ["great", "film", "!"]),
        ("I don't <br /><br />know", ["i", "don't", "know"]),
        ("a < b > c", ["a", "<", "b", ">", "c"]),
        ("so 😀😀 good👍🏽", ["so", "😀", "😀", "good", "👍", "🏽"]),
        ("שלום, עולם", ["שלום", ",", "עולם"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("\ufb01ne \uff26\uff35\uff2c\uff2c", ["fine", "full"]),
        ("tab\tnul\x00end", ["tab", "nul", "end"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_words(text, expected):
    assert words(text) == expected


def test_characters_keep_one_space_between_words():
    assert characters(" Ab \n c") == ["a", "b", " ", "c"]


def test_given_tokens_keep_their_count():
    assert given("Play 2 songs, NOW.") == ["play", "0", "songs,", "now."]


def step(kind, length, **options):
    return [{"op": "tokenize", "kind": kind, "length": length, **options}]


VOCABULARY = {"vocab.txt": format_vocabulary(["film", "great", "un", "##like", "##ly", " ", "l"])}


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("word", "great new film", [3, 1, 2, 0]),
        ("word", "film film great great great", [2, 2, 3, 3]),
        ("word", "", [1, 0, 0, 0]),
        ("word", "😀", [1, 0, 0, 0]),
        ("subword", "unlikely film", [4, 5, 6, 2]),
        ("subword", "unlikelyx", [1, 0, 0, 0]),
        ("subword", "un" * 400, [1, 0, 0, 0]),
        ("char", "l l", [8, 7, 8, 0]),
    ],
)
@pytest.mark.parametrize("dtype", [object, str])
def test_token_numbers(kind, text, expected, dtype):
    got = apply(step(kind, 4), np.array([text], dtype), VOCABULARY)
    assert got.dtype == np.int32
    np.testing.assert_array_equal(got, [expected])


def test_the_end_of_a_long_text_can_be_kept():
    got = apply(step("word", 2, keep="end"), np.array(["film film great"]), VOCABULARY)
    np.testing.assert_array_equal(got, [[2, 3]])


def test_a_very_long_text_is_cut():
    text = np.array(["great film 😀 " * 100_000], object)
    assert apply(step("word", 50), text, VOCABULARY).shape == (1, 50)


def test_subwords_are_those_of_the_tokenizers_library():
    library = pytest.importorskip("tokenizers", reason="the extra edgeprune[subword] is not installed")
    corpus = ["unlikely likelihood of unlike and alike words " * 3, "wording works; worker's 😀 שלום עולם"]
    model = library.Tokenizer(library.models.WordPiece(unk_token="[UNK]"))  # noqa: S106
    model.pre_tokenizer = library.pre_tokenizers.WhitespaceSplit()
    trainer = library.trainers.WordPieceTrainer(
        vocab_size=60, special_tokens=["[PAD]", "[UNK]"], show_progress=False
    )
    model.train_from_iterator([" ".join(words(text)) for text in corpus], trainer)
    tokens = sorted(model.get_vocab(), key=model.get_vocab().get)[2:]
    texts = [*corpus, "unworkable zzz liked"]
    got = apply(step("subword", 120), np.array(texts), {"vocab.txt": format_vocabulary(tokens)})
    for row, text in zip(got, texts, strict=True):
        expected = model.encode(" ".join(words(text))).ids
        np.testing.assert_array_equal(row[: len(expected)], expected)
        assert not row[len(expected) :].any()


def test_a_vocabulary_survives_being_written():
    tokens = ["a", " ", "##b", "\u2028x", "😀"]
    read = parse_vocabulary(format_vocabulary(tokens))
    assert list(read) == ["[PAD]", "[UNK]", *tokens]


@pytest.mark.parametrize("text", ["a\nb\n", "[PAD]\n[UNK]\na\na\n"])
def test_a_broken_vocabulary_is_refused(text):
    with pytest.raises(InputError, match="does not start with"):
        parse_vocabulary(text)


def test_wrong_kinds_and_samples_are_refused():
    with pytest.raises(InputError, match="'wrod' is not known"):
        apply(step("wrod", 4), np.array(["a"]), VOCABULARY)
    with pytest.raises(InputError, match="Expected texts"):
        apply(step("word", 4), np.array([1]), VOCABULARY)
    with pytest.raises(InputError, match=r"vocab\.txt"):
        apply(step("word", 4), np.array(["a"]))


TEXTS = (
    "Great FILM!", "don't stop; it\u2019s 3\u00bd \ufb01ne", "<br />\u00c9t\u00e9 \u0130stanbul",
    "so \U0001f600\U0001f600 x", "\u05e9\u05dc\u05d5\u05dd, \u05e2\u05d5\u05dc\u05dd",
    "tab\tnew\nline\u00a0nbsp\u3000cjk",
    "e-mail_a@b.c [12.5%] {x} ~`|", "word " * 60,
)


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
def test_kerass_own_vectorization_gives_the_same_numbers(package):
    layers = pytest.importorskip(package).layers
    layer = layers.TextVectorization(max_tokens=40, output_sequence_length=24)
    layer.adapt(np.array([*TEXTS, *TEXTS[:3]]))
    vocabulary = "\n".join(layer.get_vocabulary()) + "\n"
    assert kind_of(vocabulary) == "keras"
    got = apply(step("keras", 24), np.array(TEXTS), {"vocab.txt": "[PAD]" + vocabulary})
    np.testing.assert_array_equal(got, np.asarray(layer(np.array(TEXTS))))
    assert len(np.unique(got)) > 20


@pytest.mark.parametrize(("tokens", "kind"), [
    (["film", "##s"], "subword"), (["a", " ", "\u5b57"], "char"), (["film", "a"], "word"),
    (["#", "##", "film"], "word"),
])
def test_the_kind_of_a_vocabulary_is_told_by_its_tokens(tokens, kind):
    assert kind_of(format_vocabulary(tokens)) == kind
