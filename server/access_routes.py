"""Who asks, and who changed what."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from ..db import audit
from .access import Identity
from .dependencies import EngineDep, Limit
from .schemas import Public

router = APIRouter(prefix="/api", tags=["access"])
HIDDEN = (
    "This token is for looking only: it may not see who changed what. Ask who runs the server for "
    "another."
)


def _identity(connection: HTTPConnection) -> Identity:
    return connection.state.identity


IdentityDep = Annotated[Identity, Depends(_identity)]


class AccessPublic(Public):
    """Who asks: the token's name, or `loopback`, and whether it may change anything."""

    name: str
    read_only: bool


class AuditEntryPublic(Public):
    """A change that someone asked for, done or refused."""

    id: int
    at: datetime
    who: str
    what: str
    run_id: int | None
    answer: int | None


class AuditPublic(Public):
    """A page of the audit."""

    entries: list[AuditEntryPublic]


@router.get("/access")
def get_access(identity: IdentityDep) -> AccessPublic:
    """Who asks, and whether they may change anything."""
    return AccessPublic.model_validate(identity)


@router.get("/audit")
def get_audit(
    engine: EngineDep,
    identity: IdentityDep,
    before: Annotated[
        int | None, Query(ge=1, le=2**31 - 1, description="Only what is numbered below.")
    ] = None,
    limit: Limit = 100,
) -> AuditPublic:
    """Who changed what, newest first; for those who may change something themselves."""
    if identity.read_only:
        raise HTTPException(403, HIDDEN)
    found = audit.lines(engine, limit=limit, before=before)
    return AuditPublic(entries=[AuditEntryPublic.model_validate(one) for one in found])
