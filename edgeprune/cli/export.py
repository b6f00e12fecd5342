"""`edgeprune export`: a bundle as files that an app's build takes in."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from edgeprune.cli.busy import busy
from edgeprune.cli.output import say, say_document

EXAMPLES = """Examples

edgeprune export build/edgeprune --android digits --package com.me.digits"""
_NAME = "Name of the generated module and class. Default: from the task."
_INSTALL = "Git URL or wheel from which CI installs edgeprune. Default: where this one came from."
_FORCE = "Replace exports that were edited. A folder that is not an export is never replaced."


def export(
    bundle: Annotated[Path, Argument(help="Output folder of a build.")],
    android: Annotated[Path | None, Option(help="Gradle library: assets, Kotlin class, tasks.")] = None,
    cmake: Annotated[Path | None, Option(help="C++17 package for find_package, model inside.")] = None,
    ios: Annotated[Path | None, Option(help="Swift package and pod: class, resources.")] = None,
    python: Annotated[Path | None, Option(help="Python project that becomes a wheel.")] = None,
    ci: Annotated[Path | None, Option(help="GitHub, GitLab, fastlane, pre-commit templates.")] = None,
    name: Annotated[str | None, Option(help=_NAME)] = None,
    package: Annotated[str | None, Option(help="Kotlin package. Default: edgeprune.NAME.")] = None,
    install_from: Annotated[str | None, Option(help=_INSTALL)] = None,
    force: Annotated[bool, Option("--force", help=_FORCE)] = False,
    as_json: Annotated[bool, Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Write files for an app's build into one folder for each kind: Android, iOS, C++, Python, CI."""
    from edgeprune import jsonable
    from edgeprune.api.export import export as export_bundle

    with busy("Writing the export", enabled=not as_json):
        exported = export_bundle(
            bundle, android=android, cmake=cmake, ios=ios, python=python, ci=ci, name=name, package=package,
            install_from=install_from, force=force,
        )
    if as_json:
        say_document(jsonable.dumps({"exported": exported}, indent=1))
        return
    for one in exported:
        say(f"{one.kind:>8}  {one.folder}  ({len(one.files)} files)")
    say("The README.md in each folder says how an app takes it in.")
