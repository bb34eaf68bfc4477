"""A line in the audit for each request that changes something, before it is answered."""

import logging
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.types import Message, Scope, Send

from ..db import audit

logger = logging.getLogger(__name__)
LONGEST = 120
NOTHING = {400, 404, 405, 415, 422}
"""Answers by which nothing was changed and nothing refused: it was not there, or not understood."""


@dataclass
class Changed:
    """What a request changed; its route adds what its path does not tell.

    Attributes:
        what: In words; by default the route's name, `stop run`.
        runs: Which runs, beside the one in the path.
    """

    what: str = ""
    runs: list[int] = field(default_factory=list[int])


def _changed(connection: HTTPConnection) -> Changed:
    return connection.state.changed


ChangedDep = Annotated[Changed, Depends(_changed)]


def audited(engine: Engine, scope: Scope, changed: Changed, who: str, send: Send) -> Send:
    """Write down who asked for what, and what came of it, then send the answer on."""

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] not in NOTHING:
            what, runs = _told(scope, changed)
            try:
                await run_in_threadpool(
                    audit.record, engine, who, what, runs, int(message["status"])
                )
            except SQLAlchemyError as error:
                # What was asked for is done: to say that it failed would be wrong.
                logger.error("%s, by %s, is not in the audit: %s", what, who, error)
        await send(message)

    return send_on


def _told(scope: Scope, changed: Changed) -> tuple[str, list[int]]:
    """What was asked for in words, and about which runs; the router has filled the scope."""
    numbers = {**scope.get("path_params", {})}
    run = str(numbers.pop("run_id", ""))
    endpoint = scope.get("endpoint")
    name = getattr(endpoint, "__name__", "").replace("_", " ")
    what = changed.what or " ".join([name, *map(str, numbers.values())]).strip()
    # A number that no run can have is in the path, where the sentence then shows it.
    known = [int(run)] if run.isascii() and run.isdigit() and len(run) < 10 else []
    return (what or f"{scope['method']} {scope['path']}")[:LONGEST], [*known, *changed.runs]
