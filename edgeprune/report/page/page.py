"""The page as a whole."""

import importlib.resources
from collections.abc import Iterable, Sequence
from pathlib import Path

from edgeprune.errors import InputError
from edgeprune.report.page import inside, outcome
from edgeprune.report.page.comparison import comparison
from edgeprune.report.page.html import Html, join, tag
from edgeprune.report.page.operators import time_by_layer
from edgeprune.report.page.predictions import predictions
from edgeprune.report.page.subject import Subject, open_subjects
from edgeprune.report.verdict import LimitVerdict
from edgeprune.version import VERSION

CSS = "\n" + importlib.resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
MAX_BYTES = 1_000_000
_MAX_DETAILED = 6  # bundles of a comparison that get all of their sections
# Nothing is loaded and nothing runs, whatever a bundle has smuggled in; pictures are written in the page.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def write_report(
    bundles: Sequence[Path | str], out: Path | str = "edgeprune-report.html",
    records: Sequence[Path | str] = (), limits: Sequence[Sequence[LimitVerdict]] = (),
    before: Sequence[Path | str] = (),
) -> Path:
    """Write the page on one bundle, or the comparison of several.

    Args:
        bundles: output folders of builds.
        out: file to write; its folder is made.
        records: files with the output of ``edgeprune bench --json``, for latency on devices.
        limits: what was asked of each bundle, and whether it holds.
        before: such files with profiles of the original model.

    Raises:
        InputError: a bundle or record that cannot be read, or a record of another model; nothing is
            written then.
    """
    return write_page(Path(out), report_page(open_subjects(bundles, records, limits, before)))


def write_page(path: Path, content: str) -> Path:
    """Write one HTML document; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def report_page(subjects: Sequence[Subject]) -> str:
    """One self-contained HTML document, of at most `MAX_BYTES`, on a bundle or to compare several."""
    if not subjects:
        raise InputError("There is no bundle to report on.", "At least one was expected.")
    page = _single(subjects[0]) if len(subjects) == 1 else _several(subjects)
    size = len(page.encode())
    if size > MAX_BYTES:
        raise InputError(
            f"The page would have {size:,} bytes.", f"{MAX_BYTES:,} are the most.",
            "Report on fewer bundles or records at a time.",
        )
    return page


def _single(subject: Subject) -> str:
    name, data = subject.report.model or subject.name, subject.report.data.name
    lead = f"Built by edgeprune in the folder {subject.name}" + (f", with the data {data}" if data else "")
    first = join((outcome.first_sentence(subject), outcome.warnings(subject), outcome.notes(subject)))
    return document(f"{name}: edgeprune report", name, lead, _sections(subject, "b0"), first)


def _several(subjects: Sequence[Subject]) -> str:
    names = ", ".join(subject.name for subject in subjects)
    sections: list[tuple[str, str, Html | None]] = [("compared", "Comparison", comparison(subjects))]
    if len(subjects) <= _MAX_DETAILED:
        folded = [
            tag("details", tag("summary", subject.name), outcome.first_sentence(subject),
                outcome.warnings(subject), outcome.notes(subject), *(
                tag("section", tag("h3", title), content)
                for _, title, content in _sections(subject, f"b{index}", pictures=False)
                if content is not None
            ), class_="bundle")
            for index, subject in enumerate(subjects)
        ]
        sections.append(("bundles", "Each bundle", join(folded)))
    title = f"{len(subjects)} bundles compared"
    return document(f"{title}: edgeprune report", title, names, sections, Html(""))


def _sections(subject: Subject, prefix: str, *, pictures: bool = True) -> list[tuple[str, str, Html | None]]:
    """(anchor, heading, content) of one bundle."""
    return [
        ("outcome", "What came out", outcome.outcome(subject)),
        ("predictions", "Predictions", predictions(subject, prefix, pictures=pictures)),
        ("trade", "Quality against size and latency", outcome.trade(subject, prefix)),
        ("budget", "Budget", inside.budget(subject)),
        ("layers", "Layers", inside.layers(subject, prefix)),
        ("quantization", "Quantization", inside.quantization(subject, prefix)),
        ("latency", "Latency", inside.latency(subject, prefix)),
        ("operators", "Where the time goes", time_by_layer(subject, prefix)),
        ("training", "Fine-tuning", inside.training(subject, prefix)),
        ("data", "How the data was read", outcome.reading(subject)),
        ("asked", "Settings", outcome.request(subject)),
        ("reproduce", "Reproduce it", outcome.reproduce(subject)),
    ]


def document(
    title: str, heading: str, lead: str, sections: Iterable[tuple[str, str, Html | None]], notes: Html
) -> str:
    """A page of sections: (anchor, heading, content), those without content left out."""
    present = [(key, name, content) for key, name, content in sections if content is not None]
    links = [tag("li", tag("a", name, href=f"#{key}")) for key, name, _ in present]
    head = tag(
        "head", tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="color-scheme", content="light dark"), tag("title", title), tag("style", Html(CSS)),
    )
    body = tag(
        "body", tag("a", "Skip to the figures", href="#main", class_="skip"),
        tag("header", tag("h1", heading), tag("p", lead, class_="lead"),
            tag("nav", tag("ul", join(links)), aria_label="Sections")),
        tag("main", notes, *(
            tag("section", tag("h2", name, id=f"{key}-h"), content, id=key, aria_labelledby=f"{key}-h")
            for key, name, content in present
        ), id="main"),
        tag("footer", f"edgeprune {VERSION}. What was not measured is absent."),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"
