"""Backups: a database and the checkpoints of its runs in one file, taken while runs go on.

A backup is a zip that compresses nothing: the database as one SQLite file, the folder of the
checkpoints, and a manifest with the size and the SHA-256 of each. Only SQLite is backed up here;
PostgreSQL has tools of its own.
"""

import hashlib
import re
import sqlite3
import tempfile
import zipfile
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel, ValidationError
from sqlalchemy import URL

from .checkpoints import PLACE, beside, identity_in, of_run, runs_with_checkpoints
from .durable import sync
from .engine import parse_url
from .errors import DatabaseProblem

MANIFEST, DATABASE, CHECKPOINTS = "manifest.json", "shiftscope.db", "checkpoints"
PAGES_AT_ONCE = 4_096
BYTES_AT_ONCE = 1 << 20
BUSY_SECONDS = 30
_CHECKPOINT = re.compile(rf"{CHECKPOINTS}/({PLACE}|\d{{1,10}}/\d{{1,18}}\.(training|records))")


class Entry(BaseModel):
    """One file of a backup."""

    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a backup holds."""

    format: Literal["shiftscope backup 1"] = "shiftscope backup 1"
    shiftscope: str
    """The version that made it."""
    revision: str
    """The migration that its tables are at."""
    runs: int
    made_at: datetime
    files: dict[str, Entry]


def back_up(url: str, file: Path) -> Manifest:
    """Write a backup of a database, whoever writes to it meanwhile; nobody waits for it.

    What is named `file` in the end is whole and was verified; an earlier one is there until then.
    Beside it there must be room for the database twice.

    Args:
        url: The database's.
        file: The backup.

    Raises:
        DatabaseProblem: It is no SQLite database, is damaged, or the backup can't be written.
    """
    database = sqlite_file(url)
    if not database.is_file():
        raise DatabaseProblem(f"There is no database {database}: nothing to back up.")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as folder:
            part = Path(folder, "part.zip")
            with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
                # The checkpoints first: one that is ahead of the records would be of no use.
                files = dict(_add_checkpoints(archive, beside(database, identity_in(database))))
                copy = Path(folder, DATABASE)
                revision, runs = _copy(database, copy)
                with copy.open("rb") as stream:
                    files[DATABASE] = _add(archive, DATABASE, stream)
                manifest = Manifest(
                    shiftscope=version("shiftscope"),
                    revision=revision,
                    runs=runs,
                    made_at=datetime.now(UTC),
                    files=files,
                )
                archive.writestr(MANIFEST, manifest.model_dump_json(indent=2))
            with opened(part) as (written, _):
                for name in files:
                    for _part in contents(written, manifest, name):
                        pass
            sync(part)
            part.replace(file)
        sync(file.parent)
    except (OSError, sqlite3.Error) as error:
        raise DatabaseProblem(f"{file} can't be written as a backup: {error}.") from error
    return manifest


def sqlite_file(url: str) -> Path:
    """The file of a SQLite database.

    Raises:
        DatabaseProblem: It is PostgreSQL: says what to do there.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return Path(parsed.database).expanduser().absolute()
    where = (parsed.host, parsed.port, parsed.database, parsed.query)
    shown = URL.create("postgresql", parsed.username, None, *where).render_as_string()
    raise DatabaseProblem(
        "PostgreSQL has tools of its own for this, which work while runs go on. Back up with "
        f"`pg_dump --format=custom --file=FILE {shown}`, restore with "
        f"`pg_restore --clean --if-exists --single-transaction --dbname={shown} FILE`, and copy "
        f"{parsed.database}.IDENTITY.checkpoints in the workers' data folders."
    )


def sqlite_url(file: Path) -> str:
    """The URL of a SQLite file."""
    return URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)


@contextmanager
def opened(file: Path) -> Generator[tuple[zipfile.ZipFile, Manifest]]:
    """A backup and its manifest.

    Raises:
        DatabaseProblem: It is not there, or no whole backup.
    """
    try:
        archive = zipfile.ZipFile(file)
    except FileNotFoundError:
        raise DatabaseProblem(f"There is no file {file}.") from None
    except zipfile.BadZipFile as error:
        raise _damaged(file, str(error)) from error
    with archive:
        for one in archive.infolist():
            # so that what it holds is no larger than itself
            if one.compress_type != zipfile.ZIP_STORED or one.flag_bits & 1:
                raise _damaged(file, f"{one.filename!r} is compressed or encrypted")
        try:
            manifest = Manifest.model_validate_json(archive.read(MANIFEST))
        except (zipfile.BadZipFile, ValidationError, KeyError) as error:
            raise _damaged(file, f"{MANIFEST} is missing or not readable") from error
        names = set(archive.namelist())
        if DATABASE not in manifest.files or names != {MANIFEST, *manifest.files}:
            raise _damaged(file, "its files are not those of its manifest")
        for name in names - {MANIFEST, DATABASE}:
            if not _CHECKPOINT.fullmatch(name):
                raise _damaged(file, f"{name!r} is no name that a backup has")
        yield archive, manifest


