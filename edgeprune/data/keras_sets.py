"""Keras' own data sets, ``keras:NAME``, from its cache; Keras downloads what is missing.

Pictures, token numbers (cut and padded in front, as Keras does), and rows of numbers with a value:

    keras:cifar10 cifar100 mnist fashion_mnist     pictures
    keras:imdb reuters                             token numbers
    keras:boston_housing california_housing        rows of numbers and a value
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edgeprune.data import pictures
from edgeprune.data.arrays import fit_arrays
from edgeprune.data.assemble import Fitted, Raw, dataset_of
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.streamed import FromItems, held
from edgeprune.data.tabular import standardizing
from edgeprune.data.wants import Wants
from edgeprune.errors import InputError

_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)
_DIGITS = tuple("0123456789")
_UNKNOWN_TOKEN = 2  # Keras' oov_char
_TOKENS, _LENGTH = 10_000, 200
Given = tuple[tuple[Any, Any], tuple[Any, Any]]


def read_keras(source: str, task: str | None, wants: Wants | None, seed: int) -> Dataset:
    """Loads a data set and brings it to the model's input.

    Raises:
        InputError: an unknown name, not in the cache and not to be downloaded, or what `check` refuses.
    """
    del task
    name = source.removeprefix("keras:")
    if name not in SETS:
        near = difflib.get_close_matches(name, SETS, 1)
        raise InputError(
            f"Keras has no data set {name!r}.", f"Expected one of {', '.join(SETS)}.",
            f"Did you mean keras:{near[0]}?" if near else "Choose one of them.",
        )
    return SETS[name](load(name), name, wants, seed)


def load(name: str) -> Given:
    """Training and test halves, as Keras gives them.

    Raises:
        InputError: no network and nothing in the cache, or a broken download.
    """
    module = importlib.import_module(f"keras.datasets.{name}")
    try:
        given: Given = module.load_data()
    except Exception as error:  # urllib, checksums and archives raise their own
        raise InputError(
            f"keras:{name} is not in Keras' cache (~/.keras/datasets), and its download failed ({error}).",
            "A network, or the file in the cache.",
            "Copy ~/.keras/datasets from a machine that has it, or set KERAS_HOME to such a folder.",
        ) from error
    return given


def _parts(given: Given) -> Mapping[str, tuple[Any, Any]]:
    (x_train, y_train), (x_test, y_test) = given
    return {"train": (x_train, y_train), "test": (x_test, y_test)}


def _pictures(classes: tuple[str, ...] | None) -> Callable[[Given, str, Wants | None, int], Dataset]:
    def read(given: Given, name: str, wants: Wants | None, seed: int) -> Dataset:
        form = pictures.form_for(given[0][0].shape[1:], wants)
        parts = {
            split: (held(FromItems(x, form.fit), form.height * form.width * form.channels), y)
            for split, (x, y) in _parts(given).items()
        }
        raw = Raw(parts, name, f"keras:{name}", classes, "see its home page", (pictures.scale_note(wants),))
        return dataset_of(raw, "vision", wants, seed, lambda _: Fitted(pictures.steps_for(form, wants)))

    return read


def _tokens(given: Given, name: str, wants: Wants | None, seed: int) -> Dataset:
    want = wants.inputs[0] if wants is not None else None
    length = (want.shape[0] if want is not None and want.shape else None) or _LENGTH
    rows = want.vocabulary if want is not None and want.vocabulary else _TOKENS
    parts = {split: (padded(x, length, rows), y) for split, (x, y) in _parts(given).items()}
    note = f"Keras' own token numbers: the last {length} of a text, padded in front; unknown from {rows} on."
    raw = Raw(parts, name, f"keras:{name}", None, "see its home page", (note,))
    return dataset_of(raw, "text", wants, seed, lambda train: fit_arrays(train, wants))


def padded(rows: Any, length: int, vocabulary: int) -> np.ndarray:
    """Lists of token numbers as (N, length) int32: the end is kept, zeros stand in front."""
    table = np.zeros((len(rows), length), np.int32)
    for row, numbers in zip(table, rows, strict=True):
        kept = np.asarray(numbers[-length:], np.int64)
        if len(kept):
            row[-len(kept) :] = np.where(kept < vocabulary, kept, _UNKNOWN_TOKEN)
    return table


def _values(given: Given, name: str, wants: Wants | None, seed: int) -> Dataset:
    parts = {split: (np.asarray(x, np.float32), y) for split, (x, y) in _parts(given).items()}
    raw = Raw(parts, name, f"keras:{name}", None, "see its home page")

    def fit(train: Split) -> Fitted:
        ready = wants is not None and wants.scales
        return Fitted(() if ready else (standardizing(np.asarray(train.x)),))

    return dataset_of(raw, "tabular", wants, seed, fit)


SETS: Mapping[str, Callable[[Given, str, Wants | None, int], Dataset]] = {
    "boston_housing": _values,
    "california_housing": _values,
    "cifar10": _pictures(_CIFAR10),
    "cifar100": _pictures(None),
    "fashion_mnist": _pictures(_FASHION),
    "imdb": _tokens,
    "mnist": _pictures(_DIGITS),
    "reuters": _tokens,
}
