"""Hostile text on its way out: to the terminal, to GitHub, to JUnit."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import edgeprune
from edgeprune.cli.failure import report_failure
from edgeprune.cli.output import cells, draw, say
from edgeprune.errors import DeviceError, plain
from edgeprune.gate.formats import annotation_lines, junit, markdown
from edgeprune.gate.limits import LIMITS
from edgeprune.gate.result import CheckResult, Judgement, Status

HOSTILE = [
    "a\n::error::b", "a\r::error::b", "::set-env name=X::y", " ::error::x", "##[error]x", "\x1b[2Jx",
    "\u202egnp.exe", "x\ud800y", "[/red]", "[bold]x[/bold]", "\u2028::error::x", "\x85::error::x", "\0",
    "\x9b31m", "a\tb", "x " * 60 + "::error::x", "y" * 99 + "::error::x", "-" * 99 + "::error::x",
]


def commands(printed: str) -> list[str]:
    """What GitHub's runner would take for a workflow command (ActionCommand.cs)."""
    lines = re.split(r"\r\n|\r|\n", printed)
    return [line for line in lines if line.strip().startswith("::") or "##[" in line]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_but_text_reaches_the_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.table import Table

    say(f"{text}")
    say(text, error=True)
    assert report_failure(DeviceError(text, "Expected more.", "Try again."), debug=False) == 3
    table = Table("name")
    table.add_row(*cells([text]))
    draw(table)
    for printed in capsys.readouterr():
        assert not commands(printed)
        assert all(one.isprintable() for one in printed.replace("\n", ""))
    assert not commands(plain(text))
    assert len(plain(text).splitlines()) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_but_text_reaches_the_reports(text: str) -> None:
    judged = Judgement("max-latency", Status.BROKEN, 5.0, 7.0, text, text)
    result = CheckResult(text, (judged,), (), (text,))
    lines = list(annotation_lines(result))
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning"]
    assert not [line for line in lines if not line.isprintable()]
    assert ET.fromstring(junit(result)).find("testsuite/testcase/failure") is not None  # noqa: S314  (ours)
    assert not commands(markdown(result))
    assert all(one.isprintable() for one in markdown(result).replace("\n", ""))


def test_markup_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.table import Table

    table = Table("name")
    table.add_row(*cells(["[bold]x[/bold] [/red]"]))
    draw(table)
    assert "[bold]x[/bold] [/red]" in capsys.readouterr().out


@pytest.mark.parametrize("rows", [2, 9])
def test_a_table_wider_than_the_terminal_loses_no_letter(
    rows: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.table import Table

    monkeypatch.setattr("edgeprune.cli.output.width_of", lambda _: 60)
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True, raising=False)
    table = Table("device", *(f"figure {number}" for number in range(8)))
    for row in range(rows):
        table.add_row(f"ssh://pi{row}.local", *(f"{row}.{number}0417 ms" for number in range(8)))
    draw(table)
    printed = re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out)
    assert "…" not in printed
    assert max(map(len, printed.splitlines())) <= 60
    if rows == 2:  # turned: a figure of both devices stands in one line
        assert [line for line in printed.splitlines() if "0.50417 ms" in line and "1.50417 ms" in line]
    else:
        given = "device" + "".join(f"figure{number}" for number in range(8)) + "".join(
            f"ssh://pi{row}.local" + "".join(f"{row}.{number}0417ms" for number in range(8))
            for row in range(rows)
        )
        assert sorted(re.sub(r"[^a-z0-9:/.]", "", printed)) == sorted(given)


def test_there_is_one_door() -> None:
    """Every text goes out through `edgeprune.cli.output`; `check` prints its own workflow commands."""
    folder = Path(edgeprune.__file__).parent / "cli"
    lines = [
        (path.name, line.strip()) for path in sorted(folder.glob("*.py")) if path.name != "output.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"typer\.echo\(|click\.echo\(|console\.print\(|\bprint\(", line)
    ]
    assert [(name, line.split("  #")[0]) for name, line in lines] == [
        ("__init__.py", 'typer.echo(f"edgeprune {edgeprune.__version__}")'), ("check.py", "typer.echo(line)"),
    ]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda one: one.name)
def test_what_is_no_number_breaks_every_limit(limit) -> None:
    assert limit.broken(float("nan"), 1.0)
    assert limit.broken(1.0, float("nan"))
    assert not limit.broken(1.0, 1.0)
