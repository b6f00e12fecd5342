"""What the project's documents ask a reader to type: found in their text, so that no list can fall behind."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("edgeprune", "device_runners", "models", "tests")
SHELLS = {"console", "sh", "bash", "shell"}
PROGRAMS = {
    "edgeprune", "pip", "pytest", "python", "ruff", "mypy", "lint-imports", "ray", "cmake", "git", "sh",
    ".ci/run", "openssl",
}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`]+)`")
_SEPARATORS = {"&&", "||", "|", ";", "&"}


@dataclass(frozen=True)
class Block:
    """A fenced block or a piece of inline code; `language` is empty for the latter."""

    document: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


@dataclass(frozen=True)
class Command:
    """One line for a shell; `exit_code` is what its comment promises, else 0."""

    block: Block
    text: str
    exit_code: int = 0

    def __str__(self) -> str:
        return f"{self.block.document}: {self.text}"

    def programs(self) -> Iterator[list[str]]:
        """The words of each program it starts, without redirections and variables."""
        words: list[str] = []
        lexer = shlex.shlex(self.text, posix=True, punctuation_chars="&|;<>")
        lexer.whitespace_split, lexer.commenters = True, ""
        tokens = iter(lexer)
        for token in tokens:
            if token in _SEPARATORS:
                yield words
                words = []
            elif set(token) <= {"<", ">"}:
                next(tokens)
            elif words or not re.fullmatch(r"\w+=.*", token):
                words.append(token)
        if words:
            yield words


def documents() -> list[Path]:
    inner = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md")]
    return sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *inner])


def blocks() -> list[Block]:
    found = []
    for document in documents():
        text = (ROOT / document).read_text(encoding="utf-8")
        found += [Block(document, _line(text, match), match[1] or "text", match[2])
                  for match in _FENCE.finditer(text)]
        prose = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
        found += [Block(document, _line(prose, match), "", " ".join(match[1].split()))
                  for match in _INLINE.finditer(prose)]
    return found


def commands() -> list[Command]:
    """Lines of shell blocks, and inline code that starts with the name of a program."""
    found = []
    for block in blocks():
        if block.language in SHELLS:
            found += [_command(block, line) for line in _lines(block)]
        elif not block.language and block.text.split()[0] in PROGRAMS and " " in block.text:
            found.append(Command(block, block.text))
    return list({str(command): command for command in found}.values())


def _lines(block: Block) -> list[str]:
    """Continued lines are joined; in a console session only what stands after a prompt is typed."""
    lines = re.sub(r"\\\n\s*", "", block.text).splitlines()
    if block.language == "console":
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _command(block: Block, line: str) -> Command:
    text, _, comment = line.partition(" #")
    code = re.search(r"exit code (\d+)(?! if)", comment)
    return Command(block, text.strip(), int(code[1]) if code else 0)


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1
