"""The optional parts of a report."""

from __future__ import annotations

from typing import Any

CLASSES = 5


def confusion(wrong: int) -> list[list[int]]:
    """Row t: eight samples, `wrong` of them answered as the next class."""
    return [
        [8 - wrong if p == t else wrong if p == (t + 1) % CLASSES else 0 for p in range(CLASSES)]
        for t in range(CLASSES)
    ]


def enrich(report: dict[str, Any]) -> None:
    names = ("conv", "conv_1")
    report["quantization"]["layer_errors"] = [
        {"layer": name, "operator": "CONV_2D", "tensor": name, "relative_error": error, "added_error": 0.01}
        for name, error in zip(names, (0.02, 0.05), strict=True)
    ]
    report["confusion"] = {"baseline": confusion(1), "deployed": confusion(2)}
    report["refusals"] = [{"layer": "output", "units": 5, "reason": "it is the output"}]
    report["notes"] = ["A note."]
