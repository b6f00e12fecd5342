"""Which column of a table is a label, which a feature, and which is left out, and why.

What the user says counts first (`--label`, `--features`, `--drop`). Without it, these are tried as the label
until as many columns of numbers are left as the model takes:

    the columns called as the model's outputs      y_box, box
    a column with a usual name                     label, class, target, species, ...
    the only column of words
    the last column, the first one                 where its values may be the model's output
    the last K columns                             for an output of K values
    none                                           agreement with the original is measured then

Columns that number the rows or are called ``id`` are no features, unless the model takes so many numbers;
columns of words or dates never are. Whatever is left out is told.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterator, Mapping, Sequence

from edgeprune.data import tables
from edgeprune.data.check import classes_of
from edgeprune.data.columns import Column
from edgeprune.data.csv_files import NAMELESS
from edgeprune.data.model_signature import ModelSignature, OutputSignature
from edgeprune.data.several_labels import are_one_hot, one_for_each_value
from edgeprune.data.table import Table
from edgeprune.errors import InputError, shown
from edgeprune.recipe.sections import DataSettings

_LISTED = 20  # columns in a message
_WEAK = ("y", "category", "species")  # which may as well be features
_FEW = 3


@dataclasses.dataclass(frozen=True)
class ColumnRoles:
    """Names of columns by what they are for.

    Attributes:
        features: in the order of the model's numbers.
        labels: one for each output, or several for one output; none without labels.
        left_out: all others, and why.
        how: by what the labels were found.
    """

    features: tuple[str, ...]
    labels: tuple[str, ...]
    left_out: Mapping[str, str]
    how: str = ""

    def note(self, what: str) -> str:
        """What the features are, and where the labels are, for people."""
        how = f" ({self.how})" if self.how else ""
        if not self.labels:
            return f"{what} There are no labels{how}."
        columns = "column " if len(self.labels) == 1 else "columns "
        return f"{what} Labels are in {columns}{_quoted(self.labels)}{how}."

    def skipped(self) -> str:
        """What is left out and why; empty where everything is used."""
        reasons: dict[str, list[str]] = {}
        for name, why in self.left_out.items():
            reasons.setdefault(why, []).append(name)
        found = "; ".join(f"{_quoted(names)} ({why})" for why, names in reasons.items())
        return f"Columns that are not used: {found}." if found else ""


def _quoted(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(repr(shown(name)) for name in names[:_LISTED]) + more


def stated(names: Sequence[str], table: Table, option: str) -> tuple[str, ...]:
    """Columns as they were typed: each by itself, or several with commas between them.

    Raises:
        InputError: there is no such column.
    """
    found: list[str] = []
    for typed in names:
        parts = [typed] if typed in table.columns else [part.strip() for part in typed.split(",")]
        for name in parts:
            lower = {one.lower(): one for one in table.columns}
            known = name if name in table.columns else lower.get(name.lower())
            if known is None:
                near = difflib.get_close_matches(name, table.columns, 1)
                raise InputError(
                    f"{option} {shown(name)}: {shown(table.path.name)} has no such column.",
                    f"Its columns are {columns_of_table(table)}.",
                    f"Did you mean {shown(near[0])!r}?" if near else "",
                )
            if known not in found:
                found.append(known)
    return tuple(found)


def columns_of_table(table: Table) -> str:
    """The columns' names, for a message."""
    return _quoted(list(table.columns))


def takes_columns(table: Table, signature: ModelSignature | None) -> bool:
    """Whether a model takes texts, or no more numbers than the table has columns of them."""
    if signature is None:
        return False
    numbers = sum(one.kind == "numbers" for one in table.columns.values())
    flat = len(signature.inputs) > 1 or len(signature.inputs[0].shape) == 1
    size = _size(signature)
    return signature.is_text or (flat and size is not None and 1 < size <= numbers)


