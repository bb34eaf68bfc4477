"""The queue of runs: enqueue, claim, heartbeat, ask to stop, finish, reconcile.

queued ──claim──▶ running ──end──▶ finished | failed
  │                  └──ask_to_stop──▶ stopping ──end──▶ stopped | finished | failed
  └──ask_to_stop──▶ stopped

A run that was asked to stop may reach its last step, or fail, before it sees that. `reconcile`
deals with what a dead worker left running or stopping: what can go on is queued again
(`resuming.py`), as is what a person resumes.

A watched run is trained by a person's own program: `begin_watched` makes it running at once, its
recorder holds it by a row in `workers` as a worker would, and nobody else can stop it.
"""

import os
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from unicodedata import category

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    delete,
    func,
    insert,
    select,
    update,
)

from . import read
from .engine import database_time, writing
from .errors import Conflict, NotFound
from .experiment import Experiment
from .lease import LEASE, is_alive
from .log import add_entry
from .outline import of_document, of_watched, settle
from .queue_length import keep_to
from .resuming import go_on_or_end
from .study import Study
from .tables import ACTIVE, Run, Status, Worker, WorkerKind

GONE = timedelta(seconds=6)
"""One of this machine that was silent for so long, and whose process is not there, is dead."""
FORGOTTEN = timedelta(days=7)
"""A recorder that was silent for so long is dead; clocks seldom jump as far."""

WORKER_LOST = "The worker that ran it was lost: it crashed, was killed or the machine went down."
WATCHED_LOST = (
    "The program that trained it ended without closing the run: it crashed, was killed or the "
    "machine went down. What had been recorded is kept."
)
Ended = Literal["finished", "stopped", "failed"]


def enqueue(
    engine: Engine,
    experiment: Experiment | Study,
    catalog_entry: str | None = None,
    *,
    most: int | None = None,
) -> int:
    """Store a run of an experiment or a study as queued; returns its number.

    Raises:
        Conflict: More than `most` would be queued.
    """
    return enqueue_all(engine, [(experiment, catalog_entry)], most=most)[0]


def enqueue_all(
    engine: Engine,
    asked: Sequence[tuple[Experiment | Study, str | None]],
    *,
    most: int | None = None,
) -> list[int]:
    """Store runs, each with the catalog entry that it came from, or none of them.

    Raises:
        Conflict: More than `most` would be queued.
    """
    with writing(engine) as connection:
        keep_to(connection, most, len(asked))
        return [insert_queued(connection, one, entry) for one, entry in asked]


def insert_queued(
    connection: Connection,
    experiment: Experiment | Study,
    catalog_entry: str | None,
    sweep_id: int | None = None,
) -> int:
    """Store a queued run in a transaction; returns its number."""
    kind = "study" if isinstance(experiment, Study) else "experiment"
    document = experiment.model_dump(mode="json")
    run_id = connection.execute(
        insert(Run)
        .values(
            name=experiment.name,
            catalog_entry=catalog_entry,
            sweep_id=sweep_id,
            source=kind,
            **{kind: document},
            **of_document(document),
            status="queued",
            steps=None if isinstance(experiment, Study) else experiment.steps,
            step=0,
            summary={},
            created_at=datetime.now(UTC),
        )
        .returning(Run.id)
    ).scalar_one()
    add_entry(connection, run_id, "Queued.")
    return run_id


def begin_watched(
    engine: Engine,
    worker_id: int,
    name: str,
    watched: Mapping[str, Any],
    steps: int | None = None,
) -> int:
    """Store a watched run as running; returns its number.

    One that its recorder has already begun was stored when the answer got lost.

    Args:
        engine: The database.
        worker_id: Who records it, registered with the kind `watch`.
        name: How the list of runs calls it; made to fit.
        watched: What is watched, as docs/protocol.md describes it.
        steps: How long the loop will be, where that is known.
    """
    now = datetime.now(UTC)
    with writing(engine) as connection:
        held = select(Run.id).where(Run.worker_id == worker_id, Run.status == "running")
        if (begun := connection.scalar(held)) is not None:
            return begun
        run_id = connection.execute(
            insert(Run)
            .values(
                name=fitting(name),
                source="watch",
                watched=dict(watched),
                **of_watched(watched),
                status="running",
                steps=steps,
                step=0,
                summary={},
                worker_id=worker_id,
                created_at=now,
                started_at=now,
            )
            .returning(Run.id)
        ).scalar_one()
        add_entry(
            connection, run_id, f"Watched by process {os.getpid()} on {socket.gethostname()}."
        )
        return run_id


def fitting(name: str) -> str:
    """A name that the list can show and the database store, whatever a program calls its run."""
    plain = "".join(sign if is_storable(sign) else " " for sign in name)
    return plain.strip()[:80].strip() or "Untitled"


