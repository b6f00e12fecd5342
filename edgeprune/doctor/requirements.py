"""Requirements of the installed edgeprune, and whether what is installed meets them.

The part of PEP 508 that our own pyproject.toml uses: ``name>=1,<2; extra == "host"`` and a
``python_version`` marker. Read from the installed metadata, so that pins live in one place.
"""

import dataclasses
import importlib.metadata
import operator
import re
import sys
from collections.abc import Callable, Iterable, Iterator

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*([^;]*?)\s*(?:;\s*(.*))?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
_PYTHON = re.compile(r"python_version\s*(<|>=)\s*['\"]([0-9.]+)['\"]")
_PIN = re.compile(r"(==|>=|<=|!=|<|>|~=)\s*([0-9][^\s,]*)")
_COMPARE: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    "==": operator.eq, "!=": operator.ne,
    ">=": operator.ge, "<=": operator.le, "<": operator.lt, ">": operator.gt,
}


@dataclasses.dataclass(frozen=True)
class Requirement:
    """One package that is asked for."""

    name: str
    pins: str  # such as >=2.21,<2.22; empty for any version
    extra: str  # empty for the base install


def requirements(lines: Iterable[str] | None = None) -> Iterator[Requirement]:
    """What edgeprune asks for on this Python; `lines` are those of the installed edgeprune for None."""
    for line in importlib.metadata.requires("edgeprune") or () if lines is None else lines:
        match = _REQUIREMENT.fullmatch(line)
        if match is None:
            continue
        name, pins, marker = match[1], match[2].strip("() "), match[3] or ""
        python = _PYTHON.search(marker)
        if python is None or _COMPARE[python[1]](sys.version_info[:2], _numbers(python[2])):
            extra = _EXTRA.search(marker)
            yield Requirement(name, pins, extra[1] if extra else "")


def meets(version: str, pins: str) -> bool:
    """Whether a version is within pins such as ``>=2.21,<2.22``; suffixes such as ``rc1`` do not count."""
    have = _numbers(version)
    for relation, text in _PIN.findall(pins):
        wanted = _numbers(text)
        size = max(len(have), len(wanted))
        mine, other = (parts + (0,) * (size - len(parts)) for parts in (have, wanted))
        if relation == "~=":
            if mine < other or have[: len(wanted) - 1] != wanted[:-1]:
                return False
        elif not _COMPARE[relation](mine, other):
            return False
    return True


def installed(name: str) -> str | None:
    """The version of a package; None where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else (0,)