def number_roles(table: Table, settings: DataSettings, signature: ModelSignature | None) -> ColumnRoles:
    """Roles in a table whose features are numbers.

    Raises:
        InputError: no choice gives as many columns as the model takes, or a column is no number.
    """
    dropped = stated(settings.drop, table, "--drop")
    rest = {name: one for name, one in table.columns.items() if name not in dropped}
    left_out = dict.fromkeys(dropped, "as --drop says")
    if signature is not None and len(signature.inputs) > 1:
        return _roles_by_input(table, rest, left_out, settings, signature)
    size = _size(signature)
    tried: ColumnRoles | None = None
    for labels, how in _label_choices(table, rest, settings, signature):
        if settings.features:
            features = stated(settings.features, table, "--features")
            if both := sorted(set(features) & {*dropped, *labels}):
                raise InputError(f"Column {both[0]!r} is both a feature and not.", "", "Correct the options.")
            others = {name: "not in --features" for name in rest if name not in (*features, *labels)}
            roles = ColumnRoles(features, labels, {**left_out, **others}, how)
            _check_numbers(table, roles)
            if size not in (None, len(features)):
                raise _unlike_size(table, roles, size)
            return roles
        for features, why in _feature_choices(rest, labels):
            roles = ColumnRoles(features, labels, {**left_out, **why}, how)
            if size == len(features) or (size is None and features):
                return roles
            tried = tried or roles
    raise _unlike_size(table, tried or ColumnRoles((), (), left_out), size)


def content_roles(
    table: Table, content: str, settings: DataSettings, signature: ModelSignature | None
) -> ColumnRoles:
    """Roles beside the one column of texts, pictures or recordings.

    Raises:
        InputError: several columns may be the label.
    """
    dropped = [name for name in stated(settings.drop, table, "--drop") if name != content]
    rest = {name: one for name, one in table.columns.items() if name not in (content, *dropped)}
    outputs = signature.each_output if signature is not None else (None,)
    labels: tuple[str, ...] = ()
    how = ""
    if settings.label:
        labels, how = stated(settings.label, table, "--label"), "as --label says"
        _check_label(table, labels, signature)
    elif len(outputs) > 1 and (found := _by_output(rest, [one for one in outputs if one is not None])):
        labels, how = found, "called as the model's outputs"
    elif (usual := tables.named(dataclasses.replace(table, columns=rest), tables.LABELS)) is not None:
        labels = (usual,)
    elif several := one_for_each_value(_numbers_of(rest), outputs[0]):
        labels, how = several, f"one for each of the model's {len(several)} values"
    else:
        likely = [
            name for name, one in rest.items()
            if not _is_id(one) and (len(rest) == 1 or _may_be_label(one, outputs[0]))
        ]
        if len(likely) > 1:
            raise InputError(
                f"{shown(table.path)}: {_quoted(likely)} may be the labels of {shown(content)!r}.",
                "One column is expected.", "Choose it with --label NAME.",
            )
        labels, how = tuple(likely), "the only column that may be" if likely else "no column is called label"
    left_out = dict.fromkeys(dropped, "as --drop says")
    left_out |= {name: "not needed" for name in rest if name not in labels}
    return ColumnRoles((content,), labels, left_out, how)


def _roles_by_input(
    table: Table, rest: Mapping[str, Column], left_out: Mapping[str, str], settings: DataSettings,
    signature: ModelSignature,
) -> ColumnRoles:
    """A column for each input of a model, called as the input is, or as `--features` lists them."""
    inputs = signature.inputs
    features = stated(settings.features, table, "--features")
    if not features:
        lower = {name.strip().lower(): name for name in rest}
        features = tuple(lower[one.name.lower()] for one in inputs if one.name.lower() in lower)
    if len(features) != len(inputs) or any(math.prod(size or 1 for size in one.shape) != 1 for one in inputs):
        raise InputError(
            f"{shown(table.path)} has the columns {columns_of_table(table)}.",
            f"The model has {len(inputs)} inputs: {', '.join(one.name for one in inputs)[:200]}. A column "
            "called as each of them is expected, with one value a sample.",
            "Rename the columns, state them with --features in the order of the inputs, or pass a .npz.",
        )
    for name, one in zip(features, inputs, strict=True):
        if one.dtype != "string" and table.columns[name].kind != "numbers":
            raise InputError(
                f"{shown(table.path)}: column {shown(name)!r} holds {table.columns[name].kind}.",
                f"The model's input {one.name!r} takes numbers.", "Correct the column.",
            )
    others = {name: one for name, one in rest.items() if name not in features}
    labels, how = next(_label_choices(table, others, settings, signature))
    why = {name: "no input is called so" for name in others if name not in labels}
    return ColumnRoles(features, labels, {**left_out, **why}, how)


