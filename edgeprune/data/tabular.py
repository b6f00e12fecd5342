"""Rows of numbers to a `Dataset`, standardized by the training rows' mean and deviation.

The default rows are drawn by a program and called synthetic: ten features, of which a hidden
two-layer network with noise on top makes the class. Anomalies are rows off the low-dimensional surface
that the normal ones lie on.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from edgeprune.data.dataset import Dataset, Split
from edgeprune.metrics import anomaly
from edgeprune.preprocessing import Step
from edgeprune.types import OutputTask


def standardizing_step(rows: np.ndarray) -> Step:
    """The step that gives every column of training rows (N, F) mean 0 and deviation 1; constants stay 0."""
    with np.errstate(invalid="ignore"):  # NaN is refused afterwards, with its place
        mean, std = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    return {"op": "standardize", "mean": mean.tolist(), "std": np.where(std > 0, std, 1.0).tolist()}


def _synthetic(
    x: np.ndarray, y: np.ndarray, labels: tuple[str, ...], name: str,
    task: OutputTask = OutputTask("classes", ("accuracy", "f1_macro")),  # noqa: B008  (frozen)
) -> Dataset:
    """Rows (N, F) as 70 % training, 10 % validation, 20 % test, in the order given."""
    first, cuts = len(x) * 7 // 10, [len(x) * 7 // 10, len(x) * 8 // 10]
    train, validation, test = map(Split, np.split(x, cuts), np.split(y, cuts))
    return Dataset(
        "tabular", train, validation, test, preprocessing=(standardizing_step(x[:first]),), labels=labels,
        name=name, tasks=(dataclasses.replace(task, classes=labels),), source="drawn by edgeprune",
        licence="none needed", synthetic=True,
    )


def synthetic_rows(classes: int = 2, features: int = 10, count: int = 6000, seed: int = 17) -> Dataset:
    """Rows whose class is the largest output of a random two-layer network, with noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, features))
    hidden = np.tanh(x @ rng.normal(size=(features, 16)) / np.sqrt(features) * 2)
    scores = hidden @ rng.normal(size=(16, classes))
    y = np.argmax(scores + rng.normal(size=scores.shape) * 0.15, axis=1)
    x = (x * rng.uniform(0.1, 50, features) + rng.normal(size=features) * 20).astype(np.float32)
    return _synthetic(x, y, tuple(f"class-{i}" for i in range(classes)), f"synthetic-rows-{classes}")


def synthetic_anomalies(features: int = 32, count: int = 6000, seed: int = 19) -> Dataset:
    """Normal rows on a curved 4-dimensional surface; y is 1 for rows pushed off it, absent from training."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(4, 24)), rng.normal(size=(24, features)) / 5
    x = np.tanh(rng.normal(size=(count, 4)) @ first) @ second + rng.normal(size=(count, features)) * 0.05
    y = np.zeros(count, np.int64)
    held_out = slice(count * 7 // 10, count)
    y[held_out] = rng.random(count - count * 7 // 10) < 0.2
    x = (x + y[:, None] * rng.normal(size=x.shape) * 0.25).astype(np.float32)
    task = OutputTask("anomaly", anomaly.NAMES)
    return _synthetic(x, y, ("normal", "anomaly"), "synthetic-anomalies", task)
