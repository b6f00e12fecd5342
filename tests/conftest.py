"""What all tests share: how examples are drawn, caches of their own, as many workers as there are cores."""

from __future__ import annotations

import gc
import os
import random
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import settings

import edgeprune.keras_bridge  # noqa: F401 - sets what TensorFlow reads when it is imported

# The ordinary run tries the same examples every time. CI tries new ones; a failing one is printed and becomes
# a test of its own.
SEED_NAME = "EDGEPRUNE_TEST_SEED"
NEW_EXAMPLES = os.environ.get("CI", "").lower() in {"1", "true"}
MOST_WORKERS = 4

# TensorFlow makes millions of objects that live on; looking through them takes a tenth of the time.
gc.set_threshold(100_000, 50, 50)
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the other cores have a worker each

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("new", derandomize=False, deadline=None, print_blob=True)
settings.load_profile("new" if NEW_EXAMPLES or SEED_NAME in os.environ else "fixed")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """One seed for hypothesis and for the tests that draw by themselves; workers inherit the environment."""
    if config.getoption("dist", default="no") == "loadgroup" and pytest.version_tuple[:2] >= (9, 2):
        # Silently: pytest-xdist 3.8 cannot name groups there, and tests of one device disturb one another.
        raise pytest.UsageError(
            f"pytest {pytest.__version__} does not keep tests of one group in one process.",
            "Install the versions that pyproject.toml names: pip install -e '.[host,test]'",
        )
    if NEW_EXAMPLES:
        os.environ.setdefault(SEED_NAME, str(secrets.randbits(32)))
    if SEED_NAME in os.environ and config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = os.environ[SEED_NAME]


def pytest_report_header() -> str | None:
    seed = os.environ.get(SEED_NAME)
    return f"examples are drawn with {SEED_NAME}={seed}, which repeats this run" if seed else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if (seed := os.environ.get(SEED_NAME)) and terminalreporter.stats.get("failed"):
        terminalreporter.write_line(f"{SEED_NAME}={seed} pytest ... draws the same examples again.")


def pytest_xdist_auto_num_workers() -> int:
    """Every worker holds a TensorFlow of its own."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_WORKERS, cores)


@pytest.fixture
def drawn(request: pytest.FixtureRequest) -> random.Random:
    """A generator for tests of random input: the same numbers in every ordinary run, new ones in CI."""
    seed = f"{os.environ.get(SEED_NAME, 'fixed')} {request.node.nodeid}"
    return random.Random(seed)  # noqa: S311


_AT_IMPORT: dict[str, Mapping[str, object]] = {}


@pytest.fixture(autouse=True)
def same_draws_in_any_order(request: pytest.FixtureRequest) -> None:
    """Each test of a module with a random generator finds it as at import, whichever tests ran before."""
    import numpy as np  # reads the number of its threads, which is set above

    for name, value in vars(request.module).items():
        if isinstance(value, np.random.Generator):
            bits = value.bit_generator
            bits.state = _AT_IMPORT.setdefault(f"{request.module.__name__}.{name}", bits.state)


@pytest.fixture(scope="session", autouse=True)
def places_of_this_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test finds what another run left in the user's cache, or waits for the lock of another worker."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("tmp")))  # holds the lock of local runs
        # Making matplotlib's list of fonts takes seconds, and nothing of ours is in it.
        patch.setenv("MPLCONFIGDIR", os.environ.get("MPLCONFIGDIR") or str(home / "matplotlib"))
        yield folder
