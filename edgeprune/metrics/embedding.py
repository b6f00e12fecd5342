"""Metrics over embeddings: whether samples of a class lie close together, or vectors point where they should.

recall@k is the share of samples of which one of the k nearest others, by cosine, is of the same class.
Samples that are alone in their class are left out. Labels are (N,) class numbers, outputs (N, D).
"""

from __future__ import annotations

import numpy as np

from edgeprune.errors import InputError
from edgeprune.metrics.evaluation import Evaluation, scalar_metric

_ROWS = 512


def recall_at(k: int, evaluation: Evaluation) -> float:
    """Share of samples that find one of their class among the `k` nearest; 0 where no class has two."""
    vectors = evaluation.outputs.reshape(len(evaluation.outputs), -1).astype(np.float64)
    classes = evaluation.y_true.reshape(-1)
    if len(classes) != len(vectors):
        raise InputError(
            f"There are {len(classes)} classes for {len(vectors)} embeddings.",
            "One class for each is expected.", "Pass (N,) class numbers.",
        )
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    _, numbers, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    asks = (sizes[numbers.reshape(-1)] > 1) & (classes >= 0)
    hits = 0
    for rows in np.array_split(np.flatnonzero(asks), max(1, -(-int(asks.sum()) // _ROWS))):
        near = vectors[rows] @ vectors.T
        near[np.arange(len(rows)), rows] = -np.inf
        nearest = np.argsort(-near, axis=1, kind="stable")[:, : min(k, len(vectors) - 1)]
        hits += int((classes[nearest] == classes[rows][:, None]).any(axis=1).sum())
    return hits / int(asks.sum()) if asks.any() else 0.0


def cosine_similarity(evaluation: Evaluation) -> float:
    """Mean cosine of the angle between what is and what should be, over the last axis; 0 for a zero."""
    truth, found = (
        one.reshape(-1, one.shape[-1]).astype(np.float64) for one in (evaluation.y_true, evaluation.outputs)
    )
    lengths = np.linalg.norm(truth, axis=1) * np.linalg.norm(found, axis=1)
    products = (truth * found).sum(axis=1)
    return float(np.divide(products, lengths, out=np.zeros_like(products), where=lengths != 0).mean())


METRICS = (
    scalar_metric(
        "cosine_similarity", "Mean cosine between vectors and what they should be.", cosine_similarity,
        negative=True,
    ),
    scalar_metric(
        "recall_at_1", "Share of samples whose nearest other is of the same class.", lambda e: recall_at(1, e)
    ),
    scalar_metric(
        "recall_at_5", "Share of samples with one of the same class among the 5 nearest others.",
        lambda e: recall_at(5, e),
    ),
)
