"""`report.json` as values: the build writes it by these classes, and every reader reads it by them.

The keys of the file are the names of the fields. None means "not measured" and is left out of the file.
To change the format: raise `SCHEMA_VERSION`, teach `edgeprune.report.read` the step from the version
before, and keep a file of that version in ``tests/report/golden``.
"""

import dataclasses
from collections.abc import Mapping

from edgeprune import jsonable
from edgeprune.budget.explain import Explanation
from edgeprune.data.decisions import ReadingDecision
from edgeprune.graph.dependency_graph import Refusal
from edgeprune.html_table import html_table, stages_table
from edgeprune.pruning.equivalence import Equivalence
from edgeprune.pruning.result import GroupReport, Removed
from edgeprune.report.plots import ConfusionReport, OutputReport

SCHEMA_VERSION = 2
STAGES = ("baseline", "pruned", "deployed")
QUALITY, SPEED, FILE = "quality", "latency", "file"
"""What a warning can be about: figures of quality, latencies, what model.tflite takes and gives."""


@dataclasses.dataclass(frozen=True)
class LatencyReport:
    """Percentiles of one inference, in ms."""

    p50: float | None = None
    p90: float | None = None
    p99: float | None = None

    def at(self, percentile: int) -> float | None:
        """One of them: 50, 90 or 99."""
        return {50: self.p50, 90: self.p90, 99: self.p99}[percentile]


@dataclasses.dataclass(frozen=True)
class EvalReport:
    """What the samples inside the bundle gave when it was built, so that a check can measure it again."""

    samples: int
    metrics: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class StageReport:
    """One state of the model; `metrics` are of the test split, `unstable` says why to doubt the latency."""

    neurons: int
    params: int
    macs: int
    tflite_bytes: int
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)
    latency_ms: LatencyReport | None = None
    peak_memory_bytes: int | None = None
    on_eval: EvalReport | None = None
    unstable: tuple[str, ...] = ()

    @property
    def p50_ms(self) -> float | None:
        """Median latency."""
        return None if self.latency_ms is None else self.latency_ms.p50


@dataclasses.dataclass(frozen=True)
class StageReports:
    """The model before pruning, after it (float), and as deployed."""

    baseline: StageReport
    pruned: StageReport
    deployed: StageReport

    def by_name(self) -> dict[str, StageReport]:
        """The three, in order."""
        return dict(vars(self))


@dataclasses.dataclass(frozen=True)
class EpochReport:
    """One epoch of fine-tuning; the score is on validation data."""

    epoch: int
    loss: float | None = None
    score: float | None = None


@dataclasses.dataclass(frozen=True)
class LayerErrorReport:
    """What quantization did to one operator's output, see `edgeprune.conversion.layer_error`."""

    layer: str
    relative_error: float
    operator: str = ""
    tensor: str = ""
    added_error: float | None = None


@dataclasses.dataclass(frozen=True)
class AttemptReport:
    """A way to quantize that was tried, or refused, see `edgeprune.conversion.options`."""

    name: str
    route: str | None = None
    runnable_bytes: int | None = None
    latency_us: float | None = None
    drop_points: float | None = None
    worst_part: str = ""
    likely_points: float | None = None
    agreement_fraction: float | None = None
    mean_abs_difference: float | None = None
    detail: str = ""
    verdict: str = ""
    chosen: bool = False
    runner_up: int = 0


@dataclasses.dataclass(frozen=True)
class PartReport:
    """A part of the outputs that is judged by itself: the float model's score and the file's."""

    name: str
    reference: float
    deployed: float
    standard_error: float = 0.0


@dataclasses.dataclass(frozen=True)
class AgreementReport:
    """The file against its float model on validation data, see `edgeprune.conversion.parity`."""

    agreement_fraction: float
    max_abs_difference: float
    mean_abs_difference: float
    samples: int
    parts: tuple[PartReport, ...] = ()
    reference_metric: float | None = None
    deployed_metric: float | None = None


