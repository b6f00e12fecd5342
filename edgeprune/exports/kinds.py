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


@dataclasses.dataclass(frozen=True)
class ExportKind:
    """What makes the files by path, whether preprocessing is generated, and which names are taken."""

    files: Callable[[ModelPlan], dict[str, bytes]]
    naming: names.Naming = names.snake
    generated: bool = True
    taken: frozenset[str] = frozenset()


KINDS: Mapping[str, ExportKind] = {
    "android": ExportKind(android.android_files, names.camel),
    "cmake": ExportKind(cmake.cmake_files, taken=cmake.TARGETS),
    "ios": ExportKind(ios.ios_files, names.camel),
    "python": ExportKind(python_module.python_files, generated=False, taken=python_module.PACKAGES),
    "ci": ExportKind(ci.ci_files, generated=False),
}


@dataclasses.dataclass(frozen=True)
class ExportResult:
    """What one export wrote."""

    kind: str
    folder: str
    files: tuple[str, ...]


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
        names.refuse(module, row.taken, kind)
        one = plan(read, module, java, row.naming, generated=row.generated)
        one = dataclasses.replace(one, install_from=install_from)
        check_folder(folder, kind, force=force)
        made.append((kind, folder, row.files(one)))
    return [
        ExportResult(kind, str(write_folder(folder, kind, files, force=force)), tuple(sorted(files)))
        for kind, folder, files in made
    ]

