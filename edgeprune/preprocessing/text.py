"""Text to token numbers: the same on the host and on the device, without any library.

`vocab.txt` holds one token a line; the line number is the token's number. Line 0 is padding and
line 1 stands for every unknown token:

    "Great film!"  --word-->  great film !  --vocab-->  [57, 19, 8, 0, 0, ...]

Kinds of token:
    word       NFKC, lower case; runs of letters, marks and digits (with inner apostrophes) are words,
               every other character but white space is a token of its own
    char       the characters of the lower-cased NFKC text
    subword    the words, each cut greedily into the longest pieces of the vocabulary (WordPiece;
               pieces that continue a word start with ``##``); a word that cannot be cut is unknown
    given      the text is split at white space alone, so that tokens keep the place of their tags
    keras      as Keras' TextVectorization does by default: ASCII letters lower case, ASCII marks dropped,
               split at ASCII white space

A text longer than the model's input keeps its beginning (or its end); the empty text is one unknown
token, so that no model ever sees a row of nothing but padding.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from edgeprune.errors import InputError, unreadable

PADDING, UNKNOWN = "[PAD]", "[UNK]"
_SPACE = "\\s"  # how a vocab.txt writes the token that is a space

# Markup such as <br /> and control characters. \w leaves combining marks out, which many scripts need.
_NO_WORDS = re.compile(r"<[a-z/][^<>]*>|[\x00-\x1f\x7f-\x9f]")
_WORD = re.compile(r"\w+(?:['\u2019\u0300-\u036f\u0900-\u097f\u200d]\w*)*|[^\w\s]")
_MARKS = re.compile(r"[!-/:-@\[-`{-~]")
_BETWEEN = re.compile(r"[^ \t-\r]+")
_ASCII_LOWER = {ord(upper): upper.lower() for upper in string.ascii_uppercase}
_MOST_BYTES = 64 << 20  # of a vocabulary; 250,000 tokens take 3 MB
_LONGEST_WORD = 100  # characters; longer ones are no words, and cutting them would take quadratic time


class Files:
    """Texts that steps name, such as a vocabulary: of a bundle's folder, or held in memory by name."""

    def __init__(self, source: Path | Mapping[str, str] | None) -> None:
        self._source = source

    def read(self, name: str) -> str:
        """The text of file `name`, which must not point outside the folder."""
        if isinstance(self._source, Path):
            if Path(name).name == name and (self._source / name).is_file():
                return _read(self._source / name)
        elif self._source is not None and name in self._source:
            return self._source[name]
        place = self._source if isinstance(self._source, Path) else "the files handed over"
        raise InputError(
            f"The preprocessing needs the file {name!r}, which is not in {place}.",
            "Expected it beside the model, by its plain name.",
            "Build the bundle again, or pass the folder that holds it.",
        )


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path} is larger than {_MOST_BYTES} bytes.", "A vocabulary was expected.")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error, "One token a line, UTF-8.", "Build the bundle again.") from error


def normalize(text: str) -> str:
    """Lower-case NFKC without markup and control characters."""
    return _NO_WORDS.sub(" ", unicodedata.normalize("NFKC", text).lower())


def words(text: str) -> list[str]:
    """Words and marks; see the module's docstring."""
    return _WORD.findall(normalize(text))


def characters(text: str) -> list[str]:
    """Characters of the normalized text, each run of white space as one space."""
    return list(" ".join(normalize(text).split()))


def given(text: str) -> list[str]:
    """The tokens between white space, lower-case; digits are all ``0`` so that numbers share rows."""
    return [re.sub(r"\d", "0", token.lower()) for token in text.split()]


def keras(text: str) -> list[str]:
    """The tokens of Keras' TextVectorization by default."""
    return _BETWEEN.findall(_MARKS.sub("", text.translate(_ASCII_LOWER)))


def pieces(word: str, vocabulary: dict[str, int]) -> list[str]:
    """Greedy longest-match WordPiece of one word; ``[UNK]`` where it cannot be cut."""
    found, start = list[str](), 0
    while start < len(word):
        end = len(word) if len(word) <= _LONGEST_WORD else start
        prefix = "##" if start else ""
        while end > start and prefix + word[start:end] not in vocabulary:
            end -= 1
        if end == start:
            return [UNKNOWN]
        found.append(prefix + word[start:end])
        start = end
    return found


SPLITTERS: dict[str, Callable[[str], list[str]]] = {
    "word": words, "char": characters, "given": given, "keras": keras,
}


def kind_of(vocabulary: str) -> str:
    """The tokenizer that the text of a `vocab.txt` was made for, as its tokens tell."""
    tokens = vocabulary.rstrip("\n").split("\n")
    if not tokens[0]:  # as TextVectorization writes padding
        return "keras"
    if any(token.startswith("##") and len(token) > 2 for token in tokens):
        return "subword"
    single = all(len(token) == 1 or token == _SPACE for token in tokens[2:])
    return "char" if single and len(tokens) > 2 else "word"


def parse_vocabulary(text: str) -> dict[str, int]:
    r"""Token to number out of a `vocab.txt`; the token of a space is written ``\s``."""
    tokens = [" " if line == _SPACE else line for line in text.rstrip("\n").split("\n")]
    if tokens[:2] != [PADDING, UNKNOWN] or len(set(tokens)) != len(tokens):
        raise InputError(
            "The vocabulary does not start with [PAD] and [UNK], or holds a token twice.",
            "Expected one token a line, each once.", "Build the vocabulary again.",
        )
    return {token: number for number, token in enumerate(tokens)}


def format_vocabulary(tokens: Iterable[str]) -> str:
    """The text of a `vocab.txt` with padding and unknown before `tokens`."""
    return "".join(f"{_SPACE if piece == ' ' else piece}\n" for piece in (PADDING, UNKNOWN, *tokens))


def tokenize(
    x: np.ndarray, *, kind: str, length: int, files: Files, vocabulary: str = "vocab.txt", keep: str = "start"
) -> np.ndarray:
    """Texts (N,) to token numbers (N, length) int32, padded with 0 at the end.

    Of a text that is too long `keep` is the end that is kept, ``start`` or ``end``; `vocabulary` is a file.
    """
    if kind != "subword" and kind not in SPLITTERS:
        raise InputError(
            f"The tokenizer {kind!r} is not known.", f"Expected subword, {', '.join(SPLITTERS)}.",
            "Correct the step's \"kind\".",
        )
    numbers = parse_vocabulary(files.read(vocabulary))
    unknown = numbers[UNKNOWN]
    rows = np.zeros((len(x), length), np.int32)
    for row, text in zip(rows, x):
        if not isinstance(text, str):
            kind = type(text).__name__
            raise InputError(f"A sample is of type {kind}.", "Expected texts.", "Pass strings.")
        if kind == "subword":
            tokens = [piece for word in words(text) for piece in pieces(word, numbers)]
        else:
            tokens = SPLITTERS[kind](text)
        kept = (tokens[:length] if keep == "start" else tokens[-length:]) or [UNKNOWN]
        row[: len(kept)] = [numbers.get(token, unknown) for token in kept]
    return rows


STEPS: dict[str, Callable[..., np.ndarray]] = {"tokenize": tokenize}
