"""Migrations: a database brought to this version's tables, the SQLite file copied before."""

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from . import outline
from .errors import DatabaseIsNewer, DatabaseProblem

OUTLINED = "0007"
"""The first revision whose runs have an outline."""


def upgrade(engine: Engine, migrations: Path) -> None:
    """Bring a database up to date; of two processes that try at once, one waits for the other.

    Raises:
        DatabaseIsNewer: A later version of shiftscope wrote it.
        DatabaseProblem: An upgrade would have torn records from their runs; nothing was changed.
    """
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
        if current is not None and current < OUTLINED:
            outline.fill(connection)


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
