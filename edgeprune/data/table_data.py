"""A table, or a folder with one table a split, to a `Dataset`: texts, tagged sentences or rows of numbers.

Rows of numbers are standardized by the training rows' mean and deviation, unless the model does so
itself; texts are tokenized with a vocabulary of the training texts, or with the `vocab.txt` beside the data.
Sentences have a tag for each token, in lists, or in texts with blanks between them, as CSV holds them:

    {"tokens": ["play", "naima", "tonight"], "tags": ["O", "B-song", "B-time"]}

`labels.txt` beside the table gives the order of the tags, which is the model's; without it ``O`` comes first
and the others by the alphabet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeprune.data import folders, tables
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.dataset_builder import DataRequest, Preprocessing, build_dataset
from edgeprune.data.labels import check_class_name
from edgeprune.data.model_signature import ModelSignature
from edgeprune.data.splits import ALIASES, NAMES
from edgeprune.data.tables import Cell, Table
from edgeprune.data.tabular import standardizing_step
from edgeprune.data.text import strings, text_preprocessing
from edgeprune.errors import InputError
from edgeprune.preprocessing import Step

TOKENS, TAGS = ("tokens", "words"), ("tags", "slots", "ner_tags", "labels", "bio")
OUTSIDE = "O"
_MOST = 256  # tokens of a sentence, where the model does not say
Sentence = tuple[list[str], list[str]]  # tokens and tags, as many of each


def read_table_data(request: DataRequest) -> Dataset:
    """Reads a table or a folder of tables called train, validation (valid, val, dev) and test."""
    path = request.path
    read = {split: tables.read_table(file) for split, file in _files(path).items()}
    if len({tuple(table) for table in read.values()}) > 1:
        raise InputError(
            f"The tables of {path} have unlike columns.", "The same columns in all of them.", "Rename them."
        )
    parts = _by_split(read["train"], path) if len(read) == 1 else read
    vocabulary = folders.beside(path, "vocab.txt")
    given = folders.text_of(vocabulary, "One token a line, UTF-8.") if vocabulary.is_file() else None
    if (tagged := _tag_columns(parts["train"], request.signature)) is not None:
        return _read_tags(parts, tagged, given, request)
    text = tables.text_column(parts["train"])
    label = tables.label_column(parts["train"], text)
    if text is None:
        return _rows(parts, label, request)
    y = _labels(parts, label)
    texts = {split: strings([_filled(value) for value in table[text]]) for split, table in parts.items()}
    note = f"Texts are column {text!r}, labels " + (f"column {label!r}." if label else "missing.")
    return build_dataset(
        request, "text", {split: (texts[split], y[split]) for split in parts},
        lambda train: text_preprocessing(train.x, request.first_input, given),
        name=path.name.partition(".")[0], source=path.name, classes=folders.listed_labels(path) or None,
        notes=(note,),
    )


def is_folder_of_tables(source: str) -> bool:
    """Whether a folder has a table called as the training split is."""
    folder = Path(source)
    return folder.is_dir() and any(
        _split_of(file) == "train" for file in folder.iterdir() if tables.is_table(file)
    )


def _split_of(file: Path) -> str | None:
    return ALIASES.get(file.name.partition(".")[0].lower())


def _files(path: Path) -> dict[str, Path]:
    if path.is_file():
        return {"train": path}
    found: dict[str, Path] = {}
    for file in sorted(path.iterdir()):
        split = _split_of(file)
        if split and tables.is_table(file):
            if split in found:
                raise InputError(
                    f"{path} has {found[split].name} and {file.name}.", "One table a split.", "Remove one."
                )
            found[split] = file
    return found


def _by_split(table: Table, path: Path) -> Mapping[str, Table]:
    """The parts that a column of splits names; the whole table where there is no such column."""
    column = tables.named(table, tables.SPLITS)
    if column is None:
        return {"train": table}
    rows = [ALIASES.get(str(value).lower()) for value in table[column]]
    if None in rows:
        raise InputError(
            f"{path}: column {column!r} holds {table[column][rows.index(None)]!r}.",
            "train, validation or test is expected.", "Correct or rename the column.",
        )
    rest = [name for name in table if name != column]
    return {
        split: {name: [v for v, s in zip(table[name], rows, strict=True) if s == split] for name in rest}
        for split in NAMES
        if split in rows
    }


def _labels(parts: Mapping[str, Table], label: str | None) -> dict[str, np.ndarray | None]:
    """Read over all splits at once: what is a name in one of them is a name in all."""
    if label is None:
        return dict.fromkeys(parts)
    together = tables.labels([value for table in parts.values() for value in table[label]])
    cuts = np.cumsum([len(table[label]) for table in parts.values()])[:-1]
    return dict(zip(parts, np.split(together, cuts), strict=True))


def _rows(parts: Mapping[str, Table], label: str | None, request: DataRequest) -> Dataset:
    path = request.path
    features = [name for name in parts["train"] if name != label]
    if not features:
        raise InputError(f"{path} has no column beside {label!r}.", "A column for each feature.", "Add them.")
    y = _labels(parts, label)
    rows = {split: (tables.numbers(table, features, path), y[split]) for split, table in parts.items()}
    note = f"{len(features)} columns of numbers, labels " + (
        f"in column {label!r}." if label else "missing: no column is called label, class or target."
    )

    def steps(train: Split) -> Preprocessing:
        found: tuple[Step, ...] = () if request.model_scales else (standardizing_step(np.asarray(train.x)),)
        expected = request.first_input
        shape = expected.shape if expected is not None else ()
        if shape not in ((), (len(features),)) and [size for size in shape if size != 1] == [len(features)]:
            found = (*found, {"op": "reshape", "shape": list(shape)})
        return Preprocessing(found)

    return build_dataset(
        request, "tabular", rows, steps, name=path.name.partition(".")[0], source=path.name,
        classes=folders.listed_labels(path) or None, notes=(note,),
    )


def _filled(value: Cell) -> str:
    if not isinstance(value, str):
        raise InputError(f"A text is missing or is {value!r}.", "Texts are expected.", "Remove that row.")
    return value


def _tag_columns(table: Table, signature: ModelSignature | None) -> tuple[str, str] | None:
    """The columns of tokens and tags; None where they are not there, or the model gives no tags."""
    tokens, tags = tables.named(table, TOKENS), tables.named(table, TAGS)
    if tokens is None or tags is None:
        return None
    bare = signature is None and tables.label_column(table, None) in (None, tags)
    return (tokens, tags) if bare or (signature is not None and len(signature.output) == 2) else None


def _read_tags(
    parts: Mapping[str, Table], columns: tuple[str, str], vocabulary: str | None, request: DataRequest
) -> Dataset:
    """A `Dataset` of sentences; `vocabulary` is the text of the model's own `vocab.txt`, None builds one."""
    path, expected = request.path, request.first_input
    sentences = {name: [_sentence(row, path) for row in zip(*(table[one] for one in columns), strict=True)]
                 for name, table in parts.items()}
    names = _tag_names([tags for part in sentences.values() for _, tags in part], path)
    longest = max(len(tokens) for tokens, _ in sentences["train"])
    length = (expected.shape[0] if expected is not None else None) or min(-(-longest // 8) * 8, _MOST)
    numbers = {tag: number for number, tag in enumerate(names)}
    samples = {
        name: (strings([" ".join(tokens) for tokens, _ in part]), _tag_rows(part, numbers, length))
        for name, part in sentences.items()
    }
    return build_dataset(
        request, "text", samples,
        lambda train: text_preprocessing(train.x, expected, vocabulary, kind="given", length=length),
        name=path.name.partition(".")[0], source=path.name, classes=names,
        notes=(f"Tokens are column {columns[0]!r}, tags column {columns[1]!r}.",),
    )


def _sentence(row: tuple[Cell, ...], path: Path) -> Sentence:
    tokens, tags = (_words(value) for value in row)
    if len(tokens) != len(tags):
        raise InputError(
            f"{path}: {' '.join(tokens)[:60]!r} has {len(tokens)} tokens and {len(tags)} tags.",
            "One tag for each token is expected.", "Correct that row.",
        )
    # A token with a blank inside would be two tokens further on.
    return ["".join(token.split()) or "\N{REPLACEMENT CHARACTER}" for token in tokens], tags


def _words(value: Cell) -> list[str]:
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
