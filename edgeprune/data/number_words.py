"""Numbers in words, English to German, by num2words: the default data of translation.

    source   "forty-two"          forty -     two                        tokens (N, 14)
    written  ". zweiundvierzig"   .     zwei  ##und  ##vier  ##zig       what the decoder has so far
    y        "zweiundvierzig ."   zwei  ##und ##vier ##zig   .      -1   what follows each of them

English keeps its words; German, which writes them as one, is cut into the pieces that it is made of. One
vocabulary serves both. A full stop stands before the first token of a translation and behind the last. No
number is in two splits.
"""

from __future__ import annotations

import numpy as np

from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.text import strings
from edgeprune.errors import not_installed
from edgeprune.install_source import install_command
from edgeprune.preprocessing import apply
from edgeprune.preprocessing import text as tokens
from edgeprune.types import OutputTask

STOP = "."
LENGTH = 14  # tokens of the longest number below a million, in both languages
_MOST = 1_000_000
_SMALL = 1000  # half of them are learned too; nearly all others are larger
_PIECES = (
    "null", "ein", "eins", "zwei", "drei", "vier", "fünf", "sech", "sechs", "sieb", "sieben", "acht", "neun",
    "zehn", "elf", "zwölf", "zwan", "zig", "dreißig", "und", "hundert", "tausend",
)
_FILE = "vocab.txt"


def number_words(*, train: int = 12_000, validation: int = 1000, test: int = 2000, seed: int = 7) -> Dataset:
    """Numbers below a million, drawn once with a fixed seed."""
    rng = np.random.default_rng(seed)
    small = rng.permutation(_SMALL)[: min(_SMALL // 2, train // 4)]
    large = train - len(small)
    drawn = _SMALL + rng.choice(_MOST - _SMALL, large + validation + test, replace=False)
    rows = {
        "train": rng.permutation([*small, *drawn[:large]]),
        "validation": drawn[large : large + validation], "test": drawn[large + validation :],
    }
    texts = {name: _in_words(numbers) for name, numbers in rows.items()}
    vocabulary = _vocabulary(texts["train"])
    files = {_FILE: "".join(f"{token}\n" for token in vocabulary)}
    step = {"op": "tokenize", "kind": "subword", "length": LENGTH, "vocabulary": _FILE, "keep": "start"}

    def split(name: str) -> Split:
        english, german = texts[name]
        y = apply((step,), strings([f"{text} {STOP}" for text in german]), files).astype(np.int64)
        written = strings([f"{STOP} {text}" for text in german])
        return Split((strings(english), written), np.where(y > 0, y, -1))

    task = OutputTask("classes", ("exact_match", "bleu"), classes=vocabulary, fed_back=1)
    return Dataset(
        "translation", split("train"), split("validation"), split("test"), preprocessing=(step,),
        labels=vocabulary, tasks=(task,), files=files, vocabulary=len(vocabulary), name="numbers-en-de",
        source="numbers in words by the package num2words", licence="none needed", synthetic=True,
    )


def _in_words(numbers: np.ndarray) -> tuple[list[str], list[str]]:
    """Numbers in English and in German."""
    try:
        from num2words import num2words
    except ImportError as error:
        needed = "Numbers are put into words by the package num2words"
        raise not_installed(needed, install_command("translation")) from error
    english, german = ([num2words(int(one), lang=language) for one in numbers] for language in ("en", "de"))
    return english, german


def _vocabulary(texts: tuple[list[str], list[str]]) -> tuple[str, ...]:
    """Tokens by number: those that some texts use."""
    english = sorted({word for text in texts[0] for word in tokens.words(text)})
    pieces = dict.fromkeys((*_PIECES, *(f"##{piece}" for piece in _PIECES)), 0)
    german = (tokens.words(text) for text in texts[1])
    used = {piece for words in german for word in words for piece in tokens.pieces(word, pieces)}
    return (tokens.PADDING, tokens.UNKNOWN, STOP, *english, *(piece for piece in pieces if piece in used))
