"""What the labels of each output are, decided once: when data and model meet.

For an output (N, …, C) of a model, by its shape, its activation and its compiled loss:

    labels                             kind          kept as
    class names, numbers (N, …)        classes       int64, without a last axis of 1; -1 for 255 of masks and
                                                     for what the loss ignores
    one-hot (N, …, C)                  classes       int64 class numbers; as they are for a loss of its own
    0 or 1 (N, …) for (N, …, 1)        binary        int64, without the last axis
    0 or 1 (N, C) for sigmoid units    multi_label   float32
    numbers of the output's shape      values, image float32; pictures (N, H, W) get a last axis of 1
    maps (N, H, W, C) with one peak    keypoints     float32
    vectors, for a cosine loss         directions    float32
    numbers (N, L) beside (N, T, C)    sequence      int64, -1 after the last
    0 or 1 (N,) for a reconstruction   anomaly       int64
    whatever else a loss reads         original      as they are; the original model's outputs judge
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import DTypeLike

from edgeprune.data.heat_maps import are_heat_maps
from edgeprune.data.model_signature import OutputSignature
from edgeprune.metrics import anomaly
from edgeprune.types import TargetKind

_IGNORED = 255  # of masks in pictures, Pascal VOC's "void"
_USUALLY_IGNORED = (-1, -100, _IGNORED)  # by losses of one's own; -100 is PyTorch's
_VOID_NOTE = "{} labelled {} are left out of training and of every metric."
_PICTURE_AXES = 4  # samples, rows, columns, channels
_MOST_COLUMNS = 32  # that have figures of their own
_MASKS = ("mean_iou", "dice", "pixel_accuracy", "iou_per_class")
_METRICS: dict[TargetKind, tuple[str, ...]] = {
    "classes": ("accuracy", "balanced_accuracy", "f1_macro"),
    "binary": ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc"),
    "multi_label": ("label_f1", "label_map", "exact_match", "accuracy"),
    "values": ("r2", "mean_absolute_error", "root_mean_squared_error"),
    "image": ("r2", "psnr", "ssim", "mean_absolute_error"),
    "directions": ("cosine_similarity", "r2"),
    "embedding": ("recall_at_1", "recall_at_5"),
    "keypoints": ("oks", "pck", "pck_per_point"),
    "boxes": ("map_50", "map_50_95", "ap_50_per_class"),
    "original": ("r2", "mean_absolute_error"),
    "sequence": ("word_error_rate",),
    "anomaly": anomaly.NAMES,
}


@dataclasses.dataclass(frozen=True, eq=False)
class OutputTargets:
    """Labels of one output in all parts that have some, and what they are."""

    parts: Mapping[str, np.ndarray]
    kind: TargetKind
    note: str = ""


def read_numbers(
    arrays: Mapping[str, np.ndarray], output: OutputSignature | None, reconstructs: bool = False
) -> OutputTargets:
    """What plain numbers (N, …) are for an output; without a model, by themselves.

    Args:
        reconstructs: whether the output looks like the model's input.
    """
    if output is None:
        return _without_model(arrays)
    if (mask := _black_and_white(arrays, output)) is not None:
        return mask
    if output.signed:
        arrays = _unsigned(arrays)
    shape = next(iter(arrays.values())).shape[1:]
    zero_one = _all_zero_or_one(arrays)
    if reconstructs and zero_one and shape in ((), (1,)) and output.shape != (1,):
        return OutputTargets(_cast(_bare(arrays), np.int64), "anomaly")
    if shape and _fits(shape, output.shape):
        return _same_shape(arrays, output, zero_one=zero_one)
    bare = _bare(arrays) if shape[-1:] == (1,) and len(shape) == len(output.shape) else arrays
    if _fits(next(iter(bare.values())).shape[1:], output.shape[:-1]):
        return _one_a_position(arrays, bare, output, zero_one=zero_one)
    return _of_another_shape(arrays, output)


def _black_and_white(arrays: Mapping[str, np.ndarray], output: OutputSignature) -> OutputTargets | None:
    """Masks (N, rows, columns) for one score a pixel that hold 255: the foreground, or void beside 1."""
    bare = _bare(arrays)
    shape = next(iter(bare.values())).shape[1:]
    scores = output.head == "sigmoid" or output.loss == "binary"
    if not scores or output.loss == "any" or len(shape) < 2 or not _fits((*shape, 1), output.shape):
        return None
    values = {float(value) for y in bare.values() for value in np.unique(y)}
    if _IGNORED not in values or not values <= {0.0, 1.0, float(_IGNORED)}:
        return None
    if 1.0 in values:
        # uint8 holds no -1, and NumPy would make 255 of it again.
        numbers = {name: np.where(y == _IGNORED, -1, y.astype(np.int64)) for name, y in bare.items()}
        return OutputTargets(numbers, "binary", _VOID_NOTE.format("Pixels", _IGNORED))
    numbers = {name: (y == _IGNORED).astype(np.int64) for name, y in bare.items()}
    return OutputTargets(numbers, "binary", "Masks hold 0 and 255: 255 is the foreground.")


def _unsigned(arrays: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """-1 and 1 as 0 and 1, which a hinge loss takes too."""
    if any(bool(~np.isin(y, (-1, 1)).all()) for y in arrays.values()):
        return arrays
    return {name: (y > 0).astype(y.dtype) for name, y in arrays.items()}


def _of_another_shape(arrays: Mapping[str, np.ndarray], output: OutputSignature) -> OutputTargets:
    """Labels that stand beside no position of the output: words, tags, or what a loss of its own reads."""
    shape = next(iter(arrays.values())).shape[1:]
    sequence = len(shape) == 1 and len(output.shape) == 2 and _all_integers(arrays)
    if output.loss == "any":
        return OutputTargets(
            _cast(arrays, np.int64) if sequence else arrays, "sequence" if sequence else "original"
        )
    whole = sequence or (_all_integers(arrays) and _says_classes(output))
    return OutputTargets(_cast(arrays, np.int64 if whole else np.float32), "classes" if whole else "values")


def _without_model(arrays: Mapping[str, np.ndarray]) -> OutputTargets:
    given = list(arrays.values())
    if all(y.ndim == 2 and y.shape[1] > 1 and _one_hot(y) for y in given):
        return _class_numbers(arrays)
    integers = all(y.dtype.kind in "biu" for y in given)
    return OutputTargets(
        _cast(arrays, np.int64 if integers else np.float32), "classes" if integers else "values"
    )


def _same_shape(
    arrays: Mapping[str, np.ndarray], output: OutputSignature, *, zero_one: bool
) -> OutputTargets:
    """Labels (N, …, C) of an output (N, …, C)."""
    given = list(arrays.values())
    width, own = given[0].shape[-1], output.loss == "any"
    if output.loss == "direction" and output.head == "values" and width > 1:
        return OutputTargets(_cast(arrays, np.float32), "directions")
    one_hot = width > 1 and zero_one and all(map(_one_hot, given)) and output.head != "sigmoid"
    if one_hot and output.loss in (None, "numbers", "one_hot"):
        return _class_numbers(arrays)
    if one_hot or (output.head == "softmax" and width > 1):
        return OutputTargets(arrays if own else _cast(arrays, np.float32), "classes")
    if zero_one and (output.head == "sigmoid" or output.loss == "binary"):
        if width == 1:
            return OutputTargets(arrays if own else _cast(_bare(arrays), np.int64), "binary")
        return OutputTargets(arrays if own else _cast(arrays, np.float32), "multi_label")
    kind: TargetKind = "image" if given[0].ndim == _PICTURE_AXES else "values"
    if kind == "image" and all(map(are_heat_maps, given)):
        kind = "keypoints"
    return OutputTargets(arrays if own else _cast(arrays, np.float32), kind)


def _one_a_position(
    arrays: Mapping[str, np.ndarray], bare: Mapping[str, np.ndarray], output: OutputSignature, *,
    zero_one: bool,
) -> OutputTargets:
    """Labels (N, …) of an output (N, …, C); `arrays` may have a last axis of 1."""
    classes, own = output.shape[-1] or 0, output.loss == "any"
    if classes == 1:
        return _one_score_a_position(arrays, bare, output, zero_one=zero_one)
    if not _all_integers(arrays):
        return OutputTargets(_cast(arrays, np.float32), "original" if own else "values")
    if own:
        return _numbers_of_own(arrays, bare, classes)
    numbers, note = _cast(bare, np.int64), ""
    axes = next(iter(numbers.values())).ndim
    void = output.ignored
    if void is None and axes > 2 and 0 < classes <= _IGNORED:
        void = _IGNORED
    if axes > 1 and void not in (None, -1) and any(bool((y == void).any()) for y in numbers.values()):
        numbers = {name: np.where(y == void, -1, y) for name, y in numbers.items()}
        note = _VOID_NOTE.format("Pixels" if axes > 2 else "Positions", void)
    return OutputTargets(numbers, "classes", note)


def _one_score_a_position(
    arrays: Mapping[str, np.ndarray], bare: Mapping[str, np.ndarray], output: OutputSignature, *,
    zero_one: bool,
) -> OutputTargets:
    """Labels (N, …) of an output (N, …, 1); `arrays` may have a last axis of 1."""
    own = output.loss == "any"
    if output.head == "sigmoid" or output.loss == "binary":
        if zero_one or (not own and all(y.dtype.kind in "biu" for y in arrays.values())):
            return OutputTargets(arrays if own else _cast(bare, np.int64), "binary")
        if own and _ignored(bare, 2) is not None:
            return OutputTargets(arrays, "binary", _own_void_note(bare, 2))
    if next(iter(bare.values())).ndim == _PICTURE_AXES - 1:
        pictures = {name: y[..., None].astype(np.float32) for name, y in bare.items()}
        return OutputTargets(arrays if own else pictures, "image")
    return OutputTargets(arrays if own else _cast(bare, np.float32), "values")


def _numbers_of_own(
    arrays: Mapping[str, np.ndarray], bare: Mapping[str, np.ndarray], classes: int
) -> OutputTargets:
    """Whole numbers (N, …) for a loss of its author's own, which alone knows numbers that no class has."""
    if not classes or all(y.min() >= 0 and y.max() < classes for y in arrays.values() if y.size):
        return OutputTargets(arrays, "classes")
    if _ignored(bare, classes) is not None:
        return OutputTargets(arrays, "classes", _own_void_note(bare, classes))
    return OutputTargets(arrays, "original")