def contents(archive: zipfile.ZipFile, manifest: Manifest, name: str) -> Iterator[bytes]:
    """One file of a backup, some bytes at a time, verified at its end.

    Raises:
        DatabaseProblem: It is not what the manifest says.
    """
    entry, found, size = manifest.files[name], hashlib.sha256(), 0
    file = Path(str(archive.filename))
    try:
        with archive.open(name) as stream:
            for part in _parts(stream):
                found.update(part)
                size += len(part)
                yield part
    except zipfile.BadZipFile as error:
        raise _damaged(file, str(error)) from error
    if (size, found.hexdigest()) != (entry.bytes, entry.sha256):
        raise _damaged(file, f"{name} is not what its manifest says")


def check_integrity(file: Path) -> None:
    """Read a SQLite file through.

    Raises:
        DatabaseProblem: It is damaged.
    """
    if (found := damage(file)) is not None:
        raise DatabaseProblem(
            f"The database is damaged ({found}), so nothing was written. `shiftscope check` says "
            "what can be done."
        )


def damage(file: Path) -> str | None:
    """What SQLite finds wrong in a file that it reads through; None where nothing is."""
    try:
        with closing(sqlite3.connect(file, timeout=BUSY_SECONDS)) as database:
            (found,) = database.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        found = str(error)
    return None if found == "ok" else " ".join(found.split())


def _copy(database: Path, copy: Path) -> tuple[str, int]:
    """Copy a database as it is at one moment; returns the revision of its tables, and its runs.

    One read transaction holds that moment, so that neither writers wait (the file is in WAL mode)
    nor the copy begins anew when they write.
    """
    with (
        closing(sqlite3.connect(database, timeout=BUSY_SECONDS, isolation_level=None)) as source,
        closing(sqlite3.connect(copy, isolation_level=None)) as target,
    ):
        source.execute("BEGIN")
        try:
            (revision,) = source.execute("SELECT version_num FROM alembic_version").fetchone()
            (runs,) = source.execute("SELECT count(*) FROM runs").fetchone()
        except (sqlite3.DatabaseError, TypeError) as error:
            raise DatabaseProblem(
                f"{database} can't be read as a database of shiftscope: {error}."
            ) from error
        source.backup(target, pages=PAGES_AT_ONCE, progress=_interruptible)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, with no other beside it
    check_integrity(copy)
    return revision, runs


def _interruptible(_status: int, _remaining: int, _pages: int) -> None:
    """Called between two parts of a copy, so that Python looks whether Ctrl-C was pressed."""


def _add_checkpoints(archive: zipfile.ZipFile, folder: Path) -> Iterator[tuple[str, Entry]]:
    if (place := folder / PLACE).exists():
        with place.open("rb") as stream:
            yield f"{CHECKPOINTS}/{PLACE}", _add(archive, f"{CHECKPOINTS}/{PLACE}", stream)
    done: set[int] = set()
    while begun := [one for one in runs_with_checkpoints(folder) if one not in done]:
        for run_id in begun:
            with ExitStack() as opened_files:
                for name, stream in _opened(of_run(folder, run_id), opened_files):
                    yield name, _add(archive, name, stream)
        done.update(begun)


def _opened(folder: Path, opened_files: ExitStack) -> list[tuple[str, IO[bytes]]]:
    """All checkpoints of a run, by the names that they get; what is open can be read to its end.

    Meanwhile the run may make a newer one and remove the oldest, or finish and remove all.
    """
    while True:
        try:
            named = [(f"{CHECKPOINTS}/{folder.name}/{one.name}", one) for one in folder.iterdir()]
            return [
                (name, opened_files.enter_context(file.open("rb")))
                for name, file in sorted(named)
                if _CHECKPOINT.fullmatch(name)
            ]
        except FileNotFoundError:
            if not folder.exists():
                return []


def _add(archive: zipfile.ZipFile, name: str, source: IO[bytes]) -> Entry:
    found, size = hashlib.sha256(), 0
    with archive.open(name, "w", force_zip64=True) as target:
        for part in _parts(source):
            target.write(part)
            found.update(part)
            size += len(part)
    return Entry(bytes=size, sha256=found.hexdigest())


def _parts(stream: IO[bytes]) -> Iterator[bytes]:
    while part := stream.read(BYTES_AT_ONCE):
        yield part


def _damaged(file: Path, why: str) -> DatabaseProblem:
    return DatabaseProblem(f"{file} is no whole backup ({why}). Take another one.")