def _size(signature: ModelSignature | None) -> int | None:
    """How many numbers the model takes for a sample; None where it is open."""
    if signature is None:
        return None
    shape = signature.inputs[0].shape
    if any(size is None for size in shape):
        return None
    return math.prod(size or 1 for size in shape)


def _label_choices(
    table: Table, rest: Mapping[str, Column], settings: DataSettings, signature: ModelSignature | None
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Columns that may be the labels, the likeliest first, and by what they were found."""
    if settings.label:
        labels = stated(settings.label, table, "--label")
        _check_label(table, labels, signature)
        yield labels, "as --label says"
        return
    rest = {name: one for name, one in rest.items() if name not in settings.features}
    outputs = signature.each_output if signature is not None else ()
    if len(outputs) > 1 and (found := _by_output(rest, outputs)):
        yield found, "called as the model's outputs"
    first = outputs[0] if outputs else None
    named = [name for usual in tables.LABELS for name in rest if name.strip().lower() == usual]
    for name in named:
        yield (name,), ""
    lists = [name for name in rest if "." in name and name.partition(".")[0].strip().lower() in tables.LABELS]
    if lists:
        yield tuple(lists), ""
    if any(name.strip().lower() not in _WEAK for name in named):
        return  # another label would make a feature of this one
    words = [name for name, one in rest.items() if one.kind == "words" and not _is_id(one)]
    if len(words) == 1 and _may_be_label(rest[words[0]], first):
        yield (words[0],), "the only column of words"
    yield from _by_values(rest, first)
    yield (), "no column is called label, class or target"


def _by_values(
    rest: Mapping[str, Column], output: OutputSignature | None
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Columns that an output may give, by their values and places."""
    likely = [name for name, one in rest.items() if not _is_id(one) and _may_be_label(one, output)]
    candidates = [
        name for name, one in rest.items() if name in likely or (one.kind == "numbers" and not _is_id(one))
    ]
    if likely and likely[-1] == candidates[-1]:
        yield (likely[-1],), "the last column"
    if likely and likely[0] == candidates[0]:
        yield (likely[0],), "the first column"
    units = (output.shape[-1] if output is not None and len(output.shape) == 1 else None) or 0
    last = candidates[-units:]
    if 1 < units < len(candidates) and output is not None and (
        output.head != "softmax" or are_one_hot([rest[name] for name in last])
    ):
        yield tuple(last), f"the last {units} columns"
    if likely:
        yield (likely[-1],), "the last column that may be the model's output"


def _numbers_of(rest: Mapping[str, Column]) -> dict[str, Column]:
    return {name: one for name, one in rest.items() if one.kind == "numbers" and not _is_id(one)}


def _by_output(rest: Mapping[str, Column], outputs: Sequence[OutputSignature]) -> tuple[str, ...]:
    """A column for each output by its name; none where one is missing."""
    lower = {name.strip().lower(): name for name in rest}
    found = []
    for output in outputs:
        name = output.name.lower()
        forms = (name, f"y_{name}", f"label_{name}", f"target_{name}", f"{name}_label")
        found.append(next((lower[form] for form in forms if form in lower), ""))
    return tuple(found) if all(found) else ()


def _feature_choices(
    rest: Mapping[str, Column], labels: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
    """Columns of numbers without those that number the rows, then with them; and why others are left out."""
    others = {name: one for name, one in rest.items() if name not in labels}
    why = {name: _not_numbers(one) for name, one in others.items() if one.kind != "numbers"}
    rows = {name: "numbers the rows" for name, one in others.items() if name not in why and _is_id(one)}
    numbers = tuple(name for name in others if name not in why)
    yield tuple(name for name in numbers if name not in rows), {**why, **rows}
    if rows:
        yield numbers, why


def _is_id(column: Column) -> bool:
    """Whether a column numbers or names the rows, by its values, or by its name where none is there twice."""
    name = column.name.strip().lower()
    called = name in tables.IDS or name.endswith(("_id", " id")) or column.name.startswith(NAMELESS)
    called = called or (column.name.endswith("Id") and len(column.name) > 2)
    return column.counts_rows or (
        called and column.kind in ("numbers", "words") and column.distinct == len(column.cells)
    )


def _not_numbers(column: Column) -> str:
    kinds = {"words": "words", "dates": "dates", "lists": "lists", "files": "files", "empty": "nothing"}
    return f"holds {kinds[column.kind]}"


def _may_be_label(column: Column, output: OutputSignature | None) -> bool:
    """Whether a column's values may be what an output gives."""
    if column.kind not in ("numbers", "words"):
        return False
    if output is None or output.loss == "any":
        return True
    classes = classes_of(output)
    values = column.numbers[~column.missing]
    fits = column.is_integral and (0 <= values.min() <= values.max() < classes or column.distinct == classes)
    are_classes = classes > 0 and column.distinct <= classes and (column.kind == "words" or fits)
    if output.head == "softmax" or output.loss in ("numbers", "one_hot"):
        return are_classes
    if output.head == "sigmoid" or output.loss == "binary":
        between = column.kind == "numbers" and 0 <= values.min() <= values.max() <= 1
        return are_classes or (output.shape == (1,) and between)
    return are_classes or (output.shape in ((1,), ()) and column.kind == "numbers")


def _check_label(table: Table, labels: Sequence[str], signature: ModelSignature | None) -> None:
    """Refuses labels that are stated and cannot be meant."""
    if signature is None:
        return
    outputs = signature.each_output
    units = outputs[0].shape[-1] if outputs[0].shape else 1
    if len(labels) > 1 and len(labels) not in (len(outputs), units):
        raise InputError(
            f"--label names {len(labels)} columns.",
            f"The model has {len(outputs)} outputs." if len(outputs) > 1 else
            f"The model gives {units} values a sample.", "Name one column for each.",
        )
    for name in labels:
        column, classes = table.columns[name], classes_of(outputs[0])
        if len(labels) == 1 and column.kind == "words" and 0 < classes < column.distinct:
            raise InputError(
                f"--label {shown(name)}: the column holds {column.distinct} different words.",
                f"The model tells {classes} classes apart.", "Choose another column.",
            )


def _check_numbers(table: Table, roles: ColumnRoles) -> None:
    """Refuses features that are no numbers, all in one message."""
    found = [name for name in roles.features if table.columns[name].kind not in ("numbers", "empty")]
    if not found:
        return
    texts = "; ".join(
        f"{name!r} holds {table.columns[name].kind}, for example {_example(table.columns[name])}"
        for name in map(shown, found[:_FEW])
    )
    more = f"; and {len(found) - _FEW} more" if len(found) > _FEW else ""
    raise InputError(
        f"{shown(table.path)}: column {texts}{more}.", "The model takes numbers.",
        "Write them as the numbers that the model was trained with (pandas.get_dummies makes one-hot "
        f"columns), or leave them out: --drop {shown(found[0])}.",
    )


def _example(column: Column) -> str:
    return repr(shown(next(str(cell) for cell in column.cells[~column.blank]))[:40])


def _unlike_size(table: Table, roles: ColumnRoles, size: int | None) -> InputError:
    label = f"labels in {_quoted(roles.labels)}" if roles.labels else "no labels"
    left = "; ".join(
        f"{shown(name)!r} {why}" + (f", such as {_example(table.columns[name])}" if "words" in why else "")
        for name, why in list(roles.left_out.items())[:_LISTED]
    )
    few = len(roles.features) < (size or 1) and any("words" in why for why in roles.left_out.values())
    way_out = (
        "Write columns of words as the numbers that the model was trained with, such as one-hot columns."
        if few else "Choose the columns with --features a,b,c, or leave some out with --drop NAME; --label "
        "NAME states the label."
    )
    return InputError(
        f"{shown(table.path)} has {len(roles.features) or 'no'} columns of numbers for the model"
        f"{': ' if roles.features else ''}{_quoted(roles.features)}; {label}"
        + (f"; {left}." if left else "."),
        f"The model takes {size or 'some'} numbers a sample.", way_out,
    )
