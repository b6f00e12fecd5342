"""The optional parts of a report."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeprune.report.plots import packed

CLASSES = 5


def confusion(wrong: int) -> list[list[int]]:
    """Row t: eight samples, `wrong` of them answered as the next class."""
    return [
        [8 - wrong if p == t else wrong if p == (t + 1) % CLASSES else 0 for p in range(CLASSES)]
        for t in range(CLASSES)
    ]


def output() -> dict[str, Any]:
    """An output with all plots: a sample with a mask and one with boxes, confusion, errors."""
    random = np.random.default_rng(0)
    pixels = packed(random.integers(0, 256, (6, 8, 3)))
    mask = {"mask": packed(random.integers(0, 3, (6, 8)))}
    box = {"label": 1, "ymin": 0.1, "xmin": 0.2, "ymax": 0.6, "xmax": 0.9, "score": 0.5}
    sample = {"sample": 3, "height": 6, "width": 8, "pixels": pixels}
    return {
        "name": "kind", "kind": "classes", "confusion": {"baseline": confusion(1), "deployed": confusion(2)},
        "errors": {"edges": [-1.0, 0.0, 1.0], "baseline": [3, 4], "deployed": [2, 5], "unit": "points"},
        "examples": [
            {**sample, "true": mask, "baseline": mask, "deployed": mask},
            {**sample, "true": {"boxes": [box]}, "baseline": {"boxes": []}, "deployed": {"boxes": [box]}},
        ],
    }


def enrich(report: dict[str, Any]) -> None:
    names = ("conv", "conv_1")
    report["quantization"]["layer_errors"] = [
        {"layer": name, "operator": "CONV_2D", "tensor": name, "relative_error": error, "added_error": 0.01}
        for name, error in zip(names, (0.02, 0.05), strict=True)
    ]
    report["quantization"]["steps"] = [
        {"name": "int8", "route": "tensorflow", "runnable_bytes": 4000, "latency_us": 20.0,
         "drop_points": 1.25, "agreement_fraction": 0.9, "detail": "", "chosen": False},
        {"name": "bias correction", "route": "tensorflow", "runnable_bytes": 4100, "latency_us": 21.0,
         "drop_points": 0.25, "agreement_fraction": 0.97, "detail": "conv", "chosen": True},
        {"name": "quantization-aware training", "detail": "No training data was given.", "chosen": False},
    ]
    report["confusion"] = {"baseline": confusion(1), "deployed": confusion(2)}
    refusal = {"layer": "output", "channels": 5, "because_of": "output", "reason": "it is the output"}
    report["refusals"] = [refusal]
    report["notes"] = ["A note."]
    report["warnings"] = [
        {"text": "The original model does no better than a constant answer.", "about": "quality"},
        {"text": "The latencies are in doubt.", "about": "latency"}, {"text": "It was not asked for."},
    ]
    report["outputs"] = [output()]
    report.setdefault("data", {})["decisions"] = [
        {"subject": "samples", "choice": "70 train, 10 validation, 20 test.", "why": "20 were drawn."},
        {"subject": "warning", "choice": "The original model does no better than a constant answer."},
    ]
