"""From a bundle to folders that an app's build takes in; one generator per kind, in `KINDS`.

Nothing is written until every folder is known to be replaceable and every file has been made.
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from edgeprune.bundle import read_bundle
from edgeprune.errors import InputError
from edgeprune.exports import android, ci, cmake, ios, names, python_module
from edgeprune.exports.folder import check_folder, write_folder
from edgeprune.exports.plan import ModelPlan, plan
from edgeprune.exports.words import left_to_caller


@dataclasses.dataclass(frozen=True)
class ExportKind:
    """What makes the files (content by relative path), and the preprocessing steps it has code for."""

    files: Callable[[ModelPlan], dict[str, bytes]]
    supported: frozenset[type] = frozenset()
    naming: names.Naming = names.snake


KINDS: Mapping[str, ExportKind] = {
    "android": ExportKind(android.android_files, frozenset(android.CALLS), names.camel),
    "cmake": ExportKind(cmake.cmake_files, frozenset(cmake.CALLS)),
    "ios": ExportKind(ios.ios_files, frozenset(ios.CALLS), names.camel),
    "python": ExportKind(python_module.python_files),
    "ci": ExportKind(ci.ci_files),
}


@dataclasses.dataclass(frozen=True)
class ExportResult:
    """What one export wrote; the notes tell the preprocessing that the app still has to do."""

    kind: str
    folder: str
    files: tuple[str, ...]
    notes: tuple[str, ...]


def export(
    bundle: Path, folders: Mapping[str, Path], *, name: str | None = None, package: str | None = None,
    install_from: str | None = None, force: bool = False,
) -> list[ExportResult]:
    """Export a bundle.

    Args:
        bundle: a build's output folder.
        folders: where to, by kind (`KINDS`).
        name: of the generated module; after the bundle's task by default.
        package: of the Kotlin class; ``edgeprune.NAME`` by default.
        install_from: Git URL or wheel that CI installs edgeprune from; where this one came from by default.
        force: replace exports that were edited since.

    Raises:
        InputError: a bundle that does not verify or cannot be exported, bad names, no or unfit folders.
    """
    if not folders:
        options = ", ".join(f"--{kind}" for kind in KINDS)
        raise InputError("No export was asked for.", f"At least one of {options} was expected.")
    places = [Path(folder).resolve() for folder in folders.values()]
    for index, place in enumerate(places):
        if any(place == other or place in other.parents for other in [*places[:index], *places[index + 1 :]]):
            found = f"{place} is given twice, or holds another export."
            raise InputError(found, "Each kind needs its own folder.")
    read = read_bundle(Path(bundle))
    module = names.module_name(name, read.manifest.task)
    java = names.package_name(package, module)
    made = []
    for kind, folder in folders.items():
        row = KINDS[kind]
        one = plan(read, module, java, row.supported, row.naming)
        one = dataclasses.replace(one, install_from=install_from)
        check_folder(folder, kind, force=force)
        made.append((kind, folder, one, row.files(one)))
    return [
        ExportResult(kind, str(write_folder(folder, kind, files, force=force)), tuple(sorted(files)),
                     _notes(kind, one))
        for kind, folder, one, files in made
    ]


def _notes(kind: str, one: ModelPlan) -> tuple[str, ...]:
    if not KINDS[kind].supported:
        return ()
    return tuple(filter(None, (left_to_caller(each, f"input {i}") for i, each in enumerate(one.inputs))))
