"""Data from a Python function, ``package.module:function``, called without arguments.

It may give whatever `edgeprune.data.containers` reads. The module is imported from the working folder or from
what is installed. It is the user's own program; nothing of it runs unless its name was typed.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeprune.data.containers import read_given
from edgeprune.data.dataset import Dataset
from edgeprune.data.dataset_builder import DataRequest
from edgeprune.errors import InputError

_EXPECTED = "A function that gives NumPy arrays, a tf.data.Dataset, or batches."


def read_callable(request: DataRequest) -> Dataset:
    """Calls the function and reads what it gives."""
    function = find_function(request.source, _EXPECTED)
    try:
        given = function()
    except InputError:
        raise
    except Exception as error:  # the user's own code may raise anything
        raise InputError(
            f"{request.source} failed: {type(error).__name__}: {error}.", _EXPECTED,
            "Correct it; --debug shows where.",
        ) from error
    return read_given(given, request, request.source.partition(":")[2])


def find_function(source: str, expected: str) -> Callable[..., Any]:
    """The function ``package.module:function``, found from the working folder or among what is installed.

    Naming it is asking for its code to run.

    Raises:
        InputError: the module cannot be imported, or has no such function.
    """
    module_name, _, name = source.partition(":")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # an import runs the user's own code
        raise InputError(
            f"The module {module_name!r} cannot be imported ({type(error).__name__}: {error}).",
            "package.module:function, found from the working folder, is expected.", "Check the name.",
        ) from error
    finally:
        sys.path.remove(here)
    function: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(function):
        raise InputError(f"{module_name} has no function {name!r}.", expected, "Check the name.")
    return function
