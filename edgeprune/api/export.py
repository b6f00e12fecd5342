"""`edgeprune.export`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgeprune import exports
from edgeprune.bundle import Bundle
from edgeprune.exports import ExportResult
from edgeprune.keywords import checked


@checked()
def export(
    bundle: Path | str | Bundle, folders: Mapping[str, Path | str] | None = None, *,
    android: Path | str | None = None, cmake: Path | str | None = None, ios: Path | str | None = None,
    python: Path | str | None = None, ci: Path | str | None = None, name: str | None = None,
    package: str | None = None, install_from: str | None = None, force: bool = False,
) -> list[ExportResult]:
    """Writes files that an app's build takes in; several kinds at once, each into a folder of its own.

    >>> exported = edgeprune.export("build/mine", cmake="app/model", name="digits")
    >>> [one.kind for one in exported]
    ['cmake']

    Args:
        bundle: a bundle, or the output folder of a build.
        folders: where to, by the names of the five keywords that follow.
        android: folder for a Gradle library: assets, Kotlin class, tasks.
        cmake: folder for a C++17 package for find_package, the model inside.
        ios: folder for a local pod: Swift class and resources.
        python: folder for a Python project that becomes a wheel.
        ci: folder for GitHub, GitLab, fastlane and pre-commit templates.
        name: name of the generated module and class. Default: from the task.
        package: Kotlin package. Default: ``edgeprune.NAME``.
        install_from: Git URL or wheel that CI installs edgeprune from. Default: where this one came from.
        force: replace exports that were edited; never a folder that is not an export.

    Raises:
        InputError: a bundle that cannot be exported, a bad name, or folders that cannot be used.
    """
    named = {"android": android, "cmake": cmake, "ios": ios, "python": python, "ci": ci}
    asked = {**(folders or {}), **{kind: folder for kind, folder in named.items() if folder is not None}}
    return exports.export(
        Path(bundle), {kind: Path(folder) for kind, folder in asked.items()}, name=name, package=package,
        install_from=install_from, force=force,
    )
