"""Where a sweep is kept: Optuna's SQLite file or PostgreSQL database."""

import contextlib
import importlib.util
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from edgeprune.errors import InputError
from edgeprune.install_source import install_command
from edgeprune.sweep.front import OBJECTIVES
from edgeprune.sweep.optional_packages import require

if TYPE_CHECKING:
    import optuna
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection

HEARTBEAT_S = 5
GRACE_S = 30
_LOCK_S = 60


def open_study(storage: str, name: str, objectives: Sequence[str], seed: int) -> "optuna.Study":
    """Optuna's study of that name, made where there is none.

    Raises:
        InputError: the storage cannot be used, or the study has other objectives.
    """
    optuna = require("optuna")
    with explained_errors(storage):
        sqlite = storage.startswith("sqlite")
        # Several processes write: wait for the lock rather than fail.
        wait = {"connect_args": {"timeout": _LOCK_S}} if sqlite else None
        database = optuna.storages.RDBStorage(
            _with_driver(storage), wait, heartbeat_interval=HEARTBEAT_S, grace_period=GRACE_S
        )
        if sqlite:
            _lock_early(database.engine)
        return optuna.create_study(
            storage=database, study_name=name, directions=[OBJECTIVES[one] for one in objectives],
            sampler=optuna.samplers.TPESampler(seed=seed), load_if_exists=True,
        )  # fmt: skip


def _lock_early(engine: "Engine") -> None:
    """Makes every transaction take SQLite's write lock at its beginning.

    Optuna reads a trial's state and then writes it. Python's sqlite3 begins its transaction at the write, so
    that two workers can both read "waiting" and take the same trial (optuna/optuna#4002).
    """
    event = require("sqlalchemy.event")

    def connected(connection: "DBAPIConnection", _record: object) -> None:
        connection.isolation_level = None  # sqlite3 begins nothing by itself

    def begin(connection: "Connection") -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begin)
    engine.dispose()


@contextlib.contextmanager
def explained_errors(storage: str) -> Iterator[None]:
    """Turns what the database refuses, or a missing driver, into errors for people."""
    optuna, sql = require("optuna"), require("sqlalchemy.exc")
    try:
        yield
    except (sql.SQLAlchemyError, optuna.exceptions.StorageInternalError, ImportError) as error:
        cause = str(error.__cause__ or error).strip().splitlines()[0][:200]
        raise InputError(
            f"The sweep's storage {masked(storage)} cannot be used ({cause}).",
            "Expected is sqlite:///FILE that can be written, or postgresql://[USER@]HOST/DATABASE.",
            f"PostgreSQL needs: {install_command('postgresql')}. What is done is kept.",
        ) from error


def masked(storage: str) -> str:
    """The address without its password."""
    url = require("sqlalchemy.engine")
    try:
        return str(url.make_url(storage).render_as_string(hide_password=True))
    except require("sqlalchemy.exc").ArgumentError:
        return storage.partition("@")[2] or storage


def _with_driver(storage: str) -> str:
    """PostgreSQL by psycopg 3, where that is what is installed."""
    scheme, _, rest = storage.partition("://")
    plain = scheme in ("postgresql", "postgres")
    if plain and importlib.util.find_spec("psycopg") and not importlib.util.find_spec("psycopg2"):
        return f"postgresql+psycopg://{rest}"
    return f"postgresql://{rest}" if plain else storage
