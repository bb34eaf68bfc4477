"""Who may ask, and who changed what."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from .columns import Table


class Token(Table):
    """What lets someone in from another machine; the token itself is not stored."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the token, in hexadecimal digits."""
    read_only: Mapped[bool]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class AuditEntry(Table):
    """A change that someone asked for, done or refused."""

    __tablename__ = "audit_entries"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(80))
    """The token's name; `loopback` where none is asked for, `command line` without the server."""
    what: Mapped[str] = mapped_column(String(120))
    run_id: Mapped[int | None]
    """No reference: the entry outlives its run."""
    answer: Mapped[int | None]
    """HTTP status; NULL from the command line."""