def is_storable(text: str) -> bool:
    """Whether every database stores it: no control characters, no halves of a surrogate pair."""
    return all(category(sign) not in ("Cc", "Cs") for sign in text)


def claim(
    engine: Engine, worker_id: int, run_id: int | None = None, place: str | None = None
) -> int | None:
    """Take the oldest queued run (or just the one named); None when there is none.

    With PostgreSQL one that goes on from a checkpoint is only taken where that lies, by the name of
    the `place`. Who shares a SQLite file has the folder beside it.

    Two workers that race for one run both send the update; the database lets one of them match.
    A run that the worker, which has none, holds already was claimed when the answer got lost.
    """
    with engine.connect() as connection:
        is_held = Run.status.in_(("running", "stopping")) & (Run.worker_id == worker_id)
        held = select(Run.id).where(is_held)
        if (lost := connection.scalar(held)) is not None:
            return lost
        query = select(Run.id).where(Run.status == "queued").order_by(Run.id)
        if connection.dialect.name == "postgresql":
            is_here = Run.checkpoint_place.is_(None) | (Run.checkpoint_place == place)
            query = query.where(is_here)
        candidates = connection.scalars(query.where(Run.id == run_id) if run_id else query).all()
    for candidate in candidates:
        with writing(engine) as connection:
            claimed = connection.execute(
                update(Run)
                .where(Run.id == candidate, Run.status == "queued")
                .values(
                    status="running",
                    worker_id=worker_id,
                    started_at=func.coalesce(Run.started_at, datetime.now(UTC)),
                    starts=Run.starts + 1,
                )
            )
            if claimed.rowcount == 1:
                who = f"worker {worker_id}, process {os.getpid()} on {socket.gethostname()}"
                add_entry(connection, candidate, f"Started by {who}.")
                return candidate
    return None


def ask_to_stop(engine: Engine, run_id: int) -> Status:
    """Ask for an end; returns the status that results.

    A queued run stops at once, a running one as soon as its loop sees it. Asking again changes
    nothing.

    Raises:
        NotFound: There is no such run.
        Conflict: The run has ended already, or it is a watched one.
    """
    now = datetime.now(UTC)
    with writing(engine) as connection:
        # Locks the row in PostgreSQL, so that the run can't end before the update below; on SQLite
        # we hold the write lock already.
        query = select(Run.status, Run.source).where(Run.id == run_id).with_for_update()
        found = connection.execute(query).one_or_none()
        if found is None:
            raise NotFound(f"There is no run {run_id}.")
        status, source = found
        if status == "stopping":
            return "stopping"
        if status not in ACTIVE:
            raise Conflict(f"Run {run_id} has ended already: it is {status}.")
        if source == "watch":
            raise Conflict(
                f"Run {run_id} is watched: its loop belongs to your own program. End it there."
            )
        values: dict[str, Any] = (
            {"status": "stopped", "ended_at": now} if status == "queued" else {"status": "stopping"}
        )
        connection.execute(update(Run).where(Run.id == run_id).values(stop_asked_at=now, **values))
        is_queued = status == "queued"
        add_entry(connection, run_id, "Stopped before it began." if is_queued else "Asked to stop.")
        return values["status"]


def end(
    engine: Engine,
    run_id: int,
    status: Ended,
    error: str | None = None,
    *,
    start: int | None = None,
    remark: str | None = None,
) -> bool:
    """Mark an active run as ended; False when it had ended already, and nothing was changed.

    Args:
        engine: The database.
        run_id: The run.
        status: How it ended.
        error: Why, in sentences.
        start: Which start of it has ended; nothing is changed where there is another by now.
        remark: What its log says ahead of the end.
    """
    active = (Run.id == run_id, Run.status.in_(ACTIVE))
    values: dict[str, Any] = {"status": status, "error": error, "phase": None}
    if status == "finished":
        values |= {"checkpoint_step": None, "checkpoint_place": None, "interruptions": 0}
    with writing(engine) as connection:
        ended = connection.execute(
            update(Run)
            .where(*active, *(() if start is None else (Run.starts == start,)))
            .values(**values, ended_at=datetime.now(UTC))
        )
        if ended.rowcount == 1:
            settle(connection, [run_id])
            if remark is not None:
                add_entry(connection, run_id, remark)
            level = "error" if status == "failed" else "info"
            add_entry(connection, run_id, f"{status.capitalize()}. {error or ''}".strip(), level)
        return ended.rowcount == 1


def register(engine: Engine, kind: WorkerKind = "worker", place: str | None = None) -> int:
    """Add this process to the workers; returns its number.

    Args:
        engine: The database.
        kind: The recorder of a watched run is a `watch`: it holds a lease and claims nothing.
        place: The name of its folder of checkpoints.
    """
    with writing(engine) as connection:
        now = database_time(connection)
        _forget_recorders(connection, now)
        return connection.execute(
            insert(Worker)
            .values(
                host=socket.gethostname(),
                pid=os.getpid(),
                kind=kind,
                place=place,
                started_at=now,
                heartbeat_at=now,
            )
            .returning(Worker.id)
        ).scalar_one()


