"""A table of numbers to a `Dataset`: rows of columns, pixels of pictures, or one column for each input.

Rows of F columns are standardized by the training rows. A model that takes pictures of F numbers gets
pictures: a table of 784 columns of pixels for (28, 28, 1). A model of several inputs gets the column that is
called as each of them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from edgeprune.data.arrays import array_preprocessing
from edgeprune.data.column_roles import ColumnRoles, number_roles
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.dataset_builder import DataRequest, Preprocessing, build_dataset
from edgeprune.data.streamed import HeldSamples, parts_of
from edgeprune.data.table import Table, unlike, with_lists_as_columns
from edgeprune.data.table_rows import class_names, labels_of, without_gaps
from edgeprune.data.tabular import standardizing_step
from edgeprune.data.text import strings
from edgeprune.errors import InputError, shown
from edgeprune.preprocessing import Step

_PICTURE_AXES = 3
_PIXELS = 255


def read_number_rows(parts: Mapping[str, Table], request: DataRequest) -> Dataset:
    """Reads the tables of all splits."""
    parts = {split: with_lists_as_columns(table) for split, table in parts.items()}
    train = parts["train"]
    for table in parts.values():
        if set(table.columns) != set(train.columns):
            raise unlike(train, table)
    roles = number_roles(train, request.settings, request.signature)
    parts = without_gaps(parts, roles, request.settings)
    for table in parts.values():
        _check_cells(table, roles)
    y = labels_of(parts, roles, request.signature)
    shape = _picture_shape(roles, request)
    rows = {split: (_samples(table, roles, request, shape), y[split]) for split, table in parts.items()}
    path, table = request.path, parts["train"]
    what = f"{len(roles.features)} columns of numbers" + (
        f" are pixels of {' x '.join(map(str, shape))}." if shape else " are features."
    )
    classes = class_names(parts, roles, request.signature, path)
    return build_dataset(
        request, "vision" if shape else "tabular", rows, lambda split: _steps(split, request, shape),
        name=path.name.partition(".")[0], source=path.name, classes=classes,
        notes=(*table.notes, roles.note(what)), skipped=(roles.skipped(),), complete=_filled,
    )


def _check_cells(table: Table, roles: ColumnRoles) -> None:
    """Refuses what is no number among numbers, all columns in one message."""
    bad = {name: table.columns[name].bad for name in roles.features if table.columns[name].kind != "words"}
    found = {name: rows for name, rows in bad.items() if rows.any()}
    if not found:
        return
    texts = []
    for name, rows in list(found.items())[:5]:
        cell = shown(str(table.columns[name].cells[rows][0]))[:40]
        texts.append(f"column {shown(name)!r} holds {cell!r} in {table.where(rows)}")
    raise InputError(
        f"{shown(table.path)}: {'; '.join(texts)}.", "Finite 32-bit numbers are expected there.",
        "Correct these cells, empty them and pass --missing, or leave the column out: --drop NAME.",
    )


def _picture_shape(roles: ColumnRoles, request: DataRequest) -> tuple[int, ...]:
    """Rows, columns and channels, where a model of one input takes pictures; else nothing."""
    if request.signature is None or len(request.signature.inputs) > 1:
        return ()
    shape = request.signature.inputs[0].shape
    sizes = [size or 0 for size in shape]
    axes = len([size for size in sizes if size != 1])
    fits = math.prod(sizes) == len(roles.features) and axes > 1
    return tuple(sizes) if fits and len(sizes) in (2, _PICTURE_AXES) else ()


def _samples(table: Table, roles: ColumnRoles, request: DataRequest, shape: tuple[int, ...]) -> HeldSamples:
    """(N, F) float32, NaN for gaps; pixels as (N, H, W, C) uint8; or a tuple of (N,) for several inputs."""
    inputs = request.signature.inputs if request.signature is not None else ()
    if len(inputs) > 1:
        return tuple(
            strings([str(cell) for cell in table.columns[name].words]) if one.dtype == "string"
            else table.columns[name].numbers.astype(np.float32)
            for name, one in zip(roles.features, inputs, strict=True)
        )
    rows = np.stack([table.columns[name].numbers for name in roles.features], axis=1)
    pixels = shape and not np.isnan(rows).any() and (rows == np.rint(rows)).all()
    if pixels and rows.min() >= 0 and 1 < rows.max() <= _PIXELS:
        return rows.astype(np.uint8).reshape(-1, *shape)
    return rows.astype(np.float32).reshape(-1, *shape) if shape else rows.astype(np.float32)


def _steps(train: Split, request: DataRequest, shape: tuple[int, ...]) -> Preprocessing:
    """What brings rows into the model's form."""
    if shape or isinstance(train.x, tuple):
        return array_preprocessing(train, request)
    rows = np.asarray(train.x)
    found: tuple[Step, ...] = () if request.model_scales else (standardizing_step(rows),)
    expected = request.first_input
    takes = expected.shape if expected is not None else ()
    if takes not in ((), rows.shape[1:]) and [size for size in takes if size != 1] == [rows.shape[1]]:
        found = (*found, {"op": "reshape", "shape": list(takes)})
    return Preprocessing(found)


def _filled(splits: Mapping[str, Split]) -> dict[str, Split]:
    """The same splits, gaps filled with the means of the training rows."""
    means = [_mean(np.asarray(part)) for part in parts_of(splits["train"].x)]

    def fill(part: np.ndarray, mean: np.ndarray | None) -> np.ndarray:
        return part if mean is None else np.where(np.isnan(part), mean, part).astype(part.dtype)

    found = {}
    for name, split in splits.items():
        pairs = zip(parts_of(split.x), means, strict=True)
        made = tuple(fill(np.asarray(part), mean) for part, mean in pairs)
        found[name] = dataclasses.replace(split, x=made if isinstance(split.x, tuple) else made[0])
    return found


def _mean(rows: np.ndarray) -> np.ndarray | None:
    """Of each column without its gaps; None where there can be none."""
    if rows.dtype.kind != "f":
        return None
    gaps = np.isnan(rows)
    sums = np.where(gaps, 0, rows).sum(axis=0, dtype=np.float64)
    return np.asarray(sums / np.maximum((~gaps).sum(axis=0), 1))
