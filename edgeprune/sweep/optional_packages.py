"""Optuna and Ray: imported where they are installed, and kept quiet while a sweep runs."""

import contextlib
import importlib
import os
import warnings
from collections.abc import Iterator
from types import ModuleType

from edgeprune.errors import InputError
from edgeprune.install_source import install_command

_RAY_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",  # a plain SIGTERM is no crash
}


def require(package: str) -> ModuleType:
    """Imports Optuna or Ray.

    Raises:
        InputError: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise InputError(
            f"Searching needs {package}, which is not installed ({error}).",
            way_out=f"Install it with: {install_command('search')}",
        ) from error


@contextlib.contextmanager
def quiet_packages(*, ray: bool) -> Iterator[None]:
    """Silences Optuna, and sets what Ray reads from its environment when it is imported.

    The sweep itself tells what happens to a trial, and Optuna's heartbeats are "experimental" since 2021.

    Raises:
        InputError: one of them is not installed.
    """
    added = [name for name in _RAY_ENVIRONMENT if ray and name not in os.environ]
    os.environ.update({name: _RAY_ENVIRONMENT[name] for name in added})
    try:
        if ray:
            require("ray")
        optuna = require("optuna")
        verbosity = optuna.logging.get_verbosity()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
            optuna.logging.set_verbosity(optuna.logging.ERROR)
            try:
                yield
            finally:
                optuna.logging.set_verbosity(verbosity)
    finally:
        for name in added:
            del os.environ[name]
