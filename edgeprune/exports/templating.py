"""Templates are package data; `@@{name}` stands for a value, since `$` and `%` belong to the languages."""

from __future__ import annotations

import importlib.resources
import string


class _CodeTemplate(string.Template):
    delimiter = "@@"


def template_text(name: str) -> str:
    """The text of a template such as ``android/build.gradle.kts``."""
    folder = importlib.resources.files("edgeprune.exports") / "templates"
    return (folder / f"{name}.tmpl").read_text(encoding="utf-8")


def render(name: str, /, **values: str) -> bytes:
    """A template with its values; one that is missing is a `KeyError`."""
    return _CodeTemplate(template_text(name)).substitute(values).encode("utf-8")
