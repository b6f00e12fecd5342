from __future__ import annotations

import os
import subprocess

import pytest


def edgeprune(*arguments, **environment):
    return subprocess.run(
        ["edgeprune", *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_it_installs_into_the_shell_s_own_files(shell, tmp_path):
    # Without this, Typer installs for the shell that it finds above the process, which may be none.
    done = edgeprune(
        "--install-completion", shell, HOME=str(tmp_path), ZDOTDIR=str(tmp_path),
        _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1",
    )
    assert done.returncode == 0, done.stderr
    assert f"{shell} completion installed" in done.stdout
    written = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "_EDGEPRUNE_COMPLETE" in written


@pytest.mark.parametrize(
    ("words", "expected"),
    [("edgeprune do", ["doctor"]), ("edgeprune check --max-l", ["--max-latency"]),
     ("edgeprune check --max-d", ["--max-drop"])],
)
def test_it_completes_commands_and_options(words, expected):
    asked = edgeprune(
        _EDGEPRUNE_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(words.count(" "))
    )
    assert asked.stdout.split() == expected