def _forget_recorders(connection: Connection, now: datetime) -> None:
    """Those that were killed: where only `watch` is used no worker ever comes to reconcile.

    One of this machine whose process is there lives, whatever a clock that jumped says.
    """
    silent = (Worker.kind == "watch") & (Worker.heartbeat_at < now - FORGOTTEN)
    found = connection.execute(select(Worker.id, Worker.host, Worker.pid).where(silent))
    dead = [id for id, host, pid in found if host != socket.gethostname() or not _is_there(pid)]
    connection.execute(delete(Worker).where(Worker.id.in_(dead)))


def heartbeat(engine: Engine, worker_id: int, offers: Mapping[str, Any] | None = None) -> datetime:
    """Say that a worker is alive and, when `offers` is given, which devices and datasets it has.

    Returns the moment by the clock that heartbeats are compared by.
    """
    with writing(engine) as connection:
        now = database_time(connection)
        connection.execute(
            update(Worker).where(Worker.id == worker_id).values(heartbeat_at=now, **(offers or {}))
        )
        return now


def living_workers(engine: Engine) -> Sequence[Worker]:
    """The workers that are alive, the one heard of last first; no recorders."""
    with engine.connect() as connection:
        now = database_time(connection)
    return [one for one in read.workers(engine) if abs(now - one.heartbeat_at) <= LEASE]


def sign_off(engine: Engine, worker_id: int) -> None:
    """Remove a worker that ends in good order."""
    with writing(engine) as connection:
        connection.execute(delete(Worker).where(Worker.id == worker_id))


def bury(engine: Engine, pid: int) -> None:
    """Forget a worker of this machine that is known to be dead, and reconcile at once."""
    with writing(engine) as connection:
        connection.execute(
            delete(Worker).where(Worker.host == socket.gethostname(), Worker.pid == pid)
        )
    reconcile(engine)


def revive_watched(engine: Engine, run_id: int, worker_id: int) -> None:
    """A watched run that was taken for lost is alive after all: its recorder goes on with it."""
    with writing(engine) as connection:
        now = database_time(connection)
        kept = update(Worker).where(Worker.id == worker_id).values(heartbeat_at=now)
        if connection.execute(kept).rowcount == 1:
            revived = connection.execute(
                update(Run)
                .where(Run.id == run_id, Run.source == "watch", Run.status == "failed")
                .values(
                    status="running",
                    error=None,
                    ended_at=None,
                    duration=None,
                    ratio=None,
                    worker_id=worker_id,
                )
            )
            if revived.rowcount == 1:
                add_entry(connection, run_id, "Its program is alive after all: the run goes on.")


def reconcile(engine: Engine, steady: datetime | None = None) -> list[int]:
    """Deal with the runs whose worker is gone; returns their numbers.

    Experiments go on by themselves, but not for ever; the others have failed.

    Args:
        engine: The database.
        steady: Now, by the clock of heartbeats, where that can be trusted (`steadiness.py`). None:
            nobody is taken for dead only because of a silence.
    """
    with engine.connect() as connection:  # most looks find nothing, and need not wait for a lock
        query = lost(connection, steady)
        forgotten = None if steady is None else Worker.heartbeat_at < steady - 100 * LEASE
        old = forgotten is not None and connection.scalar(select(Worker.id).where(forgotten))
        if not old and connection.execute(query).first() is None:
            return []
    with writing(engine) as connection:
        orphans = connection.execute(query.with_for_update()).all()
        for run_id, source, _ in orphans:
            go_on_or_end(connection, run_id, WATCHED_LOST if source == "watch" else WORKER_LOST)
        if forgotten is not None:
            connection.execute(delete(Worker).where(forgotten))
        return [run_id for run_id, *_ in orphans]


def lost(connection: Connection, steady: datetime | None) -> Select[int, str, str]:
    """Number, source and status of the runs whose worker is gone; `steady` as for `reconcile`.

    It has signed off, it was of this machine and its process is not there, or it fell silent.
    """
    is_here = Worker.host == socket.gethostname()
    quiet = is_here & (Worker.heartbeat_at < database_time(connection) - GONE)
    found = connection.execute(select(Worker.id, Worker.pid).where(quiet))
    alive = select(Worker.id).where(
        Worker.id.not_in([id for id, pid in found if not _is_there(pid)])
    )
    if steady is not None:
        alive = alive.where(is_alive(steady))
    is_lost = Run.worker_id.is_(None) | Run.worker_id.not_in(alive)
    is_going = Run.status.in_(("running", "stopping"))
    return select(Run.id, Run.source, Run.status).where(is_going, is_lost).order_by(Run.id)


def _is_there(pid: int) -> bool:
    """Whether this machine has a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