def _ignored(arrays: Mapping[str, np.ndarray], classes: int) -> int | None:
    """The one number beside class numbers (N, T, …) that a loss of its own must leave out."""
    if next(iter(arrays.values())).ndim < 2:
        return None
    values = np.unique(np.concatenate([np.unique(y) for y in arrays.values()]))
    outside = values[(values < 0) | (values >= classes)]
    usual = len(outside) == 1 and len(values) > 1 and outside[0] in _USUALLY_IGNORED
    return int(outside[0]) if usual else None


def _own_void_note(arrays: Mapping[str, np.ndarray], classes: int) -> str:
    return f"Labels {_ignored(arrays, classes)} are left out of every metric; the loss gets them as they are."


def _class_numbers(arrays: Mapping[str, np.ndarray]) -> OutputTargets:
    numbers = {name: np.asarray(np.argmax(y, axis=-1), np.int64) for name, y in arrays.items()}
    return OutputTargets(numbers, "classes", "One-hot labels became class numbers.")


def metrics_for(kind: TargetKind, y: np.ndarray | None, classes: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the metrics that users of such targets look at, the primary one first."""
    if kind == "classes" and y is not None and y.ndim == 2 and classes and any(
        name.startswith("B-") for name in classes
    ):
        return ("entity_f1", "accuracy")
    if kind in ("classes", "binary") and y is not None and y.ndim > 2:
        return _MASKS
    if kind == "values" and y is not None and y.ndim > 1 and 1 < y.shape[-1] <= _MOST_COLUMNS:
        return (*_METRICS[kind], "r2_per_column", "mean_absolute_error_per_column")
    return _METRICS[kind]


def _says_classes(output: OutputSignature) -> bool:
    return output.head != "values" or (output.shape[-1] if output.shape else 0) != 1


def _fits(shape: Sequence[int], expected: Sequence[int | None]) -> bool:
    return len(shape) == len(expected) and all(
        size in (None, found) for found, size in zip(shape, expected, strict=True)
    )


def _bare(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Without a last axis of 1."""
    return {name: y[..., 0] if y.ndim > 1 and y.shape[-1] == 1 else y for name, y in arrays.items()}


def _cast(arrays: Mapping[str, np.ndarray], dtype: DTypeLike) -> dict[str, np.ndarray]:
    return {name: y.astype(dtype) for name, y in arrays.items()}


def _all_integers(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether all are whole numbers, also where they are stored as 3.0."""
    return all(y.dtype.kind in "biu" or bool((y == np.rint(y)).all()) for y in arrays.values())


def _all_zero_or_one(arrays: Mapping[str, np.ndarray]) -> bool:
    return all(bool(np.isin(y, (0, 1)).all()) for y in arrays.values())


def _one_hot(y: np.ndarray) -> bool:
    return bool(np.isin(y, (0, 1)).all() and (y.sum(axis=-1) == 1).all())
