"""The Python API: light to import, complete, and shown by tab completion."""

import subprocess
import sys

import pytest

import edgeprune


def test_dir_shows_what_users_need_and_nothing_else():
    assert dir(edgeprune) == sorted(edgeprune.__all__)


@pytest.mark.parametrize("name", [name for name in edgeprune.__all__ if name != "__version__"])
def test_every_name_is_there_and_says_what_it_is(name):
    found = getattr(edgeprune, name)
    assert found.__name__ == name
    assert found.__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = edgeprune.nothing


def test_errors_and_results_need_no_tensorflow():
    code = (
        "import sys, edgeprune\n"
        "edgeprune.InputError, edgeprune.PruneResult, edgeprune.Bundle, edgeprune.RunRecord\n"
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras', 'tf_keras')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
