"""What a page is about: a bundle, its report, and the run records that belong to it."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from edgeprune import jsonable
from edgeprune.bundle import Bundle, read_bundle
from edgeprune.bundle.read import MODEL
from edgeprune.errors import InputError
from edgeprune.report.figures import main_metric, quality_change
from edgeprune.report.read import read_report
from edgeprune.report.schema import Report, StageReport
from edgeprune.report.table import error_of, main_figures
from edgeprune.report.verdict import LimitVerdict
from edgeprune.run_record import RunRecord


@dataclasses.dataclass(frozen=True)
class Subject:
    """One bundle, named after its folder (its path where two are alike), with runs of its model file."""

    name: str
    bundle: Bundle
    report: Report
    records: tuple[RunRecord, ...] = ()
    limits: tuple[LimitVerdict, ...] = ()
    before: tuple[RunRecord, ...] = ()  # runs of the original model, for times of single layers

    @property
    def metric(self) -> str | None:
        """The metric that plots are about."""
        return next(iter(main_figures(self.report)), None) or main_metric(self.bundle.manifest.metrics)

    def value(self, stage: StageReport) -> float | None:
        """That metric of a stage."""
        return None if self.metric is None else stage.metrics.get(self.metric)

    @property
    def change(self) -> str:
        """What the metric gained or lost; empty where that is not known."""
        before, after = self.value(self.report.stages.baseline), self.value(self.report.stages.deployed)
        if self.metric is None or before is None or after is None:
            return ""
        return quality_change(self.metric, before, after, error_of(self.report, self.metric))


def open_subjects(
    bundles: Sequence[Path | str], records: Sequence[Path | str] = (),
    limits: Sequence[Sequence[LimitVerdict]] = (), before: Sequence[Path | str] = (),
) -> list[Subject]:
    """Read bundles, and give each the records (files of ``edgeprune bench --json``) of its model.

    `before` are such files with runs of the original.
    """
    originals = tuple(run for path in before for run in read_records(Path(path)))
    for run in originals:
        if not run.profile:
            raise InputError(
                f"The run of {run.model.name} on {run.device} does not say what each operator takes.",
                "--before compares times of layers.",
                "Measure again: edgeprune bench ORIGINAL.tflite --profile --json.",
            )
    opened = [read_bundle(Path(folder)) for folder in bundles]
    runs = [(Path(path), run) for path in records for run in read_records(Path(path))]
    hashes = {bundle.manifest.files[MODEL].sha256 for bundle in opened}
    for path, run in runs:
        if run.model.sha256 not in hashes:
            found = f"{path} has a run on {run.device} of another model."
            expected = "Runs of the bundle's model.tflite were expected."
            raise InputError(found, expected, "Measure again: edgeprune bench BUNDLE --json.")
    return [
        Subject(name, bundle, read_report(bundle), tuple(
            run for _, run in runs if run.model.sha256 == bundle.manifest.files[MODEL].sha256
        ), tuple(asked), originals)
        for name, bundle, asked in zip(
            _names(opened), opened, limits or [()] * len(opened), strict=True
        )
    ]


def read_records(path: Path) -> list[RunRecord]:
    """The runs in a file: one record or a list of them."""
    if not path.is_file():
        raise InputError(f"There is no {path}.", "A file from `edgeprune bench --json` was expected.")
    document = jsonable.parse_file(path)
    entries = document if isinstance(document, list) else [document]
    records = [jsonable.decode(RunRecord, entry, f"{path}[{index}]") for index, entry in enumerate(entries)]
    for index, record in enumerate(records):
        problem = next(record.problems(), None)
        if problem is not None:
            raise InputError(f"{path}[{index}] cannot be right: {problem}.", "", "Measure again.")
    return records


def _names(bundles: Sequence[Bundle]) -> list[str]:
    short = [bundle.path.resolve().name for bundle in bundles]
    return [
        name if short.count(name) == 1 else str(bundle.path)
        for name, bundle in zip(short, bundles, strict=True)
    ]
