"""What a reader of a report must know before believing a figure, apart from what is merely good to know.

warning    a reason to doubt a figure, or what was asked for and is not done: shown beside the figure
note       how the build came about: folded on the page, and in the terminal for those who ask
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from edgeprune.data.decisions import ReadingDecision
from edgeprune.report.schema import QUALITY, SPEED, Report, StageReport, WarningReport


def warnings_of(report: Report) -> tuple[WarningReport, ...]:
    """All warnings. Reports of before did not tell them from notes, so there each note counts as one."""
    if report.warnings is not None:
        return report.warnings
    old = (*of_decisions(report.data.decisions), *of_timings(report.stages.by_name()))
    return (*old, *map(WarningReport, report.notes))


def notes_of(report: Report) -> Sequence[str]:
    """What is merely good to know."""
    return report.notes if report.warnings is not None else ()


def of_decisions(decisions: Iterable[ReadingDecision]) -> Iterator[WarningReport]:
    """Doubts about model or data, which are doubts about quality."""
    return (WarningReport(one.sentence, QUALITY) for one in decisions if one.subject == "warning")


def of_timings(stages: Mapping[str, StageReport]) -> Iterator[WarningReport]:
    """Doubts about latencies, all in one sentence."""
    reasons: dict[str, list[str]] = {}  # by their kind, the words before a colon: figures differ in each run
    words: dict[str, str] = {}
    for name, stage in stages.items():
        for reason in stage.unstable:
            kind = reason.partition(":")[0]
            reasons.setdefault(kind, []).append("original" if name == "baseline" else name)
            words.setdefault(kind, reason)
    told = "; ".join(f"{words[kind]} ({', '.join(names)})" for kind, names in reasons.items())
    if told:
        yield WarningReport(f"The latencies are in doubt: {told}. Measure again on a quiet device.", SPEED)
