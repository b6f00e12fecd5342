"""What report.json keeps of each output for the page's plots; all of it is of the test split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from edgeprune.data.dataset import Dataset
from edgeprune.data.streamed import in_memory
from edgeprune.metrics.classification import confusion_counts
from edgeprune.report.plots import (
    MOST_EXAMPLES,
    MOST_PIXELS,
    UNLABELLED,
    BoxReport,
    ConfusionReport,
    ErrorsReport,
    ExampleReport,
    LabelsReport,
    MarksReport,
    OutputReport,
    packed,
)
from edgeprune.tasks import OutputTask, evaluation_of, several

if TYPE_CHECKING:
    from edgeprune.pipeline.artifacts import Baseline, DeployedModel

LEAST_SCORE = 0.3
"""Of a box that is drawn."""
_MOST_BOXES = 20
_MOST_CLASSES = 30
_FEWEST_BINS, _MOST_BINS = 8, 30
_WITHIN = 0.99
"""Of the errors, that lie between the edges."""
_LEAST_SIDE = 8
"""Of a picture; what has less is a table."""
_STAGES = ("baseline", "deployed")
_AGREEMENT = "agreement"


def output_reports(baseline: Baseline, deployed: DeployedModel) -> tuple[OutputReport, ...]:
    """One for each output; what cannot be drawn is left out of it."""
    data = baseline.data
    labels = several(data.test.judged, len(data.tasks))
    given = {name: deployed.outputs[name] for name in _STAGES}
    return tuple(
        _report(data, number, labels[number], {name: outputs[number] for name, outputs in given.items()})
        for number in range(len(data.tasks))
    )


def _report(
    data: Dataset, number: int, y: np.ndarray | None, outputs: Mapping[str, np.ndarray]
) -> OutputReport:
    task = data.tasks[number]
    if y is None or not len(y):
        return OutputReport(task.name, task.kind)
    return OutputReport(
        task.name, task.kind, _confusion(data, task, y, outputs), _errors(task, y, outputs),
        _labels(task, y, outputs), _examples(data, task, y, outputs),
    )


def _labels(task: OutputTask, y: np.ndarray, outputs: Mapping[str, np.ndarray]) -> LabelsReport | None:
    if task.kind != "multi_label" or any(one.shape != y.shape for one in outputs.values()):
        return None
    truth = y.reshape(-1, y.shape[-1]) > 0.5
    counts = [truth.sum(axis=0)]
    for name in _STAGES:
        found = outputs[name].reshape(truth.shape) > task.threshold
        counts += [(found & truth).sum(axis=0), (found & ~truth).sum(axis=0)]
    return LabelsReport(*(tuple(map(int, one)) for one in counts))


def _confusion(
    data: Dataset, task: OutputTask, y: np.ndarray, outputs: Mapping[str, np.ndarray]
) -> ConfusionReport | None:
    """Of masks, and of class numbers where `Report.confusion` cannot say whose they are."""
    if task.kind not in ("classes", "binary"):
        return None
    found = [evaluation_of(task, y, outputs[name]) for name in _STAGES]
    masks = found[0].y_true.ndim > 2
    if found[0].classes() > _MOST_CLASSES or not (masks or len(data.tasks) > 1):
        return None
    counts = [tuple(tuple(map(int, row)) for row in confusion_counts(one)) for one in found]
    return ConfusionReport(*counts)


def _errors(task: OutputTask, y: np.ndarray, outputs: Mapping[str, np.ndarray]) -> ErrorsReport | None:
    if task.kind not in ("values", "image", "original") or task.metrics[:1] == (_AGREEMENT,):
        return None
    if y.dtype.kind not in "biuf" or any(one.size != y.size for one in outputs.values()):
        return None
    truth = y.reshape(len(y), -1).astype(np.float64)
    apart = task.kind == "values" and truth.shape[1] > 1
    scale = np.nanstd(truth, axis=0) if apart else np.ones(1)
    scale = np.where(scale > 0, scale, 1.0)
    found = [(outputs[name].reshape(truth.shape) - truth) / scale for name in _STAGES]
    found = [one[np.isfinite(one)] for one in found]
    if not all(map(len, found)):
        return None
    reach = float(np.quantile(np.abs(np.concatenate(found)), _WITHIN))
    if not 0 < reach < np.inf:
        return None
    # Few values in many bins are no picture; an even number has an edge at zero.
    bins = 2 * min(max(round(len(found[0]) ** 0.5 / 2), _FEWEST_BINS // 2), _MOST_BINS // 2)
    edges = np.linspace(-reach, reach, bins + 1)
    before, after = (tuple(map(int, np.histogram(one, edges)[0])) for one in found)
    return ErrorsReport(
        tuple(map(float, edges)), before, after, len(found[0]) - sum(before), len(found[1]) - sum(after),
        "standard deviations of the column" if apart else "", not found[0].any(),
    )


def _examples(
    data: Dataset, task: OutputTask, y: np.ndarray, outputs: Mapping[str, np.ndarray]
) -> tuple[ExampleReport, ...]:
    """Evenly spaced samples of the test split, not chosen by how well they come out."""
    if not _is_drawn(task, y, outputs[_STAGES[0]]):
        return ()
    count = min(MOST_EXAMPLES, len(y))
    rows = np.unique(np.linspace(0, len(y) - 1, count).astype(int))
    pictures = _pictures(data, rows)
    if pictures is None:
        return ()
    chosen: dict[str, np.ndarray] = {name: one[rows] for name, one in outputs.items()}
    made = []
    for place, row in enumerate(rows):
        thumb = smaller(pictures[place])
        marks = [
            _marks(task, y[row], {name: one[place] for name, one in chosen.items()}, name, thumb.shape[:2])
            for name in ("", *_STAGES)
        ]
        height, width = thumb.shape[:2]
        made.append(ExampleReport(int(row), height, width, packed(thumb), marks[0], marks[1], marks[2]))
    return tuple(made)


def _is_drawn(task: OutputTask, y: np.ndarray, output: np.ndarray) -> bool:
    if task.kind in ("classes", "binary"):
        shape = evaluation_of(task, y[:1], output[:1]).y_true.shape
        return len(shape) == 3 and min(shape[1:]) >= _LEAST_SIDE
    alike = y.ndim == 4 and y.shape == output.shape
    pixels = alike and y.shape[-1] in (1, 3) and min(y.shape[1:3]) >= _LEAST_SIDE
    return task.kind == "boxes" or (task.kind == "image" and pixels)


def _pictures(data: Dataset, rows: np.ndarray) -> np.ndarray | None:
    """(n, H, W, 3) uint8 of the first input that holds pictures."""
    x = data.test.take(rows).x
    for part in x if isinstance(x, tuple) else (x,):
        array = np.asarray(in_memory(part))
        if array.ndim == 3:
            array = array[..., None]
        fits = array.ndim == 4 and array.shape[-1] in (1, 3, 4) and min(array.shape[1:3]) >= _LEAST_SIDE
        if fits and array.dtype.kind in "buif":
            return coloured(array)
    return None


def coloured(array: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
    """(…, 1, 3 or 4) numbers as (…, 3) uint8; but for bytes they are stretched over the range of `like`."""
    array = array[..., :3] if array.shape[-1] >= 3 else array[..., :1]
    if array.dtype != np.uint8:
        like = array if like is None else like
        low, high = float(np.nanmin(like)), float(np.nanmax(like))
        scaled = (array.astype(np.float64) - low) * (255 / (high - low or 1.0))
        array = np.nan_to_num(scaled).round().clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:-1], 3)))


def smaller(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, …) of at most `MOST_PIXELS` on the longer side, by the nearest pixels."""
    factor = MOST_PIXELS / max(picture.shape[:2])
    height, width = (max(1, min(side, round(side * factor))) for side in picture.shape[:2])
    return resized(picture, (height, width))


