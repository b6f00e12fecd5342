"""Every measurement in one SQLite file, so that a change shows over weeks.

A run stands there as its `RunRecord` without single latencies and predictions, about 2 kB. Several machines
may write to one file: each writes in a transaction of its own and waits for the others. What is read is
checked like a record from a device: a file of a team's share is not trusted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgeprune.errors import InputError, shown
from edgeprune.run_record import RunRecord

_APPLICATION, _VERSION = 0x65707275, 1
_TABLE = """
CREATE TABLE runs (id INTEGER PRIMARY KEY, taken TEXT NOT NULL, name TEXT NOT NULL, record TEXT NOT NULL)
"""
_WAIT_S = 30.0
_LONGEST_RECORD, _LONGEST_NAME = 200_000, 1000
_MOST_RUNS = 100_000


@dataclasses.dataclass(frozen=True)
class PastRun:
    """One measurement."""

    taken: dt.datetime  # in UTC
    name: str  # of what was measured
    record: RunRecord

    @property
    def series(self) -> tuple[str, str, str, int, bool]:
        """What makes runs comparable."""
        return series_of(self.name, self.record)


def series_of(name: str, record: RunRecord) -> tuple[str, str, str, int, bool]:
    """Name, device, runner, threads and delegate."""
    settings = record.settings
    return name, record.device, settings.runner, settings.threads, settings.xnnpack


def default_history() -> Path:
    """The file in the user's data folder."""
    home = os.environ.get("XDG_DATA_HOME")
    try:
        return (Path(home) if home else Path.home() / ".local" / "share") / "edgeprune" / "history.sqlite"
    except RuntimeError as error:  # neither HOME nor an account
        raise InputError("There is no home folder.", "", "Name a file with --history-file.") from error


def series_name(target: Path | str) -> str:
    """What a bundle or model goes by where nobody says otherwise: its full path."""
    return str(Path(target).resolve())[-_LONGEST_NAME:]


def remember(path: Path, name: str, records: Sequence[RunRecord]) -> None:
    """Add runs, all or none; the file is made where it is missing.

    Raises:
        InputError: a file that cannot be written, or is no history.
    """
    if not 0 < len(name) <= _LONGEST_NAME:
        found = f"--history-name has {len(name)} characters."
        raise InputError(found, f"1 to {_LONGEST_NAME} were expected.")
    now = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")
    rows = [(now, name, _stored(record)) for record in records]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        way_out = "Name another file with --history-file."
        raise InputError(f"{path.parent} cannot be made ({error.strerror}).", "", way_out) from error
    with _opened(path, create=True) as database, database:  # one transaction
        database.executemany("INSERT INTO runs (taken, name, record) VALUES (?, ?, ?)", rows)


def past_runs(path: Path) -> list[PastRun]:
    """All runs, the oldest first.

    Raises:
        InputError: no such file, or one that is damaged, of another program or of a newer edgeprune.
    """
    if not path.is_file():
        raise InputError(f"There is no history {path}.", "", "Write one: edgeprune bench BUNDLE --history.")
    with _opened(path, create=False) as database:
        question = "SELECT taken, name, record FROM runs ORDER BY id LIMIT ?"
        rows = database.execute(question, (_MOST_RUNS,)).fetchall()
    return [_read(path, index, *row) for index, row in enumerate(rows)]


def _stored(record: RunRecord) -> str:
    thin = dataclasses.replace(record, latency_ns=(), warmup_ns=(), preprocess_ns=(), predictions=())
    return thin.to_json()


def _read(path: Path, index: int, taken: object, name: object, record: object) -> PastRun:
    where = f"Run {index + 1} of {shown(path)}"
    if not isinstance(taken, str) or not isinstance(name, str) or not isinstance(record, str):
        raise InputError(f"{where} is damaged.", "Texts were expected.", _MOVE)
    if len(record) > _LONGEST_RECORD or not 0 < len(name) <= _LONGEST_NAME:
        raise InputError(f"{where} is larger than any that edgeprune writes.", "", _MOVE)
    try:
        when = dt.datetime.fromisoformat(taken)
    except ValueError as error:
        found = f"{where} was taken at {shown(taken[:40])!r}."
        raise InputError(found, "A time was expected.", _MOVE) from error
    if when.tzinfo is None:
        raise InputError(f"{where} was taken at a time without a zone.", "UTC was expected.", _MOVE)
    return PastRun(when.astimezone(dt.timezone.utc), name, RunRecord.from_json(record, where))


_MOVE = "Move the file away; a new one is made."


@contextlib.contextmanager
def _opened(path: Path, *, create: bool) -> Iterator[sqlite3.Connection]:
    try:
        database = sqlite3.connect(path, timeout=_WAIT_S, isolation_level="IMMEDIATE")
        try:
            _prepare(database, path, create=create)
            yield database
        finally:
            database.close()
    except sqlite3.OperationalError as error:
        way_out = "Wait for other programs to end, and see that its folder can be written."
        raise InputError(f"The history {path} cannot be used ({error}).", "", way_out) from error
    except sqlite3.DatabaseError as error:
        raise InputError(f"{path} is damaged, or not a history ({error}).", "", _MOVE) from error


def _prepare(database: sqlite3.Connection, path: Path, *, create: bool) -> None:
    database.execute("PRAGMA trusted_schema = OFF")
    with database:
        if create:
            database.execute("BEGIN IMMEDIATE")  # two may find it empty at the same time
            if not database.execute("SELECT 1 FROM sqlite_master").fetchone():
                database.execute(_TABLE)
                database.execute(f"PRAGMA application_id = {_APPLICATION}")
                database.execute(f"PRAGMA user_version = {_VERSION}")
        application = database.execute("PRAGMA application_id").fetchone()[0]
        version = database.execute("PRAGMA user_version").fetchone()[0]
        # Triggers and views would run whatever they hold.
        objects = database.execute("SELECT type, name FROM sqlite_master").fetchall()
    if application != _APPLICATION or (version == _VERSION and objects != [("table", "runs")]):
        found = f"{path} is not a history of edgeprune."
        raise InputError(found, "", "Name another file with --history-file.")
    if version != _VERSION:
        raise InputError(f"{path} is the history of a newer edgeprune.", "", "Update edgeprune.")
