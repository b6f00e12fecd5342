"""Predictions by class, before and after: from report.json, or from what a device gave."""

import base64
import binascii
from collections.abc import Sequence

import numpy as np

from edgeprune.bundle.read import EVAL
from edgeprune.metrics.classification import confusion_counts
from edgeprune.metrics.evaluation import Evaluation
from edgeprune.report.page.heatmap import MAX_CLASSES, heatmap
from edgeprune.report.page.html import Html, table, tag
from edgeprune.report.page.subject import Subject
from edgeprune.report.page.svg import figure
from edgeprune.report.plots import ConfusionReport
from edgeprune.run_record import RunRecord

Counts = tuple[tuple[int, ...], ...]
_MOST = 20


def confusion_section(subject: Subject, prefix: str) -> Html | None:
    """Of the only output, from the report or from what a device predicted; None where nothing is known."""
    found = _pairs(subject.report.confusion) or _from_records(subject)
    return confusion_part(prefix, found, _labels(subject, _most(found))) if found else None


def confusion_of_output(prefix: str, counts: ConfusionReport, classes: Sequence[str]) -> Html | None:
    """Of one of several outputs, or of the pixels of masks."""
    found = _pairs(counts)
    most = _most(found)
    labels = [*classes[:most], *map(str, range(len(classes), most))]
    return confusion_part(prefix, found, labels) if found else None


def _most(found: Sequence[tuple[str, str, Counts]]) -> int:
    return max((len(counts) for _, _, counts in found), default=0)


def confusion_part(
    prefix: str, found: Sequence[tuple[str, str, Counts]], labels: Sequence[str]
) -> Html:
    """Matrices for few classes, the commonest mistakes for many."""
    if _most(found) > MAX_CLASSES:
        return tag("div", *(_mistakes(title, counts, labels) for title, _, counts in found))
    figures = [
        figure(heatmap(f"{prefix}-{key}", title, counts, labels), _sentence(title, counts),
               _mistakes(title, counts, labels))
        for title, key, counts in found
    ]
    return tag("div", *figures, class_="plots")


def from_record(subject: Subject, record: RunRecord) -> Counts | None:
    """Counts of a device's predictions on the bundle's samples; None where they cannot be counted."""
    if EVAL not in subject.bundle.manifest.files or not record.predictions:
        return None
    truth, kept = subject.bundle.samples().y[: record.samples], record.predictions[0]
    try:
        raw = np.frombuffer(base64.b64decode(kept.data, validate=True), np.dtype(kept.dtype))
        outputs: np.ndarray = raw.reshape(kept.shape)
    except (ValueError, TypeError, binascii.Error):
        return None
    if truth.ndim != 1 or truth.dtype.kind not in "iu" or outputs.ndim != 2 or len(outputs) != len(truth):
        return None
    if outputs.dtype.kind not in "iuf" or outputs.shape[1] < 2 or truth.max(initial=0) >= outputs.shape[1]:
        return None
    return tuple(tuple(map(int, row)) for row in confusion_counts(Evaluation(truth, outputs)))


def _pairs(found: ConfusionReport | None) -> list[tuple[str, str, Counts]]:
    if found is None:
        return []
    pairs = (("Original", "cm-before", found.baseline), ("Deployed", "cm-after", found.deployed))
    return [
        (f"{name} on test data", key, counts) for name, key, counts in pairs
        if counts and all(len(row) == len(counts) for row in counts) and min(map(min, counts)) >= 0
    ]


def _from_records(subject: Subject) -> list[tuple[str, str, Counts]]:
    for record in subject.records:
        if counts := from_record(subject, record):
            return [(f"Deployed, {record.samples} samples on {record.device}", "cm-after", counts)]
    return []


def _labels(subject: Subject, classes: int) -> list[str]:
    names: list[str] = []
    if "labels.txt" in subject.bundle.manifest.files:
        names = subject.bundle.file("labels.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    return [*names[:classes], *map(str, range(len(names), classes))]


def _sentence(title: str, counts: Counts) -> str:
    right, every = sum(row[i] for i, row in enumerate(counts)), sum(map(sum, counts))
    return (
        f"{title}: {right:,} of {every:,} predictions are right. Rows are true classes, columns predictions."
    )


def _mistakes(title: str, counts: Counts, labels: Sequence[str]) -> Html:
    wrong = sorted(
        (-count, t, p) for t, row in enumerate(counts) for p, count in enumerate(row) if count and t != p
    )
    rows = [(labels[t], labels[p], f"{-negative:,}") for negative, t, p in wrong[:_MOST]]
    columns = ("true", "predicted as", "samples")
    return table(f"{title}: the commonest mistakes", columns, rows, numbers_from=2)
