"""What the routes are given."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Path
from sqlalchemy import Engine
from starlette.requests import HTTPConnection

from .schemas import Number


def _engine(connection: HTTPConnection) -> Engine:
    return connection.app.state.engine


def _started_at(connection: HTTPConnection) -> datetime:
    return connection.app.state.started_at


EngineDep = Annotated[Engine, Depends(_engine)]
StartedAt = Annotated[datetime, Depends(_started_at)]
RunId = Annotated[Number, Path(description="The run's number.")]
