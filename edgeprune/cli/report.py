"""`edgeprune report`: one self-contained HTML page."""

from pathlib import Path
from typing import Annotated

import typer

from edgeprune.cli.output import say, say_document

EXAMPLES = """Examples

edgeprune report build/edgeprune

edgeprune report build/a build/b --out compared.html"""
_BUNDLES = "Output folders of builds (several are compared), or the folder of a search."
_RECIPE = "TOML file with a [limits] table, by which the page judges the bundles."
_BEFORE = "Output of `edgeprune bench ORIGINAL.tflite --profile --json`, to compare layers with. Repeatable."
_RECORDS = "Output of `edgeprune bench BUNDLE --json`, for latency on devices. Repeatable."


def report(
    bundles: Annotated[list[Path], typer.Argument(help=_BUNDLES)],
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("edgeprune-report.html"),
    records: Annotated[list[Path] | None, typer.Option("--records", help=_RECORDS)] = None,
    recipe: Annotated[Path | None, typer.Option("--recipe", help=_RECIPE)] = None,
    before: Annotated[list[Path] | None, typer.Option("--before", help=_BEFORE)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write one HTML page with all figures and plots, or a comparison of several builds."""
    from edgeprune import jsonable
    from edgeprune.api.report import write_report

    written = write_report(bundles, out, records or (), recipe, before or ())
    size = written.stat().st_size
    if as_json:
        names = [str(bundle) for bundle in bundles]
        say_document(jsonable.dumps({"report": str(written), "bytes": size, "bundles": names}, indent=1))
    else:
        say(f"{written} ({size / 1000:.0f} kB)")
