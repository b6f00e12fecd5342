"""What each output predicts on the test split: examples, confusion, how errors spread."""

from edgeprune.report.page.confusion import confusion_of_output, confusion_section
from edgeprune.report.page.errors import errors_figure
from edgeprune.report.page.examples import examples_part
from edgeprune.report.page.html import Html, join, tag
from edgeprune.report.page.labels import labels_figure
from edgeprune.report.page.subject import Subject
from edgeprune.report.plots import OutputReport


def predictions(subject: Subject, prefix: str, *, pictures: bool = True) -> Html | None:
    """Outputs one after the other, with their names where there are several; None where nothing is known."""
    outputs = subject.report.outputs or ()
    parts = [
        _output(subject, output, number, f"{prefix}-o{number}", pictures=pictures)
        for number, output in enumerate(outputs)
    ]
    drawn = [
        join((tag("h3", one.name) if len(outputs) > 1 else None, part))
        for one, part in zip(outputs, parts, strict=True) if part is not None
    ]
    if len(outputs) < 2 and (confusion := confusion_section(subject, prefix)) is not None:
        drawn.append(confusion)
    return join(drawn) if drawn else None


def _output(
    subject: Subject, output: OutputReport, number: int, prefix: str, *, pictures: bool
) -> Html | None:
    tasks = subject.bundle.manifest.tasks
    classes = tasks[number].classes if number < len(tasks) else ()
    name = output.name if len(tasks) > 1 else ""
    plots = [
        errors_figure(f"{prefix}-errors", output.errors, name) if output.errors else None,
        labels_figure(f"{prefix}-labels", output.labels, classes, name) if output.labels else None,
        confusion_of_output(prefix, output.confusion, classes) if output.confusion else None,
    ]
    shown = [
        examples_part(prefix, output.examples, classes) if pictures else None,
        tag("div", plots[0], plots[1], class_="plots") if plots[0] or plots[1] else None, plots[2],
    ]
    return join(shown) if any(shown) else None
