"""Measured results, one JSON file a model and data set: written by the program, never by hand.

The file is what builds reported (``stages``, ``removed``), and on what:
``{"schema_version": 2, "model", "architecture", "licence", "recipe": {...}, "fine_tuning": {...},
"data": {"name", "source", "licence", "synthetic"}, "seeds": [...], "stages": {...}, "removed": {...}}``;
figures are means over the seeds.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from edgeprune_models.entry import TrainingRecipe, ZooModel

Report: TypeAlias = Mapping[str, Any]  # a build's `report.json`, or a file of results
FOLDER = Path(__file__).parent / "results"
_KEPT = ("neurons", "params", "macs", "tflite_bytes", "metrics", "latency_ms", "peak_memory_bytes")


def read(name: str) -> tuple[Report, ...]:
    """The results of the zoo's model `name`, one a data set; none where it was not measured."""
    return tuple(json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob(f"{name}--*.json")))


def write(
    entry: ZooModel, reports: Mapping[int, Report], recipe: TrainingRecipe, *, folder: Path = FOLDER
) -> Path:
    """Write the means of the reports of several seeds, by seed; a figure that one lacks is left out."""
    first = next(iter(reports.values()))
    data = {name: first["data"][name] for name in ("name", "source", "licence", "synthetic")}
    content = {
        "schema_version": 2, "model": entry.name, "architecture": entry.summary, "licence": entry.licence,
        "recipe": dataclasses.asdict(recipe), "fine_tuning": dict(entry.fine_tuning),
        "data": data, "seeds": sorted(reports), "stages": means(reports.values()),
        "removed": mean([report["removed"] for report in reports.values()]),
    }
    folder.mkdir(exist_ok=True)
    path = folder / f"{entry.name}--{data['name'].replace('/', '-')}.json"
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


def means(reports: Iterable[Report]) -> Report:
    """The mean figures of each stage; warnings about unsteady timings are left out."""
    stages = [report["stages"].items() for report in reports]
    kept = [{stage: {key: one[key] for key in one if key in _KEPT} for stage, one in each} for each in stages]
    found: Report = mean(kept)
    return found


def mean(trees: Sequence[Any]) -> Any:
    """The mean of every number of equal mappings; keys that not all of them have are left out."""
    if isinstance(trees[0], Mapping):
        shared = [key for key in trees[0] if all(key in tree for tree in trees)]
        return {key: mean([tree[key] for tree in trees]) for key in shared}
    return round(sum(trees) / len(trees), 5)
