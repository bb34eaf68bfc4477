"""What happened to a run, in order: an entry wherever its state changes, and for each warning."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.orm import Session

from .engine import writing
from .tables import LogEntry

Level = Literal["info", "warning", "error"]
MOST = 1000
"""Entries that are read at once."""


def add_entry(connection: Connection, run_id: int, message: str, level: Level = "info") -> None:
    """Add an entry, with what it tells of in one transaction."""
    connection.execute(
        insert(LogEntry).values(run_id=run_id, at=datetime.now(UTC), level=level, message=message)
    )


def note(engine: Engine, run_id: int, message: str, level: Level = "info") -> None:
    """Add an entry."""
    with writing(engine) as connection:
        add_entry(connection, run_id, message, level)


def add_phase(connection: Connection, run_id: int, phase: str) -> None:
    """Add an entry for a phase, once: "downloading MNIST, 34 %" goes on with "…, 35 %"."""
    words = phase.split(", ")[0]
    message = f"{words[:1].upper()}{words[1:]}."
    query = select(LogEntry.message).where(LogEntry.run_id == run_id).order_by(LogEntry.id.desc())
    if connection.scalar(query.limit(1)) != message:
        add_entry(connection, run_id, message)


def entries(engine: Engine, run_id: int, after: int = 0) -> Sequence[LogEntry]:
    """The entries of a run that are numbered above `after`, the oldest first; at most MOST."""
    query = select(LogEntry).where(LogEntry.run_id == run_id, LogEntry.id > after)
    with Session(engine) as session:
        return session.scalars(query.order_by(LogEntry.id).limit(MOST)).all()
