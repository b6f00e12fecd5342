"""A table of sentences with a tag for each token to a `Dataset`.

Tokens and tags stand in lists, or in texts with blanks between them, as CSV holds them:

    {"tokens": ["play", "naima", "tonight"], "tags": ["O", "B-song", "B-time"]}

`labels.txt` beside the table gives the order of the tags, which is the model's; without it ``O`` comes first
and the others by the alphabet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeprune.data import folders, tables
from edgeprune.data.dataset import Dataset
from edgeprune.data.dataset_builder import DataRequest, build_dataset
from edgeprune.data.labels import check_class_name
from edgeprune.data.model_signature import ModelSignature
from edgeprune.data.table import Table
from edgeprune.data.text import strings, text_preprocessing
from edgeprune.errors import InputError, shown

OUTSIDE = "O"
_MOST = 256  # tokens of a sentence, where the model does not say
Sentence = tuple[list[str], list[str]]  # tokens and tags, as many of each


def tag_columns(table: Table, signature: ModelSignature | None) -> tuple[str, str] | None:
    """The columns of tokens and tags; None where they are not there, or the model gives no tags."""
    tokens, tags = tables.named(table, tables.TOKENS), tables.named(table, tables.TAGS)
    if tokens is None or tags is None:
        return None
    bare = signature is None and tables.named(table, tables.LABELS) in (None, tags)
    return (tokens, tags) if bare or (signature is not None and len(signature.output) == 2) else None


def read_tags(
    parts: Mapping[str, Table], columns: tuple[str, str], vocabulary: str | None, request: DataRequest
) -> Dataset:
    """A `Dataset` of sentences; `vocabulary` is the text of the model's own `vocab.txt`, None builds one."""
    path, expected = request.path, request.first_input
    sentences = {
        name: [_sentence(table, row, columns) for row in range(len(table))] for name, table in parts.items()
    }
    names = _tag_names([tags for part in sentences.values() for _, tags in part], path)
    longest = max(len(tokens) for tokens, _ in sentences["train"])
    length = (expected.shape[0] if expected is not None else None) or min(-(-longest // 8) * 8, _MOST)
    numbers = {tag: number for number, tag in enumerate(names)}
    others = [name for name in parts["train"].columns if name not in columns]
    samples = {
        name: (strings([" ".join(tokens) for tokens, _ in part]), _tag_rows(part, numbers, length))
        for name, part in sentences.items()
    }
    return build_dataset(
        request, "text", samples,
        lambda train: text_preprocessing(train.x, expected, vocabulary, kind="given", length=length),
        name=path.name.partition(".")[0], source=path.name, classes=names,
        notes=(f"Tokens are column {columns[0]!r}, tags column {columns[1]!r}.",),
        skipped=(f"Columns that are not used: {', '.join(map(shown, others))}.",) if others else (),
    )


def _sentence(table: Table, row: int, columns: tuple[str, str]) -> Sentence:
    tokens, tags = (_words(table.columns[name].cells[row]) for name in columns)
    if len(tokens) != len(tags):
        where = table.where(np.arange(len(table)) == row)
        raise InputError(
            f"{shown(table.path)}, {where}: {shown(' '.join(tokens))[:60]!r} has {len(tokens)} tokens and "
            f"{len(tags)} tags.", "One tag for each token is expected.", "Correct that row.",
        )
    # A token with a blank inside would be two tokens further on.
    return ["".join(token.split()) or "\N{REPLACEMENT CHARACTER}" for token in tokens], tags


def _words(value: object) -> list[str]:
    """Words of a text, or of a list of them."""
    if isinstance(value, str):
        return value.split()
    return [str(one) for one in value] if isinstance(value, list) else []


def _tag_names(tags: Sequence[Sequence[str]], path: Path) -> tuple[str, ...]:
    found = {tag for sentence in tags for tag in sentence}
    names = folders.listed_labels(path) or (*({OUTSIDE} & found), *sorted(found - {OUTSIDE}))
    if unknown := sorted(found - set(names)):
        raise InputError(
            f"{folders.beside(path, 'labels.txt')} does not list the tag {unknown[0]!r}.",
            f"Tags are {', '.join(names)[:200]}.", "Add it.",
        )
    for name in names:
        check_class_name(name)
    return names


def _tag_rows(part: Sequence[Sentence], numbers: Mapping[str, int], length: int) -> np.ndarray:
    """(N, length) tag numbers, -1 behind the end."""
    rows = np.full((len(part), length), -1, np.int64)
    for row, (_, tags) in zip(rows, part, strict=True):
        row[: len(tags)] = [numbers[tag] for tag in tags[:length]]
    return rows
