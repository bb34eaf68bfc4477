"""What the routes are given."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Path, Query
from sqlalchemy import Engine
from starlette.requests import HTTPConnection

from .older_runs import OlderRuns
from .schemas import Number


def _engine(connection: HTTPConnection) -> Engine:
    return connection.app.state.engine


def _started_at(connection: HTTPConnection) -> datetime:
    return connection.app.state.started_at


def _older_runs(connection: HTTPConnection) -> OlderRuns:
    return connection.app.state.older_runs


EngineDep = Annotated[Engine, Depends(_engine)]
StartedAt = Annotated[datetime, Depends(_started_at)]
OlderRunsDep = Annotated[OlderRuns, Depends(_older_runs)]
RunId = Annotated[Number, Path(description="The run's number.")]
Target = Annotated[float | None, Query(gt=0, le=1, description="Test accuracy to reach, a share.")]