@dataclasses.dataclass(frozen=True)
class QuantizationReport:
    """How the deployed file was made; `agreement` and what follows compare it with the float model (test)."""

    mode: str = ""
    route: str = ""
    operators: Mapping[str, int] = dataclasses.field(default_factory=dict)
    runnable_bytes: int | None = None
    zip_bytes: int | None = None
    validation: AgreementReport | None = None
    steps: tuple[AttemptReport, ...] = ()
    layer_errors: tuple[LayerErrorReport, ...] = ()
    notes: tuple[str, ...] = ()
    io: str = ""
    agreement: float | None = None
    max_abs_difference: float | None = None
    metric_difference: float | None = None
    parts: tuple[PartReport, ...] = ()


@dataclasses.dataclass(frozen=True)
class LayerReport:
    """A Keras layer of the baseline, and what is left of it."""

    name: str
    kind: str = ""
    macs_before: int | None = None
    macs_after: int | None = None
    params_before: int | None = None
    params_after: int | None = None


@dataclasses.dataclass(frozen=True)
class DataReport:
    """What the model was trained and measured on; numbers of samples by split; how it was read."""

    name: str = ""
    source: str = ""
    licence: str = ""
    synthetic: bool = False
    train: int | None = None
    validation: int | None = None
    test: int | None = None
    decisions: tuple[ReadingDecision, ...] = ()


@dataclasses.dataclass(frozen=True)
class VocabularyReport:
    """Rows of a text model's embedding, one a token, before some left its vocabulary and after."""

    rows_before: int
    rows_after: int


@dataclasses.dataclass(frozen=True)
class RatioReport:
    """One ratio that the search for the largest tried: its score, what that lost, whether it is allowed."""

    ratio: float
    score: float
    drop: float
    holds: bool


@dataclasses.dataclass(frozen=True)
class WarningReport:
    """A reason to doubt a figure, or what was asked for and is not done; see `edgeprune.report.doubts`."""

    text: str
    about: str = ""  # QUALITY, SPEED, FILE, or what a later version adds; empty for the build as a whole


@dataclasses.dataclass(frozen=True, repr=False)
class Report:
    """The file; `cross_validation` holds the metric on each held-out part, `zero_weights` is a fraction.

    `change_errors` holds, by metric, the standard error of what deployed gained over baseline on test data.
    `notes` are good to know; `warnings` matter. None: written when notes held both.
    """

    schema_version: int
    recipe: Mapping[str, object]
    stages: StageReports
    removed: Removed
    groups: tuple[GroupReport, ...]
    equivalence: Equivalence
    timings_s: Mapping[str, float]
    model: str = ""
    data: DataReport = dataclasses.field(default_factory=DataReport)
    device: str = "local"
    layers: tuple[LayerReport, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    quantization: QuantizationReport = dataclasses.field(default_factory=QuantizationReport)
    training: tuple[EpochReport, ...] = ()
    notes: tuple[str, ...] = ()
    budget: Explanation | None = None
    search: tuple[RatioReport, ...] | None = None
    cross_validation: tuple[float, ...] | None = None
    zero_weights: float | None = None
    confusion: ConfusionReport | None = None
    change_errors: Mapping[str, float] | None = None
    vocabulary: VocabularyReport | None = None
    warnings: tuple[WarningReport, ...] | None = None
    outputs: tuple[OutputReport, ...] | None = None

    def __repr__(self) -> str:
        name = self.model or "a model"
        return f"<Report of {name}: {100 * self.removed.neurons:.1f} % of the neurons removed>"

    def _repr_html_(self) -> str:
        stages = {name: dataclasses.asdict(stage) for name, stage in self.stages.by_name().items()}
        notes = [(note,) for note in self.notes]
        return stages_table(repr(self)[1:-1], stages) + (html_table("Notes", (), notes) if notes else "")

    def to_json(self) -> bytes:
        """The file's content."""
        return (jsonable.dumps(_measured(self), indent=1) + "\n").encode()


def _measured(value: object) -> object:
    """A dataclass as a dictionary without the fields that are None where None is the default."""
    if isinstance(value, tuple):
        return [_measured(item) for item in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    return {
        field.name: _measured(item) for field in dataclasses.fields(value)
        if (item := getattr(value, field.name)) is not None or field.default is not None
    }
