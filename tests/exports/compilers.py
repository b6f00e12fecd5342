"""The compilers that `install_compilers.sh` brings; a test that needs an absent one is skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.exports.bundles import run
from tests.tools import lacking, need_package, need_programs

_PLACE = Path(os.environ.get("EDGEPRUNE_COMPILERS", "/var/tmp/edgeprune-compilers"))  # noqa: S108
_KOTLIN = _PLACE / "node_modules" / "kotlin-compiler"
DECLARATIONS = Path(__file__).parent / "declarations"
HINT = "tests/exports/install_compilers.sh installs it"


def need(*programs: str) -> None:
    """Skip the test unless all are there."""
    need_programs(*programs, hint=HINT)


def compile_kotlin(sources: Sequence[Path], output: Path) -> list[Path]:
    """A class path with `sources` compiled, warnings being errors, against the tests' declarations."""
    need("java", "javac")
    if not _KOTLIN.is_dir():
        lacking("kotlinc", HINT)
    declared = output / "declared"
    run("javac", "-d", declared, *DECLARATIONS.rglob("*.java"))
    program = output / "program.jar"
    run(_KOTLIN / "bin" / "kotlinc", "-Werror",
        "-cp", declared, *sources, "-d", program)
    return [declared, program, _KOTLIN / "lib" / "kotlin-stdlib.jar"]


def run_java(class_path: Sequence[Path], main: str, *words: object, cwd: Path | None = None) -> str:
    """Standard output of a main class."""
    return run("java", "-cp", os.pathsep.join(map(str, class_path)), main, *words, cwd=cwd)


def _swift(folder: Path) -> list[object]:
    """What stands before a call of Swift's compiler and its programs, to run them in `folder`."""
    if shutil.which("swiftc"):
        return []
    if not (_PLACE / "trixie").is_dir():
        lacking("swiftc", HINT)
    need("unshare", "chroot")
    # Mounts end with the process; the compiler finds its parts through /proc.
    mounts = 'mount -t proc proc "$0/proc" && mount --bind "$1" "$0/mnt" && cd / && r=$0 && shift'
    script = f'{mounts} && exec chroot "$r" "$@"'
    inside = ("env", "-u", "TMPDIR", "-C", "/mnt")
    return ["unshare", "--mount", "sh", "-c", script, _PLACE / "trixie", folder, *inside]


def run_swift(folder: Path, *words: object) -> str:
    """Standard output of a program, or of the compiler, in `folder`; paths are relative to it."""
    return run(*_swift(folder), *words, cwd=folder)


def compile_swift(folder: Path, module: str, *words: object) -> None:
    """A library `module` of sources in `folder`, a warning being an error."""
    flags = ("-swift-version", "5", "-warnings-as-errors", "-O", "-parse-as-library", "-I", ".", "-L", ".")
    run_swift(folder, "swiftc", *flags, "-module-name", module, "-emit-module", "-emit-library",
              "-Xlinker", "-rpath", "-Xlinker", "$ORIGIN", "-o", f"lib{module}.so", *words)


def syntax_errors(grammar: str, source: bytes) -> list[str]:
    """What tree-sitter's `grammar` cannot parse; empty for a source that is well formed."""
    parser_module = need_package("tree_sitter", HINT)
    language = need_package(f"tree_sitter_{grammar}", HINT)
    parser = parser_module.Parser(parser_module.Language(language.language()))
    found, nodes = [], [parser.parse(source).root_node]
    while nodes:
        node = nodes.pop()
        if node.is_error or node.is_missing:
            found.append(f"line {node.start_point[0] + 1}: {node.text[:60]!r}")
        nodes += node.children
    return found
