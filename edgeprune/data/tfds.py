"""TensorFlow Datasets: ``tfds:NAME``, ``tfds:NAME/CONFIG:VERSION``, or ``tfds:FOLDER`` of a prepared one.

What is prepared in the data folder (TFDS_DATA_DIR, or ~/tensorflow_datasets) is used as it is; what is not
is downloaded by the package itself, once. The sample and its label are the pair that the data set calls
supervised: a picture, a recording, a text or an array, and a class or a value.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.data import pictures, speech_data
from edgeprune.data.arrays import array_preprocessing
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.dataset_builder import DataRequest, Preprocessing, build_dataset
from edgeprune.data.disk_buffer import DiskBuffer
from edgeprune.data.splits import ALIASES
from edgeprune.data.streamed import Array
from edgeprune.data.text import text_preprocessing
from edgeprune.errors import InputError, not_installed
from edgeprune.preprocessing import apply
from edgeprune.types import StreamInfo

_BATCH = 256


def read_tfds(request: DataRequest) -> Dataset:
    """Reads all splits called train, validation or test."""
    source = request.source
    if importlib.util.find_spec("tensorflow_datasets") is None:
        needed = f"{source} is read by the package tensorflow-datasets"
        raise not_installed(needed, "pip install tensorflow-datasets importlib_resources")
    return _TfdsReader(_builder(source.removeprefix("tfds:")), request).dataset()


def _builder(name: str) -> Any:
    tfds = importlib.import_module("tensorflow_datasets")
    tfds.disable_progress_bar()
    try:
        builder = tfds.builder_from_directory(name) if Path(name).is_dir() else tfds.builder(name)
    except Exception as error:  # unknown names, broken folders and missing versions, each with its own error
        raise InputError(
            f"TensorFlow Datasets does not open {name!r} ({_first_line(error)}).",
            "The name of a data set or the folder of a prepared one is expected.",
            "See https://www.tensorflow.org/datasets/catalog",
        ) from error
    try:
        builder.download_and_prepare()  # nothing is done where it is prepared
    except Exception as error:  # network, disk, checksums: each downloader raises its own
        raise InputError(
            f"tfds:{name} is not in {builder.data_dir}, and its download failed ({_first_line(error)}).",
            "A prepared data set or a network connection is needed.",
            "Prepare it on a machine with a network (tfds build) and set TFDS_DATA_DIR to the copy.",
        ) from error
    return builder


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]


class _TfdsReader:
    """A prepared data set, whose samples are brought to one form as they come."""

    def __init__(self, builder: Any, request: DataRequest) -> None:
        info = builder.info
        keys = info.supervised_keys
        if not keys or not isinstance(keys[0], str) or "train" not in info.splits:
            raise InputError(
                f"{request.source} has the splits {', '.join(info.splits)} and the supervised pair {keys}.",
                "A split train, and one sample with its label, are expected.",
                "Write a Python function that gives them: --data package.module:function",
            )
        self._builder, self._request = builder, request
        self._kind = type(info.features[keys[0]]).__name__
        self._rate = int(getattr(info.features[keys[0]], "sample_rate", 0) or 16000)
        self._classes = getattr(info.features[keys[1]], "names", None)
        self._form: pictures.PictureForm | None = None

    def dataset(self) -> Dataset:
        info, request = self._builder.info, self._request
        # The training split first: its first picture decides an open size.
        names = sorted((name for name in info.splits if name in ALIASES), key=lambda name: name != "train")
        parts = {ALIASES[name]: self._read(name) for name in names}
        licence = str(info.redistribution_info.license or "") or "see its home page"
        task = {"Image": "vision", "Text": "text", "Audio": "speech"}.get(self._kind, request.likely_task)
        data = build_dataset(
            request, task, parts, self._preprocessing, name=info.name, source=f"tfds:{info.full_name}",
            classes=self._classes or None, licence=licence,
        )
        if self._kind != "Audio":
            return data
        samples = speech_data.clip_samples(request.signature, self._rate)
        return dataclasses.replace(data, stream=StreamInfo(self._rate, samples, self._rate // 4))

    def _preprocessing(self, train: Split) -> Preprocessing:
        signature = self._request.signature
        if self._form is not None:
            note = pictures.scale_note(signature)
            return Preprocessing(pictures.steps_for(self._form, signature), notes=(note,))
        if self._kind == "Text":
            return text_preprocessing(train.x, self._request.first_input)
        if self._kind == "Audio" and not isinstance(train.x, tuple):
            return Preprocessing(speech_data.steps_for(train.x, self._rate, train.x.shape[1], signature))
        return array_preprocessing(train, self._request)

    def _read(self, split: str) -> tuple[Array, np.ndarray]:
        """Samples and labels of a split, in the order of its files: the same every time."""
        tensorflow_datasets = importlib.import_module("tensorflow_datasets")
        x, y = DiskBuffer(self._request.source), DiskBuffer(self._request.source)
        stored = self._builder.as_dataset(split=split, as_supervised=True, shuffle_files=False)
        pairs = iter(tensorflow_datasets.as_numpy(stored))
        while batch := list(itertools.islice(pairs, _BATCH)):
            x.add(_stacked([self._sample(sample) for sample, _ in batch]))
            y.add(_stacked([label for _, label in batch]))
        return x.samples(), np.asarray(y.samples())

    def _sample(self, sample: np.ndarray | bytes) -> np.ndarray | bytes:
        if self._kind == "Image" and not isinstance(sample, bytes):
            self._form = self._form or pictures.form_for(sample.shape, self._request)
            return self._form.bring(sample)
        if self._kind == "Audio":
            clip = np.clip(np.asarray(sample), -32768, 32767).astype(np.int16)
            samples = speech_data.clip_samples(self._request.signature, self._rate)
            return np.asarray(apply([{"op": "pad_or_crop", "samples": samples}], clip[None])[0])
        return sample


def _stacked(values: Sequence[np.ndarray | bytes]) -> np.ndarray:
    """One array; texts, which come as bytes, stay as long as they are."""
    if not isinstance(values[0], bytes):
        return np.stack(values)
    texts = np.empty(len(values), object)
    texts[:] = values
    return texts
