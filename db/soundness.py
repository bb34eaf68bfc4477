"""What is wrong in a database and among the files beside it, and how it is mended.

`gaps.py` looks for records that are missing, `level_faults.py` for levels that disagree with them.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, Engine, delete, select, text, update

from . import queue
from .backup import damage, sqlite_file
from .checkpoints import of_run, remove_checkpoints, runs_with_checkpoints
from .engine import database_time, writing
from .lease import LEASE
from .steadiness import Steadiness
from .tables import ACTIVE, Layer, Network, Run, Table

READ_WHOLE = 4 * 2**30
"""Bytes up to which a SQLite file is read as a whole without being asked to: some seconds."""
NEWEST_RUNS = 100
"""So many runs are looked at one by one, unless all are asked for."""
LOOK_SECONDS = 1.0
"""Between looks whether who was silent is alive."""
FORGOTTEN = 3600
"""Seconds after which a file that was to be renamed once it was whole belongs to nobody."""


@dataclass(frozen=True)
class Fault:
    """Something that is wrong.

    Attributes:
        where: A word or two, such as `Run 3`.
        found: A sentence.
        remedy: A sentence: what to do about it.
        mend: Does it, where nothing can be lost by that.
    """

    where: str
    found: str
    remedy: str
    mend: Callable[[], object] | None = None


def is_read_whole(engine: Engine, *, full: bool) -> bool:
    """Whether `damaged` and `torn` read a database, which takes a second for 500 MB."""
    if engine.dialect.name != "sqlite":
        return False
    return full or Path(str(engine.url.database)).stat().st_size <= READ_WHOLE


def damaged(file: Path) -> Iterator[Fault]:
    """Read a SQLite file through."""
    if (found := damage(file)) is not None:
        yield Fault(
            "Database",
            f"The file is damaged: {found}.",
            "Restore a backup (`shiftscope restore FILE --force`); without one, save what can be "
            f"read: sqlite3 {file} .recover | sqlite3 NEW.",
        )


def torn(engine: Engine) -> Iterator[Fault]:
    """Rows of a SQLite file that refer to nothing; PostgreSQL has none."""
    with engine.connect() as connection:
        tables = {row[0] for row in connection.execute(text("PRAGMA foreign_key_check"))}
    for table in sorted(tables):
        yield Fault(
            "Database",
            f"Rows of {table} belong to a run, network or layer that is not there.",
            "Nothing can show them; --mend removes them.",
            lambda table=table: _remove_orphans(engine, table),
        )


def _remove_orphans(engine: Engine, name: str) -> None:
    table = Table.metadata.tables[name]
    with writing(engine) as connection:
        for key in table.foreign_keys:
            is_orphan: ColumnElement[bool] = key.parent.not_in(select(key.column))
            if key.ondelete == "SET NULL":
                values = {key.parent.name: None}
                connection.execute(update(table).where(is_orphan).values(values))
            else:
                connection.execute(delete(table).where(is_orphan))


def lost_runs(engine: Engine) -> Iterator[Fault]:
    """Runs that are said to go on while nobody trains them."""
    with engine.connect() as connection:
        gone = {row.id for row in connection.execute(queue.lost(connection, None))}
        lost = connection.execute(queue.lost(connection, database_time(connection))).all()
    for run_id, _, status in lost:
        silent = f"has been silent for {LEASE.total_seconds():.0f} s or more"
        yield Fault(
            f"Run {run_id}",
            f"It is {status}, and its worker {'is gone' if run_id in gone else silent}.",
            "The next worker deals with it, or --mend does: what had been recorded is kept.",
            lambda: _deal_with_lost(engine),
        )


def _deal_with_lost(engine: Engine) -> None:
    """What the next worker would do; where somebody is silent that takes a lease, as for that."""
    queue.reconcile(engine)
    clock = Steadiness()
    while True:
        with engine.connect() as connection:
            now = database_time(connection)
            if connection.execute(queue.lost(connection, now)).first() is None:
                return
        if clock.holds(now):
            queue.reconcile(engine, now)
        else:
            time.sleep(LOOK_SECONDS)


def empty_networks(engine: Engine) -> Iterator[Fault]:
    """Experiments whose networks have no layers, or that finished without any network."""
    has_layers = select(Layer.id).where(Layer.network_id == Network.id).exists()
    bare = select(Network.run_id).where(~has_layers)
    has_networks = select(Network.id).where(Network.run_id == Run.id).exists()
    is_bare = Run.id.in_(bare) | ((Run.status == "finished") & ~has_networks)
    query = select(Run.id).where(Run.source == "experiment", is_bare).order_by(Run.id)
    with engine.connect() as connection:
        found = connection.scalars(query).all()
    for run_id in found:
        yield Fault(
            f"Run {run_id}",
            "It lacks networks, or layers of its networks.",
            "Take it from a backup, or run it again and delete this one.",
        )


def orphaned_files(engine: Engine, url: str, checkpoints: Path) -> Iterator[Fault]:
    """Checkpoints that no run needs, and files that a killed process left half written."""
    here = runs_with_checkpoints(checkpoints)
    with engine.connect() as connection:
        statuses = {row.id: row.status for row in connection.execute(select(Run.id, Run.status))}
    for run_id in here:
        if statuses.get(run_id, "finished") == "finished":
            why = "has finished" if run_id in statuses else "is not there"
            yield Fault(
                "Checkpoints",
                f"{of_run(checkpoints, run_id)} is of run {run_id}, which {why}.",
                "Nothing needs it; --mend removes it.",
                lambda run_id=run_id: remove_checkpoints(checkpoints, [run_id]),
            )
    halves = [
        file
        for run_id in here
        if statuses.get(run_id) not in ACTIVE
        for file in of_run(checkpoints, run_id).glob("*.part")
    ]
    if engine.dialect.name == "sqlite":
        file = sqlite_file(url)
        halves += file.parent.glob(f"{file.name}.*.part")
    for half in halves:
        if half.is_file() and half.stat().st_mtime < time.time() - FORGOTTEN:
            yield Fault(
                "Files",
                f"{half} was never written to its end.",
                "Nothing needs it; --mend removes it.",
                lambda half=half: half.unlink(missing_ok=True),
            )
