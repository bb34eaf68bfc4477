"""Tokens: what lets someone in who asks from another machine.

A token is 256 random bits, and what is stored is its SHA-256: nobody guesses a token, from its hash
or without it, so a hash that is slow on purpose, as passwords need it, would only cost time. Who
reads the database can't ask the server with what is in it.
"""

import hmac
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.orm import Session

from .audit import COMMAND_LINE, LOOPBACK, add_line
from .engine import writing
from .errors import Conflict, NotFound
from .tables import Token

FIRST = "first start"
GIVEN = "SHIFTSCOPE_TOKEN"
"""Who comes by the token that the server's environment gave."""
RESERVED = {COMMAND_LINE, LOOPBACK, GIVEN}


def hashed(token: str) -> str:
    """What is stored of a token."""
    return sha256(token.encode()).hexdigest()


def is_same(token: str, stored: str) -> bool:
    """Whether a hash is this token's, in a time that says nothing of either."""
    return hmac.compare_digest(hashed(token), stored)


def make_token(engine: Engine, name: str | None = None, *, read_only: bool = False) -> str:
    """Make a token; it can't be shown again.

    Raises:
        Conflict: There is, or was, one of this name.
    """
    with writing(engine) as connection:
        count = connection.scalar(select(func.max(Token.id))) or 0
        return _add(connection, name or f"token {count + 1}", read_only)


def make_first(engine: Engine) -> str | None:
    """Make a token where there is none that may change something; None where there is one."""
    usable = select(Token.id).where(Token.revoked_at.is_(None), Token.read_only.is_(False))
    with writing(engine) as connection:
        if connection.scalar(usable.limit(1)) is not None:
            return None
        count = connection.scalar(select(func.max(Token.id))) or 0
        return _add(connection, FIRST if count == 0 else f"token {count + 1}", False)


def _add(connection: Connection, name: str, read_only: bool) -> str:
    taken = connection.scalar(select(Token.id).where(Token.name == name)) is not None
    if taken or name in RESERVED:
        raise Conflict(f"There is, or was, a token named {name}. Name this one otherwise.")
    token = secrets.token_urlsafe(32)
    values = {"name": name, "hash": hashed(token), "read_only": read_only}
    connection.execute(insert(Token).values(created_at=datetime.now(UTC), **values))
    add_line(connection, COMMAND_LINE, f"make token {name}")
    return token


def tokens(engine: Engine, *, revoked: bool = False) -> Sequence[Token]:
    """The tokens, the oldest first; with `revoked` also those that let nobody in any more."""
    query = select(Token).order_by(Token.id)
    with Session(engine) as session:
        return session.scalars(query if revoked else query.where(Token.revoked_at.is_(None))).all()


def revoke(engine: Engine, name: str) -> None:
    """Let nobody in by a token any more.

    Raises:
        NotFound: There is none of this name, or it is revoked already.
    """
    valid = update(Token).where(Token.name == name, Token.revoked_at.is_(None))
    with writing(engine) as connection:
        if connection.execute(valid.values(revoked_at=datetime.now(UTC))).rowcount == 0:
            raise NotFound(f"No token is named {name}. `shiftscope token list` has them all.")
        add_line(connection, COMMAND_LINE, f"revoke token {name}")
