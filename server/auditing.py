"""A line in the audit for each request that changes something, before it is answered."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
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
REFUSED = {403, 413, 429}
"""Answers that whoever may change nothing can ask for without end."""
REFUSED_SECONDS = 60.0
NOTHING = {400, 404, 405, 415, 422}
"""Answers by which nothing was changed and nothing refused: it was not there, or not understood."""


@dataclass
class Changed:
    """What a request changed; its route adds what its path does not tell.

    Attributes:
        what: In words; by default the route's name, `stop run`.
        runs: Which runs, beside the one in the path.
        write: Adds a line: what, of which runs, by which answer.
        written: Those of the runs that have their lines already.
    """

    write: Callable[[str, list[int], int], None]
    what: str = ""
    runs: list[int] = field(default_factory=list[int])
    written: set[int] = field(default_factory=set[int])

    def each(self, act: Callable[[int], object]) -> Callable[[int], None]:
        """As `act`, which changes a run, and writes it down at once.

        Before the request has changed the last of many runs, the server may have ended.
        """

        def act_and_write(run_id: int) -> None:
            act(run_id)
            self.write(self.what, [run_id], HTTPStatus.OK.value)
            self.written.add(run_id)

        return act_and_write


def _changed(connection: HTTPConnection) -> Changed:
    return connection.state.changed


ChangedDep = Annotated[Changed, Depends(_changed)]


@dataclass
class _Refused:
    """Refusals of one kind, since the first of them.

    Attributes:
        began: When, by the clock that only goes forward.
        what: The first one, in words.
        count: How many there were.
        written: How many of these the line tells of.
        line: The number of the line, once there is one.
    """

    began: float
    what: str
    count: int = 0
    written: int = 0
    line: int | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Audit:
    """The audit of one server; `engine` is where it is stored."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._refused: dict[tuple[str, int], _Refused] = {}
        """The latest by who asked and the answer: no more than there are tokens."""

    def changed(self, who: str) -> Changed:
        """For a request of someone's."""
        return Changed(partial(self._write, who))

    def audited(self, scope: Scope, changed: Changed, who: str, send: Send) -> Send:
        """Write down who asked for what, and what came of it, then send the answer on."""

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] not in NOTHING:
                what, runs = _told(scope, changed)
                answer = int(message["status"])
                left = [run for run in runs if run not in changed.written]
                if answer in REFUSED:
                    await self._count(who, what, runs, answer)
                elif left or answer >= 400 or not changed.written:
                    await run_in_threadpool(self._write, who, what, left, answer)
            await send(message)

        return send_on

    def _write(self, who: str, what: str, runs: list[int], answer: int) -> None:
        try:
            audit.record(self._engine, who, what, runs, answer)
        except SQLAlchemyError as error:
            # What was asked for is done: to say that it failed would be wrong.
            logger.error("%s, by %s, is not in the audit: %s", what, who, error)

    async def _count(self, who: str, what: str, runs: list[int], answer: int) -> None:
        """Refusals of a kind have one line a minute, of the first, with how many followed."""
        latest, now = self._refused.get((who, answer)), time.monotonic()
        if latest is None or now - latest.began >= REFUSED_SECONDS:
            latest = self._refused[who, answer] = _Refused(now, what)
        latest.count += 1
        async with latest.lock:  # who waited finds that his is written already
            if latest.count > latest.written:
                run = runs[0] if runs else None
                await run_in_threadpool(self._tell, latest, latest.count, who, run, answer)

    def _tell(self, refused: _Refused, count: int, who: str, run: int | None, answer: int) -> None:
        more = f", and {count - 1:,} more within a minute" if count > 1 else ""
        what = refused.what[: LONGEST - len(more)] + more
        try:
            if refused.line is None:
                refused.line = audit.add_refusal(self._engine, who, what, run, answer)
            else:
                audit.reword(self._engine, refused.line, what)
            refused.written = count
        except SQLAlchemyError as error:
            logger.error("%s, by %s, refused, is not in the audit: %s", what, who, error)


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
