"""`edgeprune doctor`: is this machine fit to build?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def doctor(
    out: Annotated[Path, typer.Option(help="Where builds will go.")] = Path(),
    quick: Annotated[bool, typer.Option("--quick", help="Do not try to import TensorFlow.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON list.")] = False,
) -> None:
    """Check Python, packages, tools, disk and memory; exit code 1 if a build could not run."""
    from edgeprune import jsonable
    from edgeprune.doctor import State, examine, fit_to_build
    from edgeprune.errors import VerificationError

    findings = examine(out, quick=quick)
    if as_json:
        typer.echo(jsonable.dumps(findings, indent=1))
    else:
        marks = {State.FINE: "ok", State.MISSING: "optional", State.DOUBTFUL: "check", State.BROKEN: "BROKEN"}
        for finding in findings:
            typer.echo(f"{marks[finding.state]:>9}  {finding.name}: {finding.found}")
            if finding.fix:
                typer.echo(f"{'':>9}  fix: {finding.fix}")
    if not fit_to_build(findings):
        broken = ", ".join(finding.name for finding in findings if finding.state is State.BROKEN)
        raise VerificationError(f"A build cannot run here: {broken}.", way_out="Apply the fixes above.")
