"""Rows of tables: those with gaps, and the labels of the others."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgeprune.data import folders
from edgeprune.data.check import classes_of
from edgeprune.data.column_roles import ColumnRoles
from edgeprune.data.labels import RawTargets
from edgeprune.data.model_signature import ModelSignature
from edgeprune.data.table import Table
from edgeprune.errors import InputError, shown
from edgeprune.recipe.sections import DataSettings

_LISTED = 8  # columns with gaps in a message


def without_gaps(parts: Mapping[str, Table], roles: ColumnRoles, settings: DataSettings) -> dict[str, Table]:
    """Tables of the used columns alone, without the rows that `--missing` leaves out.

    With ``mean`` gaps among numbers of features stay, to be filled when the training rows are there.

    Raises:
        InputError: there are gaps, and nobody said what becomes of them.
    """
    used = (*roles.features, *roles.labels)
    found = {split: _counted(table, used) for split, table in parts.items()}
    if settings.missing == "refuse" and any(found.values()):
        texts = [
            f"{shown(parts[split].path.name)}: " + ", ".join(
                f"{shown(name)!r} has {rows.sum()} ({parts[split].where(rows)})"
                for name, rows in list(gaps.items())[:_LISTED]
            ) + (f" and {len(gaps) - _LISTED} more columns" if len(gaps) > _LISTED else "")
            for split, gaps in found.items() if gaps
        ]
        rows = sum(int(np.any(list(gaps.values()), axis=0).sum()) for gaps in found.values() if gaps)
        raise InputError(
            f"Cells are empty. {'; '.join(texts)}.", "A value in every cell that is used is expected.",
            f"--missing drop leaves {rows} {'row' if rows == 1 else 'rows'} out, --missing mean fills gaps "
            "in numbers with the mean of the training rows, --drop NAME leaves a column out.",
        )
    return {split: _left(table, found[split], roles, settings) for split, table in parts.items()}


def _counted(table: Table, used: tuple[str, ...]) -> dict[str, np.ndarray]:
    gaps = {name: table.columns[name].missing for name in used}
    return {name: rows for name, rows in gaps.items() if rows.any()}


def _left(
    table: Table, gaps: Mapping[str, np.ndarray], roles: ColumnRoles, settings: DataSettings
) -> Table:
    """The rows that are complete, or can be filled."""
    fill = [name for name in gaps if name in roles.features and table.columns[name].kind == "numbers"]
    filled = fill if settings.missing == "mean" else []
    out = np.zeros(len(table), bool)
    for name in gaps.keys() - filled:
        out |= gaps[name]
    file, notes = shown(table.path.name), []
    if out.any():
        notes.append(f"{out.sum()} of {len(table)} rows of {file} were left out: they have gaps.")
    if filled:
        cells = sum(int((gaps[name] & ~out).sum()) for name in filled)
        notes.append(f"{cells} gaps of {file} were filled with the mean of the training rows.")
    if out.all():
        raise InputError(
            f"Every row of {shown(table.path)} has a gap.", "Complete rows are expected.",
            "Leave the columns with many gaps out: --drop NAME.",
        )
    whole = dataclasses.replace(table, notes=(*table.notes, *notes))
    return whole.take(np.flatnonzero(~out))


def labels_of(
    parts: Mapping[str, Table], roles: ColumnRoles, signature: ModelSignature | None
) -> dict[str, RawTargets]:
    """Labels by split, read over all of them: what is a name in one of them is a name in all."""
    if not roles.labels:
        return dict.fromkeys(parts)
    columns = [_label(parts, name) for name in roles.labels]
    if codes := class_codes(parts, roles, signature):
        numbers = {code: number for number, code in enumerate(codes)}
        return {split: np.array([numbers[int(one)] for one in y]) for split, y in columns[0].items()}
    if len(columns) == 1:
        return dict(columns[0])
    if signature is not None and len(signature.each_output) == len(columns) > 1:
        return {split: tuple(one[split] for one in columns) for split in parts}
    pairs = zip(roles.labels, columns, strict=True)
    if bad := [name for name, one in pairs if one["train"].dtype.kind == "U"]:
        raise InputError(
            f"Column {shown(bad[0])!r} holds words.", "Several labels for one output are numbers.",
            "Correct the column, or choose others with --label.",
        )
    return {split: np.stack([one[split] for one in columns], axis=1) for split in parts}


def class_codes(
    parts: Mapping[str, Table], roles: ColumnRoles, signature: ModelSignature | None
) -> tuple[int, ...]:
    """Numbers that stand for all of the model's classes, such as 1 to 3; none where they are 0, 1, 2."""
    if signature is None or len(roles.labels) != 1 or len(signature.each_output) > 1:
        return ()
    output, columns = signature.each_output[0], [table.columns[roles.labels[0]] for table in parts.values()]
    says_classes = output.head != "values" or output.loss in ("numbers", "one_hot", "binary")
    if output.loss == "any" or not says_classes or not all(one.is_integral for one in columns):
        return ()
    found = sorted({int(value) for one in columns for value in np.unique(one.numbers[~one.missing])})
    classes = classes_of(output)
    return tuple(found) if len(found) == classes and found != list(range(classes)) else ()


def class_names(
    parts: Mapping[str, Table], roles: ColumnRoles, signature: ModelSignature | None, source: Path
) -> tuple[str, ...] | None:
    """Names of the classes in order, as far as labels.txt or the tables have them.

    Raises:
        InputError: labels.txt does not list a class.
    """
    if (listed := folders.listed_labels(source)) and len(roles.labels) == 1:
        _check_listed(parts, roles.labels[0], listed)
    if listed:
        return listed
    one_hot = signature is not None and len(signature.each_output) == 1 and signature.head == "softmax"
    if len(roles.labels) > 1 and one_hot:
        return roles.labels
    names = parts["train"].classes.get(next(iter(roles.labels), ""))
    return names or tuple(map(str, class_codes(parts, roles, signature))) or None


def _check_listed(parts: Mapping[str, Table], name: str, listed: tuple[str, ...]) -> None:
    for table in parts.values():
        column = table.columns[name]
        unlisted = ~np.isin(column.words.astype(str), listed) & ~column.missing
        if column.kind == "words" and unlisted.any():
            raise InputError(
                f"{shown(table.path)}: column {shown(name)!r} holds {shown(column.words[unlisted][0])!r} in "
                f"{table.where(unlisted)}.", f"labels.txt lists {shown(', '.join(listed))[:200]}.",
                "Correct the label, or add it.",
            )


def _label(parts: Mapping[str, Table], name: str) -> dict[str, np.ndarray]:
    """One column: whole numbers, numbers, or words."""
    tables = list(parts.values())
    cuts = np.cumsum([len(table) for table in tables])[:-1]
    kinds = {table.columns[name].kind for table in tables}
    if kinds == {"numbers"} and not any(table.columns[name].bad.any() for table in tables):
        together = np.concatenate([table.columns[name].numbers for table in tables])
        whole = bool((together == np.rint(together)).all())
        together = together.astype(np.int64) if whole else together
    else:
        together = np.array([str(word) for table in tables for word in table.columns[name].words])
    return dict(zip(parts, np.split(together, cuts), strict=True))
