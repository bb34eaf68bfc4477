"""Runs that go on where they were: interrupted ones by themselves, stopped and failed ones when
they are asked to.

A run that goes on is queued again; what claims it takes it to its newest checkpoint, or begins anew
where there is none. Only experiments do: a study is measured as a whole, and a watched run is its
program's own.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, case, select, update

from . import read
from .engine import writing
from .errors import Conflict, NotFound
from .log import add_entry
from .outline import settle
from .queue_length import keep_to
from .tables import ACTIVE, Run

MOST_INTERRUPTIONS = 3
"""As often a run goes on by itself without having come to a new checkpoint in between."""
KEPT = "What had been recorded is kept"
GAVE_UP = (
    "That happened again and again without a new checkpoint in between, so the run does not go on "
    f"by itself. {KEPT}; press Resume to try again."
)


def resumable(engine: Engine, run_id: int) -> dict[str, Any]:
    """The experiment's document of a run that was stopped, or that failed.

    Raises:
        NotFound: There is no such run.
        Conflict: It is none that can go on.
    """
    run = read.run(engine, run_id)
    _check_resumable(run)
    assert run.experiment is not None
    return run.experiment


def resume(engine: Engine, run_id: int, *, most: int | None = None) -> None:
    """Queue a run that was stopped, or that failed, to go on where it was.

    Raises:
        NotFound: There is no such run.
        Conflict: It is none that can go on, or more than `most` would be queued.
    """
    with writing(engine) as connection:
        run = _locked(connection, run_id)
        _check_resumable(run)
        keep_to(connection, most)
        _queue_again(connection, run_id, interruptions=0, edited_at=datetime.now(UTC))
        add_entry(connection, run_id, f"Resumed: it goes on {_from(connection, run)}")


def _check_resumable(run: Any) -> None:
    """Refuse a run that can't be resumed."""
    if run.deleted_at is not None:
        raise Conflict(f"Run {run.id} is deleted. Restore it before you resume it.")
    if run.source != "experiment":
        raise Conflict(f"Run {run.id} is {_KINDS[run.source]}.")
    if run.status in ACTIVE:
        raise Conflict(f"Run {run.id} is {run.status}: it goes on anyway.")
    if run.status == "finished":
        raise Conflict(f"Run {run.id} has finished: nothing of it is left to train.")


_KINDS = {
    "study": "a study, which is measured as a whole. Run it again",
    "watch": "watched: its loop belongs to your own program. Resume it there",
    "import": "an import: there is nothing to train",
}


def hand_back(engine: Engine, run_id: int, start: int) -> bool:
    """Queue a running experiment again, whose worker ends in good order; whether it was one.

    `start`: as `interrupted` has it.
    """
    with writing(engine) as connection:
        run = _locked(connection, run_id)
        if (run.status, run.source, run.starts) != ("running", "experiment", start):
            return False
        _queue_again(connection, run_id)
        where = _from(connection, run)
        words = f"Its worker was shut down. With the next worker it goes on {where}"
        add_entry(connection, run_id, words)
        return True


def interrupted(engine: Engine, run_id: int, reason: str, start: int) -> bool:
    """Deal with a run whose training was ended from outside; False where nothing was to be done.

    Args:
        engine: The database.
        run_id: The run.
        reason: A sentence.
        start: Which start of it that was; nothing is done where there is another by now.
    """
    with writing(engine) as connection:
        run = _locked(connection, run_id)
        if run.status not in ("running", "stopping") or run.starts != start:
            return False
        go_on_or_end(connection, run_id, reason)
        return True


def go_on_or_end(connection: Connection, run_id: int, reason: str) -> None:
    """What becomes of a running or stopping run that was interrupted, in a transaction.

    An experiment goes on by itself, but not for ever; a run that was to stop has stopped.
    """
    run = _locked(connection, run_id)
    if run.status == "stopping":
        _end(connection, run_id, "stopped", f"{reason} {KEPT}.")
    elif run.source == "watch":
        _end(connection, run_id, "failed", reason)
    elif run.source != "experiment":
        _end(connection, run_id, "failed", f"{reason} {KEPT}; press Run again to start anew.")
    elif run.interruptions >= MOST_INTERRUPTIONS:
        _end(connection, run_id, "failed", f"{reason} {GAVE_UP}")
    else:
        _queue_again(connection, run_id, interruptions=run.interruptions + 1)
        words = f"{reason} It goes on {_from(connection, run)}"
        add_entry(connection, run_id, words, "warning")


def without_checkpoints(engine: Engine, run_ids: Sequence[int]) -> list[int]:
    """Those of some runs that need none: they have finished, or are there no more."""
    query = select(Run.id).where(Run.id.in_(run_ids), Run.status != "finished")
    with engine.connect() as connection:
        need = set(connection.scalars(query))
    return [run_id for run_id in run_ids if run_id not in need]


def kept(engine: Engine, run_id: int, start: int, step: int, place: str) -> bool:
    """Note that a checkpoint is complete; False where the run has another start by now.

    Args:
        engine: The database.
        run_id: The run.
        start: Which start of it made the checkpoint.
        step: The last step that was trained.
        place: The name of the folder that it lies in (`checkpoints.place_of`).
    """
    is_new = Run.checkpoint_step.is_(None) | (Run.checkpoint_step < step)
    with writing(engine) as connection:
        noted = connection.execute(
            update(Run)
            .where(Run.id == run_id, Run.starts == start)
            .values(
                checkpoint_step=step,
                checkpoint_place=place,
                interruptions=case((is_new, 0), else_=Run.interruptions),
            )
        )
        return noted.rowcount == 1


def _locked(connection: Connection, run_id: int) -> Any:
    columns = (Run.id, Run.status, Run.source, Run.starts, Run.interruptions, Run.deleted_at)
    checkpoint = (Run.checkpoint_step, Run.checkpoint_place)
    query = select(*columns, *checkpoint).where(Run.id == run_id).with_for_update()
    found = connection.execute(query).one_or_none()
    if found is None:
        raise NotFound(f"There is no run {run_id}.")
    return found


def _from(connection: Connection, run: Any) -> str:
    """The end of a sentence; with PostgreSQL another one, which says where that is."""
    if run.checkpoint_step is None:
        return "from the start."
    words = f"from its checkpoint at step {run.checkpoint_step:,}."
    if connection.dialect.name != "postgresql":
        return words
    return (
        f"{words} That lies at {run.checkpoint_place}: it waits for a worker there. If there will "
        "be none any more, Run again begins it anew."
    )


def _queue_again(connection: Connection, run_id: int, **columns: Any) -> None:
    ended = dict.fromkeys(("error", "ended_at", "duration", "ratio", "stop_asked_at", "phase"))
    connection.execute(
        update(Run)
        .where(Run.id == run_id)
        .values(status="queued", worker_id=None, **ended, **columns)
    )


def _end(connection: Connection, run_id: int, status: str, error: str) -> None:
    values = {"status": status, "error": error, "phase": None, "ended_at": datetime.now(UTC)}
    connection.execute(update(Run).where(Run.id == run_id).values(values))
    settle(connection, [run_id])
    level = "error" if status == "failed" else "info"
    add_entry(connection, run_id, f"{status.capitalize()}. {error}", level)
