"""Read a bundle's report.json: typed, checked field by field, from whoever wrote it.

Strict JSON: a key given twice and numbers that are not finite are refused, so that what one reader sees
is what every reader sees. Keys of newer versions are ignored.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

from edgeprune import jsonable
from edgeprune.budget.explain import Explanation
from edgeprune.errors import InputError
from edgeprune.report.stages import SCHEMA_VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from edgeprune.bundle import Bundle

REPORT = "report.json"
STAGES = ("baseline", "pruned", "deployed")
_MAX_BYTES = 64 << 20


@dataclasses.dataclass(frozen=True)
class OnEval:
    """What the samples inside the bundle gave when it was built."""

    samples: int
    metrics: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class StageFigures:
    """One of the three states of the model; a figure that was not measured is None or empty.

    Attributes:
        metrics: on the test split, fractions.
        latency_ms: by percentile: ``p50``, ``p90``, ``p99``.
        on_eval: on the samples that travel in the bundle.
    """

    neurons: int
    params: int
    macs: int
    tflite_bytes: int
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    latency_ms: Mapping[str, float] = dataclasses.field(default_factory=dict)
    peak_memory_bytes: Optional[int] = None  # noqa: UP045  (jsonable reads Optional alone)
    on_eval: Optional[OnEval] = None  # noqa: UP045
    unstable: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Stages:
    """The contract's three stages."""

    baseline: StageFigures
    pruned: StageFigures
    deployed: StageFigures


@dataclasses.dataclass(frozen=True)
class GroupWidth:
    """Units that go together, before and after."""

    name: str
    units_before: int
    units_after: int


@dataclasses.dataclass(frozen=True)
class Refused:
    """A layer that kept its neurons, and why."""

    layer: str
    reason: str
    channels: int = 0


@dataclasses.dataclass(frozen=True)
class Equivalent:
    """Stripped against masked."""

    max_abs_error: float
    tolerance: float
    samples: int


@dataclasses.dataclass(frozen=True)
class Trained:
    """One epoch of fine-tuning."""

    epoch: int
    loss: Optional[float] = None  # noqa: UP045
    score: Optional[float] = None  # noqa: UP045


@dataclasses.dataclass(frozen=True)
class LayerDamage:
    """One entry of ``quantization.layer_errors``; see `edgeprune.conversion.layer_error`."""

    layer: str
    relative_error: float
    operator: str = ""
    added_error: Optional[float] = None  # noqa: UP045


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One entry of ``quantization.steps``: a way to quantize that was tried, or refused."""

    name: str
    route: str = ""
    runnable_bytes: Optional[int] = None  # noqa: UP045
    latency_us: Optional[float] = None  # noqa: UP045
    drop_points: Optional[float] = None  # noqa: UP045
    likely_points: Optional[float] = None  # noqa: UP045
    detail: str = ""
    chosen: bool = False


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """One entry of ``layers``: a Keras layer of the baseline, and what is left of it."""

    name: str
    kind: str = ""
    macs_before: Optional[int] = None  # noqa: UP045
    macs_after: Optional[int] = None  # noqa: UP045
    params_before: Optional[int] = None  # noqa: UP045
    params_after: Optional[int] = None  # noqa: UP045


@dataclasses.dataclass(frozen=True)
class Quantization:
    """How the deployed file was made."""

    mode: str = ""
    route: str = ""
    io: str = ""
    operators: Mapping[str, int] = dataclasses.field(default_factory=dict)
    agreement: Optional[float] = None  # noqa: UP045
    max_abs_difference: Optional[float] = None  # noqa: UP045
    layer_errors: tuple[LayerDamage, ...] = ()
    steps: tuple[Attempt, ...] = ()


@dataclasses.dataclass(frozen=True)
class Source:
    """What the model was trained and measured on; numbers of samples by split."""

    name: str = ""
    source: str = ""
    licence: str = ""
    synthetic: bool = False
    train: Optional[int] = None  # noqa: UP045
    validation: Optional[int] = None  # noqa: UP045
    test: Optional[int] = None  # noqa: UP045


@dataclasses.dataclass(frozen=True)
class Confusion:
    """Counts (true class, predicted class) on the test split."""

    baseline: tuple[tuple[int, ...], ...]
    deployed: tuple[tuple[int, ...], ...]


@dataclasses.dataclass(frozen=True)
class Report:
    """report.json; the contract's keys are required, the others may be absent."""

    schema_version: int
    recipe: Mapping[str, Any]
    stages: Stages
    removed: Mapping[str, float]
    groups: tuple[GroupWidth, ...]
    equivalence: Equivalent
    timings_s: Mapping[str, float]
    model: str = ""
    data: Source = dataclasses.field(default_factory=Source)
    refusals: tuple[Refused, ...] = ()
    quantization: Quantization = dataclasses.field(default_factory=Quantization)
    layers: tuple[LayerCost, ...] = ()
    training: tuple[Trained, ...] = ()
    confusion: Optional[Confusion] = None  # noqa: UP045
    notes: tuple[str, ...] = ()
    device: str = "local"
    budget: Optional[Explanation] = None  # noqa: UP045


def read_report(bundle: Bundle) -> Report:
    """The bundle's report.

    Raises:
        InputError: there is none, or it is not one.
    """
    path = bundle.file(REPORT)
    report = jsonable.decode(Report, strict_json(path), str(path))
    assert isinstance(report, Report)  # noqa: S101  (tells the type checker what decode has checked)
    if report.schema_version != SCHEMA_VERSION:
        raise InputError(
            f"{path} has schema version {report.schema_version}.",
            f"This edgeprune reads version {SCHEMA_VERSION}.",
            "Use the edgeprune that wrote it, or build the bundle again.",
        )
    return report


def strict_json(path: Path) -> Any:
    """One JSON document, with no key twice and finite numbers only.

    Raises:
        InputError: anything else, or a file that is too large to be meant.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{path} is larger than {_MAX_BYTES} bytes.", "A report is a small JSON file.")
    try:
        return json.loads(
            path.read_bytes(), object_pairs_hook=_unique, parse_constant=_finite, parse_float=_finite,
            parse_int=_bounded,
        )
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not JSON ({error}).", "One JSON document was expected.", "Build the bundle again."
        ) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
        raise ValueError(f"the key {twice[:60]!r} is there twice")
    return found


def _bounded(text: str) -> int:
    if abs(value := int(text)) >= 1 << 63:
        raise ValueError(f"the number {text[:60]} is too large")
    return value


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"the number {text[:60]} is not finite")
    return value
