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
    "as far as .{1,40} allow, and", "is a defect of", "quieten", "unlike (kinds|parts|lengths|devices)",
    "answered rightly", "neither way", "less than no time", "kerases", "which one is said", "nothing faster",
    "goes on from there", "(this|and it) is said",
    "(?<!there )is no (finite|intact|model|object|json|picture|shape|split)",
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


VERBS = re.compile(
    r"\b(is|are|was|were|be|has|have|had|must|can|cannot|may|did|does|do|expected|expects|gets?|gave|gives?|goes?|"
    r"go|holds?|needs?|takes?|tells?|told|fits?|reads?|runs?|sends?|sent|shows?|stays?|stands?|unpacks|fills|"
    r"claims|fails?|failed|loads|lists?|leaves|lies|loses|rejects|refuses|resizes|matches|means?|measures|names|"
    r"prints?|printed|says?|sets?|trains?|uses?|allows|belongs|begins|called|came|comes?|compares|computes|counts|"
    r"crashed|changed|changes|declares|differs?|ends|decides|keeps|loads|makes|removes|took|quantize)\b",
    re.IGNORECASE,
)
TOLD_BY_VALUES = re.compile("…(: [^.]*)?…|…; connected|^Not ready:|^(Name|Write) ")
ERRORS = ("InputError", "VerificationError", "DeviceError", "UnsupportedLayerError")


def found_and_expected(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The first two texts of each error, without those that a variable alone makes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ERRORS:
            for argument in node.args[:2]:
                choices = [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
                for choice in choices:
                    parts = choice.values if isinstance(choice, ast.JoinedStr) else [choice]
                    words = [part.value if isinstance(part, ast.Constant) else "…" for part in parts]
                    text = "".join(map(str, words))
                    if re.search("[a-z]{3}", text) and isinstance(choice, (ast.JoinedStr, ast.Constant)):
                        yield argument.lineno, text


def test_errors_say_what_was_found_and_expected_in_sentences():
    """With a verb: "A trained Keras model." says neither that one was expected nor that one was found."""
    bare = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for folder in CODE for path in sorted((ROOT / folder).rglob("*.py"))
        for line, text in found_and_expected(ast.parse(path.read_text(encoding="utf-8")))
        if not VERBS.search(text) and not TOLD_BY_VALUES.search(text)
    ]
    assert bare == []


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
    assert PATTERN.search("'x' is no model file, so read no further.")
    assert not PATTERN.search("There is no model file. It is no longer there.")
    code = "raise InputError(f'{x} is bad.', 'A trained model.' if y else 'It was expected.')"
    texts = [text for _, text in found_and_expected(ast.parse(code))]
    assert texts == ["… is bad.", "A trained model.", "It was expected."]
    assert not VERBS.search("A trained model.")
    assert PATTERN.search("Without one, the outputs decide, and it is said which.")
    assert not PATTERN.search("Some so-called manyfold sentences say it.")
