r"""Text and numbers as literals of the generated languages, and the templates that they go into.

Everything but plain ASCII letters, digits and harmless marks is escaped, so that no label can end its
string, start an interpolation (`$`, `\(`), or turn the reading direction of the source.

    label      Kotlin            C++                  Swift
    a"b        "a\"b"            "a\"b"               "a\"b"
    $x         "\$x"             "$x"                 "$x"
    \(x)       "\\(x)"           "\\(x)"              "\\(x)"
    é          "\u00E9"          "\303\251"           "\u{E9}"

Templates are package data; `@@{name}` stands for a value, since `$` and `%` belong to the languages.
"""

import importlib.resources
import re
import string
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from edgeprune.errors import InputError

_PLAIN = frozenset(" !#%&'()*+,-./:;<=>@[]^_`{|}~")
_NO_COMMENT = re.compile(r"[^A-Za-z0-9_.,: -]+")


def kotlin(text: str) -> str:
    """A Kotlin string literal (Java's, but for ``$``)."""
    return _quoted(text, lambda char: re.sub("(....)", r"\\u\1", char.encode("utf-16-be").hex().upper()))


def cpp(text: str) -> str:
    """A C++ string literal in UTF-8; octal escapes end after three digits, unlike hexadecimal ones."""
    return _quoted(text, lambda char: "".join(f"\\{byte:03o}" for byte in char.encode("utf-8")))


def swift(text: str) -> str:
    """A Swift string literal."""
    return _quoted(text, lambda char: f"\\u{{{ord(char):X}}}")


def comment(text: str) -> str:
    """`text` with whatever could end a comment or a line in any language left out."""
    return " ".join(_NO_COMMENT.sub(" ", text).split())[:200]


def number(value: float) -> str:
    """The shortest decimal that reads back as the float32 of `value`; refuses what is not finite."""
    with np.errstate(over="ignore"):  # refused below
        single = np.float32(value)
    if not np.isfinite(single):
        raise InputError(f"The bundle's manifest holds the number {value!r}.", "A finite one was expected.")
    return str(single)


def call(calls: Mapping[type, str], step: object, **names: object) -> str:
    """The expression that runs a step: its template in `calls`, with the step's fields as literals."""
    fields = {key: _literal(value) for key, value in vars(step).items()}
    return calls[type(step)].format(**fields, **names)


def _literal(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(str(_literal(item)) for item in value)
    return number(value) if isinstance(value, float) else value


def rows(items: Iterable[str], indent: str, width: int = 110) -> str:
    """Literals with commas between them, in lines of at most `width` characters where they fit."""
    lines, line = [], indent
    for item in items:
        if len(line) + len(item) + 2 > width and line != indent:
            lines.append(line.rstrip())
            line = indent
        line += f"{item}, "
    return "\n".join([*lines, line.rstrip()])


def _quoted(text: str, escape: Callable[[str], str]) -> str:
    body = "".join(
        char if (char.isascii() and char.isalnum()) or char in _PLAIN
        else f"\\{char}" if char in '"\\' else escape(char)
        for char in text
    )
    return f'"{body}"'


class _CodeTemplate(string.Template):
    delimiter = "@@"


def render(name: str, /, **values: str) -> bytes:
    """A template such as ``android/build.gradle.kts`` with its values; a missing one is a `KeyError`."""
    path = importlib.resources.files("edgeprune.exports") / "templates" / f"{name}.tmpl"
    return _CodeTemplate(path.read_text(encoding="utf-8")).substitute(values).encode("utf-8")
