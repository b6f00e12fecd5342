"""The history: many writers, damaged and hostile files, and verdicts that noise alone does not give."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from device_runners import history as histories
from device_runners.history import past_runs, remember
from device_runners.trends import control_limit, latest_change
from edgeprune.cli.bench import bench as bench_command
from edgeprune.cli.check import check
from edgeprune.cli.history import history
from edgeprune.errors import InputError, VerificationError
from edgeprune.run_parts import Latency
from edgeprune.run_record import RunRecord

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer()
app.command("bench")(bench_command)
app.command("history")(history)
app.command("check")(check)


@pytest.fixture(scope="module")
def record(plain_record: RunRecord) -> RunRecord:
    return plain_record


def at(record: RunRecord, p50_ms: float) -> RunRecord:
    return dataclasses.replace(record, latency=Latency(p50_ms, p50_ms, 0.0), latency_ns=())


def test_what_is_written_is_read(record: RunRecord, tmp_path: Path) -> None:
    path = tmp_path / "new" / "h.sqlite"
    remember(path, "mine", [record, at(record, 7.0)])
    remember(path, "other", [at(record, 8.0)])
    runs = past_runs(path)
    assert [one.name for one in runs] == ["mine", "mine", "other"]
    assert [one.record.latency.p50_ms for one in runs] == [record.latency.p50_ms, 7.0, 8.0]
    assert runs[0].record.metrics == record.metrics
    assert runs[0].record.predictions == ()
    assert path.stat().st_size < 40_000


def test_several_write_at_once(record: RunRecord, tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    small = at(record, 1.0)
    writers = [
        threading.Thread(target=lambda n=n: [remember(path, f"w{n}", [small, small]) for _ in range(5)])
        for n in range(6)
    ]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    names = [run.name for run in past_runs(path)]
    assert sorted(names) == sorted(f"w{n}" for n in range(6) for _ in range(10))


def spoiled(path: Path, *statements: str) -> None:
    database = sqlite3.connect(path)
    for one in statements:
        database.execute(one)
    database.commit()
    database.close()


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE runs SET record = '{}'", "has no"),
        ("UPDATE runs SET record = replace(record, '\"p50_ms\": 1', '\"p50_ms\": -1')", "cannot be right"),
        ("UPDATE runs SET record = x'00ff'", "damaged"),
        ("UPDATE runs SET record = hex(zeroblob(200000))", "larger than any"),
        ("UPDATE runs SET name = ''", "larger than any"),
        ("UPDATE runs SET taken = 'yesterday'", "taken at"),
        ("UPDATE runs SET taken = '2026-01-01'", "without a zone"),
        ("CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM runs; END", "not a history of edgeprune"),
        ("CREATE VIEW v AS SELECT 1", "not a history of edgeprune"),
        ("PRAGMA user_version = 9", "newer edgeprune"),
        ("PRAGMA application_id = 9", "not a history of edgeprune"),
        ("DROP TABLE runs", "not a history of edgeprune"),
    ],
)
def test_a_spoiled_file_is_refused(record: RunRecord, tmp_path: Path, statement: str, reason: str) -> None:
    path = tmp_path / "h.sqlite"
    remember(path, "mine", [at(record, 1.0)])
    spoiled(path, statement)
    with pytest.raises(InputError, match=reason):
        past_runs(path)


def test_a_damaged_or_foreign_file_is_refused_and_left_alone(record: RunRecord, tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    path.write_bytes(b"no database at all, " * 100)
    with pytest.raises(InputError, match="damaged, or not a history"):
        past_runs(path)
    with pytest.raises(InputError, match="damaged, or not a history"):
        remember(path, "mine", [record])
    assert path.read_bytes().startswith(b"no database")
    foreign = tmp_path / "foreign.sqlite"
    spoiled(foreign, "CREATE TABLE passwords (x)")
    with pytest.raises(InputError, match="not a history of edgeprune"):
        remember(foreign, "mine", [record])
    cut = tmp_path / "cut.sqlite"
    remember(cut, "mine", [at(record, 1.0)] * 30)
    cut.write_bytes(cut.read_bytes()[:9000])
    with pytest.raises(InputError, match="damaged"):
        past_runs(cut)


def test_a_file_that_another_program_holds(
    record: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "h.sqlite"
    remember(path, "mine", [record])
    monkeypatch.setattr(histories, "_WAIT_S", 0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(InputError, match="locked"):
        remember(path, "mine", [record])
    holder.execute("ROLLBACK")
    holder.close()
    remember(path, "mine", [record])
    with pytest.raises(InputError, match="cannot be used"):
        remember(tmp_path, "mine", [record])
    with pytest.raises(InputError, match="cannot be made"):
        remember(path / "below" / "h.sqlite", "mine", [record])


def series(rng: np.random.Generator, count: int, sigma: float = 0.02) -> np.ndarray:
    return np.asarray(5 * np.exp(rng.normal(0, sigma, count)))


def test_noise_alone_is_seldom_a_change() -> None:
    rng = np.random.default_rng(2)
    found = [latest_change(list(series(rng, int(rng.integers(7, 40))))) for _ in range(60)]
    assert sum(one is not None for one in found) <= 4
    crossed = 0
    for _ in range(200):
        values = series(rng, 12)
        bounds = control_limit(list(values[:-1]))
        crossed += bounds is not None and values[-1] > bounds[1]
    assert crossed <= 8


@pytest.mark.parametrize(("factor", "word"), [(1.1, "slower"), (0.9, "faster")])
def test_a_change_is_found_where_it_is(factor: float, word: str) -> None:
    values = series(np.random.default_rng(3), 20)
    values[12:] *= factor
    change = latest_change(list(values))
    assert change is not None
    assert (change.word, change.start) == (word, 12)
    assert change.ratio == pytest.approx(factor, rel=0.03)
    bounds = control_limit(list(values))
    assert bounds is not None
    assert bounds[0] == pytest.approx(5 * factor, rel=0.02)  # the level is that of today
    # Of several changes the latest counts.
    twice = np.concatenate([values, series(np.random.default_rng(4), 8) * 2])
    change = latest_change(list(twice))
    assert change is not None
    assert (change.word, change.start) == ("slower", 20)


def test_too_few_runs_and_too_small_effects_are_no_change() -> None:
    assert latest_change([]) is None
    assert latest_change([1, 1, 1, 9, 9, 9]) is None
    assert latest_change([1.0] * 10 + [1.01] * 10) is None
    assert latest_change([1.0] * 10) is None
    assert control_limit([1.0] * 4) is None
    assert control_limit([2.0] * 5) == pytest.approx((2.0, 2.04), rel=1e-9)


def typed(*arguments: str) -> str:
    """What a command prints; its error is raised."""
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None:
        raise result.exception
    return result.output


@pytest.mark.heavy
def test_the_commands_keep_show_and_judge(record: RunRecord, bundle: Path, tmp_path: Path) -> None:
    path, name = tmp_path / "h.sqlite", "mine[red]\x1b[2J"
    file = ("--history-file", str(path))
    typed("bench", str(bundle), "--min-time", "0.02", "--runs", "5", *file, "--history-name", name)
    for p50_ms in [900.0, 901.0, 899.0, 900.0, 902.0, 898.0, 900.0, 1000.0, 1001.0, 999.0, 1002.0, 1000.0]:
        remember(path, name, [at(record, p50_ms)])
    shown = typed("history", *file)
    assert "1.11x slower since" in shown
    assert "\x1b[2J" not in shown
    (found,) = json.loads(typed("history", name, *file, "--json"))
    assert found["change"]["verdict"] == "slower"
    assert len(found["runs"]) == 13
    judge = ("check", str(bundle), "--device", "local", "--against-history", *file, "--history-name")
    assert "ok  against-history on local" in typed(*judge, name)  # it takes much less than a second
    for _ in range(12):
        remember(path, name, [at(record, 1e-6)])
    with pytest.raises(VerificationError, match="against-history on local"):
        typed(*judge, name)
    unmeasured = CliRunner().invoke(app, [*judge, "nobody"])
    assert isinstance(unmeasured.exception, InputError)
    assert "5 since the last change are needed" in unmeasured.output
    with pytest.raises(InputError, match="needs a device"):
        typed("check", str(bundle), "--against-history")
    with pytest.raises(InputError, match="has no run of nothing"):
        typed("history", "nothing", *file)
