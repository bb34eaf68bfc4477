"""What the routes are given."""

from typing import Annotated

from fastapi import Depends, Path
from sqlalchemy import Engine
from starlette.requests import HTTPConnection

from .schemas import Number


def _engine(connection: HTTPConnection) -> Engine:
    return connection.app.state.engine


EngineDep = Annotated[Engine, Depends(_engine)]
RunId = Annotated[Number, Path(description="The run's number.")]
