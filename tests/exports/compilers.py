"""The compilers that `install_compilers.sh` brings; a test that needs an absent one is skipped."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tests.exports.bundles import run
from tests.tools import lacking, need_package, need_programs

_PLACE = Path(os.environ.get("EDGEPRUNE_COMPILERS", "/var/tmp/edgeprune-compilers"))  # noqa: S108
_KOTLIN = _PLACE / "node_modules" / "kotlin-compiler"
_DECLARATIONS = Path(__file__).parent / "declarations"
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
    run("javac", "-d", declared, *_DECLARATIONS.rglob("*.java"))
    program = output / "program.jar"
    run(_KOTLIN / "bin" / "kotlinc", "-Werror",
        "-cp", declared, *sources, "-d", program)
    return [declared, program, _KOTLIN / "lib" / "kotlin-stdlib.jar"]


def run_java(class_path: Sequence[Path], main: str, *words: object) -> str:
    """Standard output of a main class."""
    return run("java", "-cp", os.pathsep.join(map(str, class_path)), main, *words)


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
