"""All that `shiftscope check` asks of a database and of the files beside it."""

from collections.abc import Iterator
from pathlib import Path
from sqlite3 import OperationalError

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from .backup import sqlite_file
from .checkpoints import checkpoints_folder
from .errors import DatabaseProblem
from .gaps import gaps
from .level_faults import level_faults
from .soundness import (
    NEWEST_RUNS,
    Fault,
    damaged,
    empty_networks,
    is_read_whole,
    lost_runs,
    orphaned_files,
    torn,
)
from .tables import ACTIVE, Run


def faults(engine: Engine, url: str, data: Path, *, full: bool) -> Iterator[Fault]:
    """Everything that is wrong.

    Args:
        engine: The database.
        url: Its URL.
        data: The data folder.
        full: Look at all, however long it takes; otherwise as `looked_at` says.
    """
    if is_read_whole(engine, full=full):
        for fault in damaged(sqlite_file(url)):
            yield fault
            return  # nothing else can be said of it
        yield from torn(engine)
    yield from lost_runs(engine)
    yield from empty_networks(engine)
    yield from orphaned_files(engine, url, checkpoints_folder(engine, data))
    query = select(Run).where(Run.status.not_in(ACTIVE)).order_by(Run.id.desc())
    with Session(engine) as session:
        ended = session.scalars(query if full else query.limit(NEWEST_RUNS)).all()
    for run in ended:
        yield from gaps(engine, run)
        yield from level_faults(engine, run, full=full)


def why_unopened(url: str) -> Iterator[Fault]:
    """What is wrong with a database that cannot be opened, as far as its file tells."""
    try:
        yield from damaged(sqlite_file(url))
    except (DatabaseProblem, OperationalError):
        return  # it is PostgreSQL, or no file that can be read: it was told already


def looked_at(engine: Engine, *, full: bool) -> str:
    """What `faults` looks at."""
    with engine.connect() as connection:
        runs = connection.scalar(select(func.count(Run.id))) or 0
    words = [f"nothing is wrong with {runs:,} run{'s' * (runs != 1)}"]
    if engine.dialect.name == "sqlite" and not is_read_whole(engine, full=full):
        words.append("the file is large and was not read as a whole")
    if not full and runs > NEWEST_RUNS:
        words.append(f"the records of the newest {NEWEST_RUNS} were looked at")
    if not full:
        words.append("a part of their levels, chosen by chance; --full looks at all")
    return ", ".join(words)
