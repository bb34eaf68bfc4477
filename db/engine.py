"""URL → engine, brought up to date: SQLite pragmas, PostgreSQL pool, migrations on start."""

import json
import math
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from .errors import DatabaseIsNewer, DatabaseProblem, cause

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
BUSY_SECONDS = 30


def open_database(url: str, *, migrations: Path = MIGRATIONS) -> Engine:
    """Open the database at an SQLAlchemy URL and upgrade it to this version's tables.

    A SQLite file is made where there is none, and copied beside itself before an upgrade.

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
                parsed, pool_pre_ping=True, pool_size=10, json_serializer=_to_json
            )
        try:
            _upgrade(engine, migrations)
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


def ping(engine: Engine) -> None:
    """Ask the database for an answer.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: It gives none.
    """
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("SELECT 1"))


def revision(engine: Engine) -> str | None:
    """The migration that the database's tables are at."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


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

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("shiftscope_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _upgrade(engine: Engine, migrations: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    head = script.get_current_head()
    with engine.connect() as connection:
        if _revision_to_upgrade(connection, script) == head:
            return
    with _rebuilding(engine) as connection:
        # A second process that starts at the same moment waits here, then finds it done.
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(734018)")
        current = _revision_to_upgrade(connection, script)
        if current == head:
            return
        if current is not None and engine.dialect.name == "sqlite":
            _back_up(Path(str(engine.url.database)), current)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


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


@contextmanager
def _rebuilding(engine: Engine) -> Generator[Connection]:
    """A write transaction in which SQLite may rebuild a table, which it does by dropping it.

    With foreign keys on, that would delete what refers to it: a run's records with its row. The
    pragma does nothing inside a transaction.
    """
    with engine.connect().execution_options(shiftscope_writes=True) as connection:
        is_sqlite = engine.dialect.name == "sqlite"
        driver: Any = connection.connection.driver_connection
        if is_sqlite:
            driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
                if is_sqlite and driver.execute("PRAGMA foreign_key_check").fetchone():
                    raise DatabaseProblem(
                        "The database was left as it was: bringing it up to date would have torn "
                        "records from their runs. Please report this."
                    )
        finally:
            if is_sqlite:
                driver.execute("PRAGMA foreign_keys=ON")


def _revision_to_upgrade(connection: Connection, script: ScriptDirectory) -> str | None:
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {r.revision for r in script.walk_revisions()}:
        raise DatabaseIsNewer(
            f"The database was written by a later version of shiftscope (its tables are at "
            f"{current}, this version knows up to {script.get_current_head()}). Upgrade "
            "shiftscope, or name another database with --database."
        )
    return current


def _back_up(file: Path, revision: str) -> None:
    """Copy the file, whose write lock we hold; what is named a backup is a whole one."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    backup = file.with_name(f"{file.name}.{revision}.{stamp}.backup")
    part = backup.with_suffix(".part")
    try:
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(part)) as target:
            source.backup(target)
        part.replace(backup)
    finally:
        part.unlink(missing_ok=True)
