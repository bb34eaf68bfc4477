"""What the routes are given."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import Depends, Path, Query
from sqlalchemy import Engine
from starlette.requests import HTTPConnection

from .limits import Limits
from .older_runs import OlderRuns
from .schemas import Number

Admit = Callable[..., int]
Limit = Annotated[int, Query(ge=1, le=1000)]
"""Rows of one answer, at most."""
Offset = Annotated[int, Query(ge=0, le=2**31 - 1)]
"""The place of the first row in the whole list."""


def _engine(connection: HTTPConnection) -> Engine:
    return connection.app.state.engine


def _started_at(connection: HTTPConnection) -> datetime:
    return connection.app.state.started_at


def _older_runs(connection: HTTPConnection) -> OlderRuns:
    return connection.app.state.older_runs


def _limits(connection: HTTPConnection) -> Limits:
    return connection.app.state.limits


def _admit(connection: HTTPConnection) -> Admit:
    asker = connection.client.host if connection.client else ""
    return partial(_limits(connection).admit, asker)


EngineDep = Annotated[Engine, Depends(_engine)]
StartedAt = Annotated[datetime, Depends(_started_at)]
LimitsDep = Annotated[Limits, Depends(_limits)]
AdmitDep = Annotated[Admit, Depends(_admit)]
"""Refuses what may not be queued, on behalf of who asks; says how many runs may be then."""
OlderRunsDep = Annotated[OlderRuns, Depends(_older_runs)]
RunId = Annotated[Number, Path(description="The run's number.")]
Target = Annotated[float | None, Query(gt=0, le=1, description="Test accuracy to reach, a share.")]
