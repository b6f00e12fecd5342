"""`edgeprune report`: one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_RECORDS = "Output of `edgeprune bench BUNDLE --json`, for latency on devices; repeatable."


def report(
    bundles: Annotated[list[Path], typer.Argument(help="A build's output folder; several are compared.")],
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("edgeprune-report.html"),
    records: Annotated[list[Path] | None, typer.Option("--records", help=_RECORDS)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write a page with all figures and plots of a bundle, or a comparison of several."""
    from edgeprune import jsonable
    from edgeprune.report.page import open_subjects, report_page

    subjects = open_subjects(bundles, records or ())
    content = report_page(subjects).encode()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(content)
    if as_json:
        names = [str(subject.bundle.path) for subject in subjects]
        typer.echo(jsonable.dumps({"report": str(out), "bytes": len(content), "bundles": names}, indent=1))
    else:
        typer.echo(f"{out} ({len(content) / 1000:.0f} kB)")
