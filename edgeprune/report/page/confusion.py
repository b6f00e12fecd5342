"""Answers by class, before and after: from report.json, or from what a device answered."""

import base64
import binascii

import numpy as np

from edgeprune.bundle.read import EVAL
from edgeprune.metrics.classification import confusion_counts
from edgeprune.metrics.evaluation import Evaluation
from edgeprune.report.page.heatmap import MAX_CLASSES, heatmap
from edgeprune.report.page.html import Html, table, tag
from edgeprune.report.page.subject import Subject
from edgeprune.report.page.svg import figure
from edgeprune.run_record import RunRecord

Counts = tuple[tuple[int, ...], ...]
_MOST = 20


def confusion_section(subject: Subject, prefix: str) -> Html | None:
    """Matrices for few classes, the commonest mistakes for many; None where nothing is known."""
    found = _from_report(subject) or _from_records(subject)
    if not found:
        return None
    classes = max(len(counts) for _, _, counts in found)
    labels = _labels(subject, classes)
    if classes > MAX_CLASSES:
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


def _from_report(subject: Subject) -> list[tuple[str, str, Counts]]:
    found = subject.report.confusion
    if found is None:
        return []
    pairs = (("Baseline", "cm-before", found.baseline), ("Deployed", "cm-after", found.deployed))
    return [
        (f"{name}, test split", key, counts) for name, key, counts in pairs
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
    return f"{title}: {right:,} of {every:,} right. Rows are true classes, columns answers."


def _mistakes(title: str, counts: Counts, labels: list[str]) -> Html:
    wrong = sorted(
        (-count, t, p) for t, row in enumerate(counts) for p, count in enumerate(row) if count and t != p
    )
    rows = [(labels[t], labels[p], f"{-negative:,}") for negative, t, p in wrong[:_MOST]]
    return table(f"{title}: the commonest mistakes", ("true", "answered as", "samples"), rows, numbers_from=2)
