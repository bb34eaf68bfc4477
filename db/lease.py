"""How long a worker that is silent counts as alive."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement

from .tables import Worker

LEASE = timedelta(seconds=45)
"""A worker that was silent for so long is taken for dead.

Longer than BUSY_SECONDS: a heartbeat may wait so long for SQLite's write lock.
"""


def is_alive(now: datetime) -> ColumnElement[bool]:
    """Whether a worker gave a heartbeat within a lease.

    One from the future was stamped before the clock was set back; the living stamp anew.
    """
    return Worker.heartbeat_at.between(now - LEASE, now + LEASE)
