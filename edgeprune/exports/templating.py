"""Templates are package data; `@@{name}` stands for a value, since `$` and `%` belong to the languages."""

from __future__ import annotations

import importlib.resources
import string


class _Template(string.Template):
    delimiter = "@@"


def template(name: str) -> str:
    """The text of a template such as ``android/build.gradle.kts``."""
    folder = importlib.resources.files("edgeprune.exports") / "templates"
    return (folder / f"{name}.tmpl").read_text(encoding="utf-8")


def render(name: str, /, **values: str) -> bytes:
    """A template with its values; one that is missing is a `KeyError`."""
    return _Template(template(name)).substitute(values).encode("utf-8")
