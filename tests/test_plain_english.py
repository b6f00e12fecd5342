"""Half sentences that only their writer understands are in no document, message or help text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents import ROOT, documents

FORBIDDEN = (
    "it is said", "is had again", "is had", "so many", "of everything random", "that is none", "is none that",
    "which one it was is said", "whichever", "is at hand", "no .{1,20} that edgeprune knows", "said so",
    "as far as .{1,40} allow, and",
)
PATTERN = re.compile(r"\b(" + "|".join(FORBIDDEN) + r")\b", re.IGNORECASE)
CODE = ("edgeprune", "device_runners", "models")


def sentences(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Texts of a module that a user may see: its strings, without docstrings."""
    described = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value) for node in ast.walk(tree)
        if isinstance(node, described) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            constants = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
            yield node.lineno, "".join(map(str, constants))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def test_messages_and_help():
    found = [
        f"{path.relative_to(ROOT)}:{line}: {match[0]}"
        for folder in CODE for path in sorted((ROOT / folder).rglob("*.py"))
        for line, text in sentences(ast.parse(path.read_text(encoding="utf-8")))
        if (match := PATTERN.search(text))
    ]
    assert found == []


@pytest.mark.parametrize("document", documents(), ids=str)
def test_documents(document: Path):
    lines = " ".join((ROOT / document).read_text(encoding="utf-8").split())
    assert [match[0] for match in PATTERN.finditer(lines)] == []


def test_the_pattern_finds_what_it_should():
    assert PATTERN.search("Without one, the outputs decide, and it is said which.")
    assert not PATTERN.search("Some so-called manyfold sentences say it.")
