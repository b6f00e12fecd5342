"""Sentences with a tag for each token, out of a table: columns of tokens and of tags.

    {"tokens": ["play", "naima", "tonight"], "tags": ["O", "B-song", "B-time"]}

Both may also be texts with blanks between them, as CSV holds them. `labels.txt` beside the table gives the
order of the tags, which is the model's; without it ``O`` comes first and the others by the alphabet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.data import folders, tables
from edgeprune.data.assemble import Fitted, Raw, dataset_of
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.labels import check_class_name
from edgeprune.data.text import fit_texts, strings
from edgeprune.data.wants import Wants
from edgeprune.errors import InputError

TOKENS, TAGS = ("tokens", "words"), ("tags", "slots", "ner_tags", "labels", "bio")
OUTSIDE = "O"
_MOST = 256  # tokens of a sentence, where the model does not say
Table = Mapping[str, Sequence[Any]]


def tag_columns(table: Table, wants: Wants | None) -> tuple[str, str] | None:
    """The columns of tokens and tags; None where they are not there, or the model gives no tags."""
    found = tables.named(table, TOKENS), tables.named(table, TAGS)
    if found[0] is None or found[1] is None:
        return None
    gives_tags = len(wants.output) == 2 if wants is not None else tables.label_column(table, None) in (
        None, found[1]
    )
    return (found[0], found[1]) if gives_tags else None


def read_tags(
    parts: Mapping[str, Table], columns: tuple[str, str], path: Path, vocabulary: str | None,
    wants: Wants | None, seed: int,
) -> Dataset:
    """A `Dataset` of sentences.

    Args:
        parts: tables by split.
        columns: from `tag_columns`.
        path: of the table, or the folder of tables.
        vocabulary: the text of the model's own `vocab.txt`; None fits one.

    Raises:
        InputError: a sentence with more or fewer tags than tokens, or a tag that labels.txt lacks.
    """
    sentences = {name: [_pair(row, path) for row in zip(*(table[one] for one in columns), strict=True)]
                 for name, table in parts.items()}
    names = _names([tags for part in sentences.values() for _, tags in part], path)
    longest = max(len(tokens) for tokens, _ in sentences["train"])
    length = (wants.inputs[0].shape[0] if wants is not None else None) or min(-(-longest // 8) * 8, _MOST)
    numbers = {tag: number for number, tag in enumerate(names)}
    raw = Raw(
        {name: (strings([" ".join(tokens) for tokens, _ in part]), _rows(part, numbers, length))
         for name, part in sentences.items()},
        path.name.partition(".")[0], path.name, names,
        notes=(f"Tokens are column {columns[0]!r}, tags column {columns[1]!r}.",),
    )
    want = wants.inputs[0] if wants is not None else None

    def fit(train: Split) -> Fitted:
        return fit_texts(np.asarray(train.x), want, vocabulary, kind="given", length=length)

    return dataset_of(raw, "text", wants, seed, fit)


def _pair(row: tuple[Any, Any], path: Path) -> tuple[list[str], list[str]]:
    """Tokens and tags of one sentence, as many of each."""
    tokens, tags = ([str(one) for one in (value.split() if isinstance(value, str) else value or ())]
                    for value in row)
    if len(tokens) != len(tags):
        raise InputError(
            f"{path}: {' '.join(tokens)[:60]!r} has {len(tokens)} tokens and {len(tags)} tags.",
            "One tag for each token is expected.", "Correct that row.",
        )
    # A token with a blank inside would be two tokens further on.
    return ["".join(token.split()) or "\N{REPLACEMENT CHARACTER}" for token in tokens], tags


def _names(tags: Sequence[Sequence[str]], path: Path) -> tuple[str, ...]:
    found = {tag for sentence in tags for tag in sentence}
    folder = path.parent if path.is_file() else path
    listed = folder / "labels.txt"
    names = folders.lines(listed, folder) if listed.is_file() else ()
    names = names or (*({OUTSIDE} & found), *sorted(found - {OUTSIDE}))
    if unknown := sorted(found - set(names)):
        raise InputError(
            f"{listed} does not list the tag {unknown[0]!r}.", f"Tags are {', '.join(names)[:200]}.",
            "Add it.",
        )
    for name in names:
        check_class_name(name)
    return names


def _rows(
    part: Sequence[tuple[Sequence[str], Sequence[str]]], numbers: Mapping[str, int], length: int
) -> np.ndarray:
    """(N, length) tag numbers, -1 behind the end."""
    rows = np.full((len(part), length), -1, np.int64)
    for row, (_, tags) in zip(rows, part, strict=True):
        row[: len(tags)] = [numbers[tag] for tag in tags[:length]]
    return rows