def resized(picture: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """The nearest pixels of (H, W, …) for another size."""
    rows, columns = (
        np.minimum((np.arange(new) + 0.5) * old / new, old - 1).astype(int)
        for new, old in zip(size, picture.shape[:2], strict=True)
    )
    return np.asarray(picture[rows][:, columns])


def _marks(
    task: OutputTask, y: np.ndarray, given: Mapping[str, np.ndarray], stage: str, size: tuple[int, ...]
) -> MarksReport:
    """True ones where no `stage` is named."""
    output = given.get(stage, given[_STAGES[0]])
    if task.kind == "image":
        picture = coloured(np.asarray(output if stage else y), y)
        return MarksReport(pixels=packed(resized(picture, size)))
    found = evaluation_of(task, y[None], output[None])
    if task.kind == "boxes":
        return MarksReport(_found_boxes(found.outputs[0]) if stage else _true_boxes(y))
    classes = np.asarray(found.predicted()[0] if stage else found.y_true[0], np.int64)
    known = np.where((classes < 0) | (classes >= UNLABELLED), UNLABELLED, classes).astype(np.uint8)
    return MarksReport(mask=packed(resized(known, size)))


def _true_boxes(y: np.ndarray) -> tuple[BoxReport, ...]:
    return tuple(_box(row[0], row[1:5]) for row in y[y[:, 0] >= 0][:_MOST_BOXES])


def _found_boxes(detections: np.ndarray) -> tuple[BoxReport, ...]:
    shown = detections[(detections[:, 0] >= 0) & (detections[:, 1] >= LEAST_SCORE)][:_MOST_BOXES]
    return tuple(_box(row[0], row[2:6], float(row[1])) for row in shown)


def _box(label: float, sides: np.ndarray, score: float | None = None) -> BoxReport:
    ymin, xmin, ymax, xmax = map(float, sides)
    return BoxReport(int(label), ymin, xmin, ymax, xmax, score)

