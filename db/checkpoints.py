"""Where the checkpoints of runs lie: a folder beside the database, and in it one for each run.

Beside a SQLite file `lab.db` it is `lab.db.IDENTITY.checkpoints`. With PostgreSQL it is in the data
folder of the worker, so that a run goes on where its checkpoints are. A database's identity keeps
it apart from others of the same name; older folders, `lab.checkpoints`, have none.
"""

import contextlib
import re
import shutil
import socket
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine, select

from .durable import sync
from .tables import Identity

PLACE = "place"
"""A file in the folder with a name that no other folder has."""
NAME = re.compile(r"[^\x00-\x1f\x7f]{1,27}:[0-9a-f]{8}")


def checkpoints_folder(engine: Engine, data: Path) -> Path:
    """The folder of a database's checkpoints; it need not be there.

    Args:
        engine: The database.
        data: The data folder of this machine.
    """
    with engine.connect() as connection:
        identity = connection.scalar(select(Identity.name)) or ""
    database = engine.url.database or "shiftscope"
    if engine.dialect.name == "sqlite":
        return beside(Path(database).absolute(), identity)
    return data / _named(database, identity)


def beside(file: Path, identity: str) -> Path:
    """The folder of a SQLite file's checkpoints."""
    return file.with_name(_named(file.name if identity else file.stem, identity))


def identity_in(file: Path) -> str:
    """The identity of a SQLite file, of whichever version; "" where it has none.

    Raises:
        sqlite3.Error: It can't be read.
    """
    with contextlib.closing(sqlite3.connect(file)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE name = 'identity'")
        if tables.fetchone() is None:
            return ""
        return database.execute("SELECT name FROM identity").fetchone()[0]


def _named(database: str, identity: str) -> str:
    return ".".join(part for part in (database, identity, "checkpoints") if part)


def place_of(folder: Path) -> str:
    """The name of a folder of checkpoints, by which runs know it; made where there is none.

    It begins with the host that made it, for a person who looks for it.

    Raises:
        OSError: The folder cannot be written to.
    """
    file = folder / PLACE
    if known := _written_place(file):
        return known
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{socket.gethostname()[:27]}:{uuid4().hex[:8]}"
    new = folder / f"{PLACE}.{name}"
    new.write_text(name)
    sync(new)
    if file.exists():
        new.replace(file)  # what a loss of power has left of it
    else:
        with contextlib.suppress(FileExistsError):  # whoever comes first names it
            file.hardlink_to(new)
        new.unlink()
    sync(folder)
    return _written_place(file) or name


def _written_place(file: Path) -> str | None:
    """What a file says, where that is a name."""
    with contextlib.suppress(FileNotFoundError, UnicodeDecodeError):
        text = file.read_text().strip()
        return text if NAME.fullmatch(text) else None
    return None


def of_run(folder: Path, run_id: int) -> Path:
    """The folder of one run's checkpoints."""
    return folder / str(run_id)


def remove_checkpoints(folder: Path, run_ids: Iterable[int]) -> None:
    """Remove the checkpoints of some runs, as far as they are here."""
    for run_id in run_ids:
        shutil.rmtree(of_run(folder, run_id), ignore_errors=True)


def runs_with_checkpoints(folder: Path) -> list[int]:
    """The numbers of the runs that have any here."""
    if not folder.is_dir():
        return []
    return sorted(int(one.name) for one in folder.iterdir() if one.name.isdecimal())
