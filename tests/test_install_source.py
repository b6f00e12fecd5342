"""Hints and templates install edgeprune from where it came from, by a name only where that was an index."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_ASK = "from edgeprune.install_source import install_command; print(install_command('host'))"
_COMMIT = "4f2a" * 10


def installed_from(folder: Path, record: object) -> str:
    """The line of an edgeprune whose installer wrote `record`; None for one from an index."""
    about = folder / "edgeprune-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: edgeprune\nVersion: 0.1.0\n")
    (about / "RECORD").write_text("")
    if record is not None:
        (about / "direct_url.json").write_text(json.dumps(record))
    # An editable install leaves this in its checkout, where it is found first.
    left = folder / "checkout" / "edgeprune.egg-info"
    left.mkdir(parents=True)
    (left / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: edgeprune\nVersion: 0.1.0\n")
    path = f"import sys; sys.path[:0] = [{str(left.parent)!r}, {str(folder)!r}, {str(ROOT)!r}]; "
    done = subprocess.run([sys.executable, "-c", path + _ASK], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"url": "file:///home/a%20da/it's", "dir_info": {"editable": True}},
         ["pip", "install", "-e", "/home/a da/it's[host]"]),
        ({"url": "file:///x/edgeprune-0.1.0-py3-none-any.whl", "archive_info": {}},
         ["pip", "install", "/x/edgeprune-0.1.0-py3-none-any.whl[host]"]),
        ({"url": "https://example.org/e.git", "vcs_info": {"vcs": "git", "commit_id": _COMMIT}},
         ["pip", "install", f"edgeprune[host] @ git+https://example.org/e.git@{_COMMIT}"]),
        (None, ["pip", "install", "edgeprune[host]"]),
    ],
)
def test_it_is_installed_from_where_it_came_from(
    record: object, words: list[str], tmp_path: Path
) -> None:
    assert shlex.split(installed_from(tmp_path, record)) == words


def test_nothing_else_names_edgeprune_for_an_index() -> None:
    sources = [*ROOT.glob("edgeprune/**/*.py"), *ROOT.glob("edgeprune/**/*.tmpl"), ROOT / "README.md"]
    own = ROOT / "edgeprune" / "install_source.py"
    pattern = re.compile(r"pip3? (?:install|wheel)\b[^&|\n]*[\s'\"]edgeprune(?![-\w/.])")
    named = [path.name for path in sources if path != own and pattern.search(path.read_text("utf-8"))]
    assert named == []
    assert pattern.search("pip install -q 'edgeprune[host]'")
