"""`edgeprune doctor`: can this machine build?"""

from pathlib import Path
from typing import Annotated

import typer

from edgeprune.cli.busy import busy
from edgeprune.cli.output import say, say_document


def doctor(
    out: Annotated[Path, typer.Option(help="Where builds will go.")] = Path(),
    quick: Annotated[bool, typer.Option("--quick", help="Do not try to import TensorFlow.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON list.")] = False,
) -> None:
    """Check this machine. Exit code 1 if a build could not run."""
    from edgeprune import jsonable
    from edgeprune.doctor import Health, can_build, examine
    from edgeprune.errors import VerificationError

    with busy("Checking this machine", enabled=not as_json):
        checks = examine(out, quick=quick)
    if as_json:
        say_document(jsonable.dumps(checks, indent=1))
    else:
        marks = {
            Health.FINE: "ok", Health.MISSING: "optional", Health.DOUBTFUL: "check", Health.BROKEN: "BROKEN",
        }
        for check in checks:
            say(f"{marks[check.state]:>9}  {check.name}: {check.found}")
            if check.fix:
                say(f"{'':>9}  fix: {check.fix}")
    if not can_build(checks):
        broken = ", ".join(check.name for check in checks if check.state is Health.BROKEN)
        raise VerificationError(f"A build cannot run here: {broken}.", way_out="Apply the fixes above.")
