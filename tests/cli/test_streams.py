"""Commands in shells that close or fill the standard streams, and in locales without UTF-8."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import pytest

ENDS = {"zoo": 0, "build --prune 2": 2, "check /nonexistent": 2, "bench": 2}
STREAMS = ("2>&-", ">&-", "<&- >&- 2>&-", "2>/dev/full", "| true")
LOCALES = ("LC_ALL=C", "LC_ALL=POSIX PYTHONUTF8=0 PYTHONCOERCECLOCALE=0")


def run(line: str) -> subprocess.CompletedProcess[str]:
    line = line.replace("edgeprune", f"'{sys.executable}' -m edgeprune")
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], capture_output=True, check=False, timeout=120,
        encoding="utf-8", errors="strict",
    )


CASES = list(itertools.product(ENDS, STREAMS, LOCALES))
ORDINARY = [("check /nonexistent", "2>&-", LOCALES[0]), ("check /nonexistent", ">&-", LOCALES[1])]


@pytest.mark.parametrize(("command", "streams", "locale"), [
    *ORDINARY, *(pytest.param(*one, marks=pytest.mark.heavy) for one in CASES if one not in ORDINARY),
])
def test_the_exit_code_is_the_commands_own(command: str, streams: str, locale: str) -> None:
    done = run(f"env {locale} edgeprune {command} {streams}")
    assert done.returncode == ENDS[command], done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "Exception ignored" not in done.stderr
    assert "did not expect this" not in done.stderr


def test_a_full_disk_under_stdout_is_said() -> None:
    done = run("edgeprune zoo --json >/dev/full")
    assert done.returncode == 2
    assert "disk is full" in done.stderr


def test_a_file_never_gets_the_number_of_a_closed_stream() -> None:
    code = (
        "from edgeprune.cli.streams import prepare_streams; prepare_streams()\n"
        "import os; assert os.open('/dev/null', 0) > 2; print('a' + chr(8230) + 'b')"
    )
    line = f"'{sys.executable}' -c \"{code}\" <&- 2>&-"
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, check=True,
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    )
    assert done.stdout == b"a\\u2026b\n"
