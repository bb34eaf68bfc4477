"""How many runs may wait for a worker: counted in the transaction that queues more of them."""

from sqlalchemy import Connection, func, select

from .errors import Conflict
from .tables import Run

_LOCK = 734019


def keep_to(connection: Connection, most: int | None, more: int = 1) -> None:
    """Refuse runs that would make more than `most` queued; None allows any number.

    Whoever else queues runs waits until this transaction ends: on SQLite one that writes has the
    database for itself, on PostgreSQL there is a lock for it.

    Raises:
        Conflict: Says both numbers.
    """
    if most is None:
        return
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    query = select(func.count()).select_from(Run).where(Run.status == "queued")
    queued = connection.execute(query).scalar_one()
    if queued + more > most:
        raise Conflict(
            f"{queued:,} runs are queued and {more:,} more would be too many: the limit is "
            f"{most:,}. Wait until some have ended, stop some, or start the server with a larger "
            "SHIFTSCOPE_QUEUED."
        )
