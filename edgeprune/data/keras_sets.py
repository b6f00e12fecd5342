"""Keras' own data sets, ``keras:NAME``, from its cache; Keras downloads what is missing.

Pictures, token numbers (cut and padded in front, as Keras does), and rows of numbers with a value:

    keras:cifar10 cifar100 mnist fashion_mnist     pictures
    keras:imdb reuters                             token numbers
    keras:boston_housing california_housing        rows of numbers and a value
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from edgeprune.data import pictures
from edgeprune.data.arrays import array_preprocessing
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.dataset_builder import DataRequest, Preprocessing, build_dataset
from edgeprune.data.streamed import FromItems, held
from edgeprune.data.tabular import standardizing_step
from edgeprune.errors import InputError

_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)
_DIGITS = tuple("0123456789")
_UNKNOWN_TOKEN = 2  # Keras' oov_char
_TOKENS, _LENGTH = 10_000, 200
_LICENCE = "see its home page"
Parts = Mapping[str, tuple[np.ndarray, np.ndarray]]  # samples and labels of ``train`` and ``test``


def read_keras(request: DataRequest) -> Dataset:
    """Loads a data set and brings it to the model's input."""
    name = request.source.removeprefix("keras:")
    if name not in SETS:
        near = difflib.get_close_matches(name, SETS, 1)
        raise InputError(
            f"Keras has no data set {name!r}.", f"Expected one of {', '.join(SETS)}.",
            f"Did you mean keras:{near[0]}?" if near else "Choose one of them.",
        )
    return SETS[name](load(name), name, request)


def load(name: str) -> Parts:
    """Training and test halves, as Keras gives them."""
    module = importlib.import_module(f"keras.datasets.{name}")
    try:
        train, test = module.load_data()
    except Exception as error:  # urllib, checksums and archives raise their own
        raise InputError(
            f"keras:{name} is not in Keras' cache (~/.keras/datasets), and its download failed ({error}).",
            "A network connection or the file in the cache is needed.",
            "Copy ~/.keras/datasets from a machine that has it, or set KERAS_HOME to such a folder.",
        ) from error
    return {"train": train, "test": test}


def _pictures(given: Parts, name: str, request: DataRequest, classes: Sequence[str] | None = None) -> Dataset:
    signature = request.signature
    form = pictures.form_for(given["train"][0].shape[1:], request)
    parts = {split: (held(FromItems(x, form.bring), form.size), y) for split, (x, y) in given.items()}
    steps = Preprocessing(pictures.steps_for(form, signature))
    return build_dataset(
        request, "vision", parts, lambda _: steps, name=name, source=request.source, classes=classes,
        licence=_LICENCE, notes=(pictures.scale_note(signature),),
    )


def _tokens(given: Parts, name: str, request: DataRequest) -> Dataset:
    expected = request.first_input
    length = (expected.shape[0] if expected is not None and expected.shape else None) or _LENGTH
    rows = expected.vocabulary if expected is not None and expected.vocabulary else _TOKENS
    parts = {split: (padded(x, length, rows), y) for split, (x, y) in given.items()}
    note = f"Keras' own token numbers: the last {length} of a text, padded in front; unknown from {rows} on."
    return build_dataset(
        request, "text", parts, lambda train: array_preprocessing(train, request), name=name,
        source=request.source, licence=_LICENCE, notes=(note,),
    )


def padded(rows: Sequence[Sequence[int]] | np.ndarray, length: int, vocabulary: int) -> np.ndarray:
    """Lists of token numbers as (N, length) int32: the end is kept, zeros stand in front."""
    table = np.zeros((len(rows), length), np.int32)
    for row, numbers in zip(table, rows, strict=True):
        kept = np.asarray(numbers[-length:], np.int64)
        if len(kept):
            row[-len(kept) :] = np.where(kept < vocabulary, kept, _UNKNOWN_TOKEN)
    return table


def _values(given: Parts, name: str, request: DataRequest) -> Dataset:
    parts = {split: (np.asarray(x, np.float32), y) for split, (x, y) in given.items()}

    def steps(train: Split) -> Preprocessing:
        return Preprocessing(() if request.model_scales else (standardizing_step(np.asarray(train.x)),))

    return build_dataset(request, "tabular", parts, steps, name=name, source=request.source, licence=_LICENCE)


SETS: Mapping[str, Callable[[Parts, str, DataRequest], Dataset]] = {
    "boston_housing": _values, "california_housing": _values,
    "cifar10": partial(_pictures, classes=_CIFAR10), "cifar100": _pictures,
    "fashion_mnist": partial(_pictures, classes=_FASHION), "imdb": _tokens,
    "mnist": partial(_pictures, classes=_DIGITS), "reuters": _tokens,
}
