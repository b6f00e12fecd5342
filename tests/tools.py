"""Programs and packages that some tests need; without them these are skipped, or fail in `.ci/run`."""

from __future__ import annotations

import importlib
import os
import shutil
from types import ModuleType
from typing import NoReturn

import pytest

COMPLETE = "EDGEPRUNE_TESTS_COMPLETE"


def lacking(what: str, hint: str, *, module_level: bool = False) -> NoReturn:
    """Skip, or fail where nothing may be lacking."""
    if os.environ.get(COMPLETE):
        pytest.fail(f"needs {what}, which {COMPLETE} promises; {hint}", pytrace=False)
    pytest.skip(f"needs {what}; {hint}", allow_module_level=module_level)


def need_programs(*programs: str, hint: str) -> None:
    search = os.environ["PATH"] + ":/usr/sbin"
    missing = [program for program in programs if shutil.which(program, path=search) is None]
    if missing:
        lacking(", ".join(missing), hint)


def need_package(name: str, hint: str, *, module_level: bool = False) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        lacking(f"the package {name}", hint, module_level=module_level)
