"""URL → engine, brought up to date: SQLite pragmas, PostgreSQL pool, migrations on start."""

import json
import math
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import sqlalchemy
from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from .errors import DatabaseProblem, cause

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
BUSY_SECONDS = 30
CONNECT_SECONDS = 10
"""A PostgreSQL that takes longer to answer counts as away; its address may say otherwise."""
CONNECT_AGAIN_SECONDS = 0.25


def open_database(url: str, *, migrations: Path = MIGRATIONS, patience: float = 0.0) -> Engine:
    """Open the database at an SQLAlchemy URL and upgrade it to this version's tables.

    A SQLite file is made where there is none, and copied beside itself before an upgrade.

    Args:
        url: Where it is.
        migrations: The folder of the migrations.
        patience: Seconds for which connecting is tried again while a PostgreSQL server restarts.

    Raises:
        DatabaseProblem: The URL is not understood, or the database can't be opened or upgraded.
        DatabaseIsNewer: A later version of shiftscope wrote it.
    """
    parsed = parse_url(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            engine = _sqlite_engine(parsed)
        else:
            engine = sqlalchemy.create_engine(
                parsed,
                pool_pre_ping=True,
                pool_size=10,
                json_serializer=_to_json,
                connect_args={
                    "connect_timeout": parsed.query.get("connect_timeout", CONNECT_SECONDS)
                },
            )
            if patience:
                _connect_patiently(engine, patience)
        try:
            if revision(engine) != _newest(migrations):
                # alembic takes as long to load as all else that is needed to record a run
                from .upgrade import upgrade  # noqa: PLC0415

                upgrade(engine, migrations)
        except BaseException:
            engine.dispose()
            raise
    except (SQLAlchemyError, sqlite3.Error, OSError, ModuleNotFoundError) as error:
        shown = parsed.render_as_string(hide_password=True)
        raise DatabaseProblem(
            f"The database {shown} can't be opened: {cause(error)}. "
            "Check that it exists and is writable, or name another with --database."
        ) from error
    return engine


@contextmanager
def writing(engine: Engine) -> Generator[Connection]:
    """One write transaction: committed at the end, rolled back on an exception.

    On SQLite it takes the write lock at once (`BEGIN IMMEDIATE`), since a read transaction that
    turns into a write one fails where it would otherwise wait.
    """
    with (
        engine.connect().execution_options(shiftscope_writes=True) as connection,
        connection.begin(),
    ):
        yield connection


def database_time(connection: Connection) -> datetime:
    """Now, by one clock for all that meet in the database, however far their own are apart.

    Who shares a SQLite file shares a machine.
    """
    if connection.dialect.name == "postgresql":
        return connection.execute(sqlalchemy.select(sqlalchemy.func.clock_timestamp())).scalar_one()
    return datetime.now(UTC)


def ping(engine: Engine) -> None:
    """Ask the database for an answer.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: It gives none.
    """
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("SELECT 1"))


def revision(engine: Engine) -> str | None:
    """The migration that the database's tables are at; None where there are no tables."""
    with engine.connect() as connection:
        if not sqlalchemy.inspect(connection).has_table("alembic_version"):
            return None
        return connection.scalar(sqlalchemy.text("SELECT version_num FROM alembic_version"))


def _newest(migrations: Path) -> str:
    """The last migration, by the numbers that their files begin with."""
    return max(file.name[:4] for file in (migrations / "versions").glob("[0-9]*.py"))


def parse_url(url: str) -> URL:
    """A database URL that we have a driver for, understood.

    Raises:
        DatabaseProblem: It is none.
    """
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except ArgumentError:
        parsed, backend = None, None
    if parsed is None or backend not in {"sqlite", "postgresql"}:
        raise DatabaseProblem(
            f"{url!r} is not a database URL; expected sqlite:///FILE or "
            "postgresql://USER:PASSWORD@HOST/NAME."
        )
    # psycopg (3) is the driver that our postgres extra installs
    return parsed.set(drivername="postgresql+psycopg") if backend == "postgresql" else parsed


def _sqlite_engine(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise DatabaseProblem(
            "shiftscope's processes meet in the database, so SQLite needs a file: "
            "use sqlite:///FILE."
        )
    file = Path(url.database).expanduser()
    file.parent.mkdir(parents=True, exist_ok=True)
    url = url.set(database=str(file))
    engine = sqlalchemy.create_engine(
        url, connect_args={"timeout": BUSY_SECONDS}, json_serializer=_to_json
    )

    @event.listens_for(engine, "connect")
    def _set_pragmas(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        # SQLite's own knows ASCII only; PostgreSQL's knows all letters.
        connection.create_function("lower", 1, _lower, deterministic=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("shiftscope_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _connect_patiently(engine: Engine, seconds: float) -> None:
    @event.listens_for(engine, "do_connect")
    def _connect(dialect: Dialect, _record: Any, arguments: Any, settings: Any) -> Any:
        began = time.monotonic()
        while True:
            try:
                return dialect.connect(*arguments, **settings)
            except dialect.loaded_dbapi.OperationalError:
                if time.monotonic() - began > seconds:
                    raise
                time.sleep(CONNECT_AGAIN_SECONDS)


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _to_json(value: Any) -> str:
    """JSON has no NaN and PostgreSQL takes none: non-finite numbers become their names."""
    return json.dumps(_named(value), allow_nan=False)


def _named(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _named(one) for key, one in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return [_named(one) for one in cast(list[Any], value)]
    return value
