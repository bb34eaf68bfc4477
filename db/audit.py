"""Who changed what: a line for each change that someone asked for, done or refused."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.orm import Session

from .engine import writing
from .log import add_entry
from .tables import AuditEntry, Run

COMMAND_LINE = "command line"
LOOPBACK = "loopback"


def add_line(
    connection: Connection,
    who: str,
    what: str,
    run_id: int | None = None,
    answer: int | None = None,
) -> None:
    """Add a line, with what it tells of in one transaction."""
    connection.execute(
        insert(AuditEntry).values(
            at=datetime.now(UTC), who=who, what=what, run_id=run_id, answer=answer
        )
    )


def record(
    engine: Engine, who: str, what: str, runs: Sequence[int] = (), answer: int | None = None
) -> None:
    """Add a line for each run that was changed, or one where it is about none.

    Where someone came by a token, the log of a run that was changed says so, too. `answer` is the
    server's; None from the command line.
    """
    with writing(engine) as connection:
        for run_id in runs or [None]:
            add_line(connection, who, what, run_id, answer)
        if answer is not None and answer < 400 and who != LOOPBACK:
            there = connection.scalars(select(Run.id).where(Run.id.in_(runs))).all()
            for run_id in there:
                add_entry(connection, run_id, f"{who} asked: {what}.")


def add_refusal(engine: Engine, who: str, what: str, run_id: int | None, answer: int) -> int:
    """Add a line for what was refused; returns its number."""
    values = {"who": who, "what": what, "run_id": run_id, "answer": answer}
    with writing(engine) as connection:
        added = insert(AuditEntry).values(at=datetime.now(UTC), **values)
        return connection.scalars(added.returning(AuditEntry.id)).one()


def reword(engine: Engine, line: int, what: str) -> None:
    """Say in a line how many refusals it is of by now."""
    with writing(engine) as connection:
        connection.execute(update(AuditEntry).where(AuditEntry.id == line).values(what=what))


def lines(engine: Engine, *, limit: int, before: int | None = None) -> Sequence[AuditEntry]:
    """The lines, newest first; only what is numbered below `before`."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    with Session(engine) as session:
        return session.scalars(query).all()
