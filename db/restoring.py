"""Puts a backup in a database's place; what was there is set aside, and nothing is lost.

Who may ask, and who changed what, is not turned back: tokens and audit are those of the database
that is replaced, so that a token that was revoked since stays revoked.
"""

import sqlite3
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, update

from .audit import COMMAND_LINE, add_line
from .backup import (
    CHECKPOINTS,
    DATABASE,
    Manifest,
    check_integrity,
    contents,
    opened,
    sqlite_file,
    sqlite_url,
)
from .checkpoints import beside, identity_in
from .durable import sync
from .engine import open_database, writing
from .errors import Conflict, DatabaseProblem
from .tables import AuditEntry, Table, Token

KEPT: tuple[type[Table], ...] = (Token, AuditEntry)
IN_USE_SECONDS = 2
"""So long others have to let go of the database that is replaced."""


def restore(url: str, file: Path, *, force: bool) -> tuple[Manifest, Path | None]:
    """Verify a backup, bring it up to date and put it where the database is to be.

    Args:
        url: The database's.
        file: The backup.
        force: Whether a database that is there is set aside.

    Returns:
        What the backup holds, and where the database that was there is now, if there was one.

    Raises:
        DatabaseProblem: The backup is damaged or of a later version, or can't be written.
        Conflict: There is a database, and `force` is not given or a process has it open.
    """
    database = sqlite_file(url)
    if database.exists() and not force:
        raise Conflict(
            f"There is a database {database}. With --force it is set aside; --database names "
            "another place."
        )
    try:
        with opened(file) as (archive, manifest):
            database.parent.mkdir(parents=True, exist_ok=True)
            prefix = f".{database.name}."
            with tempfile.TemporaryDirectory(prefix=prefix, dir=database.parent) as folder:
                new, checkpoints = Path(folder, DATABASE), Path(folder, CHECKPOINTS)
                for name in manifest.files:
                    target = Path(folder, name)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with target.open("wb") as stream:
                        stream.writelines(contents(archive, manifest, name))
                    sync(target)
                check_integrity(new)
                open_database(sqlite_url(new)).dispose()
                identity, identities = identity_in(new), _identities(new, database)
                what = f"restore backup of {manifest.made_at:%F %T} UTC: {file.name}"[:120]
                with _nobody_in(database) as held:
                    _keep_access(held, new, what)
                    sync(new)
                    aside = _set_aside(database, identities)
                    if checkpoints.is_dir():
                        checkpoints.replace(beside(database, identity))
                    new.replace(database)
        sync(database.parent)
    except (OSError, sqlite3.Error) as error:
        raise DatabaseProblem(f"{database} can't be restored: {error}.") from error
    return manifest, aside


def _identities(*databases: Path) -> set[str]:
    """Of those that are there and can be read."""
    found: set[str] = set()
    for database in databases:
        if database.exists():
            with suppress(sqlite3.DatabaseError):
                found.add(identity_in(database))
    return found


@contextmanager
def _nobody_in(database: Path) -> Generator[sqlite3.Connection | None]:
    """Hold a database, if there is one, so that nobody else opens it while it is replaced.

    Raises:
        Conflict: A process has it open.
    """
    if not database.exists():
        yield None
        return
    with closing(sqlite3.connect(database, IN_USE_SECONDS, isolation_level=None)) as held:
        try:
            # Leaving WAL mode takes that nobody else has it open, and leaves one file.
            held.execute("PRAGMA journal_mode=DELETE")
            held.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            # anything else is a damaged file: a reason to restore
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise Conflict(
                    f"{database} is in use. End `shiftscope serve`, workers and watched programs "
                    "first."
                ) from None
        yield held


def _keep_access(held: sqlite3.Connection | None, new: Path, what: str) -> None:
    """Take over tokens and audit from a database that is replaced, and add what was done to it.

    Where they can't be read, no token of the backup lets anyone in: nobody knows which of them were
    revoked since.
    """
    engine = open_database(sqlite_url(new))
    with writing(engine) as connection:
        try:
            kept = {} if held is None else _access(held)
        except sqlite3.DatabaseError:
            kept = {}
            valid = update(Token).where(Token.revoked_at.is_(None))
            connection.execute(valid.values(revoked_at=datetime.now(UTC)))
            add_line(connection, COMMAND_LINE, "revoke all tokens: the database was damaged")
        for table, rows in kept.items():
            connection.execute(delete(table))
            if rows:
                places = ", ".join("?" * len(rows[0]))
                sql = f"INSERT INTO {table.__tablename__} ({_columns(table)}) VALUES ({places})"
                connection.exec_driver_sql(sql, rows)
        add_line(connection, COMMAND_LINE, what)
    engine.dispose()


def _access(database: sqlite3.Connection) -> dict[type[Table], list[Any]]:
    """All rows of the tables that are kept, but for those that the database is too old to have."""
    there = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    return {
        table: database.execute(f"SELECT {_columns(table)} FROM {table.__tablename__}").fetchall()
        for table in KEPT
        if table.__tablename__ in there
    }


def _columns(table: type[Table]) -> str:
    return ", ".join(table.__table__.columns.keys())


def _set_aside(database: Path, identities: set[str]) -> Path | None:
    """Rename a database and its checkpoints, so that --database can still name it."""
    was_there = database.exists()
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = database.with_stem(f"{database.stem}.replaced-{stamp}")
    pairs = [(Path(f"{database}{end}"), Path(f"{aside}{end}")) for end in ("", "-wal", "-shm")]
    folders = [(beside(database, one), beside(aside, one)) for one in identities]
    for before, after in [*pairs, *folders]:
        with suppress(FileNotFoundError):
            before.replace(after)
    return aside if was_there else None
