"""Tails: one look at the database every 100 ms for each watched run, whoever watches it.

A tail keeps what it saw last. It does not push: it wakes its viewers, and each takes, at its own
pace, what it has not sent yet.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from ..db import read
from ..db.errors import ShiftscopeError
from ..db.findings import findings, findings_version
from ..db.plain_json import to_json
from ..db.series import Selection
from ..db.tables import ACTIVE, Run, Status
from .finding_schemas import findings_public
from .frames import Frame, last_pushed, read_frame, widths_for
from .run_schemas import NetworkPublic, columns_of, networks_public, run_public

POLL_SECONDS = 0.1
IDLE_SECONDS = 1.0
"""Between looks at a run that has ended, or at a database that did not answer."""
EDITS_OVERLAP = timedelta(seconds=5)
"""An edit may be committed later than one that was stamped after it."""
FRAMES_KEPT = 64
GOING: tuple[Status, ...] = tuple(status for status in ACTIVE if status != "queued")
RUNS_AT_ONCE = 1_000
"""The most runs that begin or cease to wait and are read in one look."""
NO_ANSWER = "The database does not answer; trying again."
logger = logging.getLogger(__name__)
AnyTail = TypeVar("AnyTail", bound="Tail")


class Tail(ABC):
    """Looks again and again while it has viewers, and wakes them when something has changed."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.viewers: set[asyncio.Event] = set()
        self.problem: str | None = None
        self.ready = asyncio.create_task(self._look())
        self._following = asyncio.create_task(self._follow())

    @abstractmethod
    async def _look(self) -> bool:
        """Read the newest state; True when it differs from the one before."""

    @property
    def pause(self) -> float:
        """Seconds until the next look."""
        return POLL_SECONDS

    async def close(self) -> None:
        """End the following."""
        self._following.cancel()
        await asyncio.gather(self.ready, self._following, return_exceptions=True)

    async def _follow(self) -> None:
        await asyncio.wait([self.ready])
        while True:
            await asyncio.sleep(self.pause if self.problem is None else IDLE_SECONDS)
            before = self.problem
            try:
                changed = await self._look()
                self.problem = None
            except ShiftscopeError as error:
                changed, self.problem = False, str(error)
            except SQLAlchemyError as error:
                changed, self.problem = False, NO_ANSWER
                logger.warning("%s %s", NO_ANSWER, error)
            except Exception:  # a tail that ended silently would leave its viewers waiting
                changed, self.problem = False, NO_ANSWER
                logger.exception(NO_ANSWER)
            if changed or self.problem != before:
                for wake in self.viewers:
                    wake.set()


class RunTail(Tail):
    """One run: its row, its networks, its findings, and the frames that its viewers share.

    Attributes:
        run: The run's row; its `step` bounds every frame.
        run_message: The row as it is pushed.
        networks: The run's networks; empty until training begins.
        networks_message: The networks as they are pushed; None until there are any.
        findings_message: The findings as they are pushed; None until the rules have looked.
    """

    run: Run
    run_message: str = ""
    networks_message: str | None = None
    findings_message: str | None = None

    def __init__(self, engine: Engine, run_id: int) -> None:
        self.run_id = run_id
        self.networks: list[NetworkPublic] = []
        self._seen: object = None
        self._found: object = None
        self._frames: dict[object, asyncio.Task[Frame]] = {}
        super().__init__(engine)

    @property
    def pause(self) -> float:
        """An ended run hardly changes any more."""
        return POLL_SECONDS if self.run.status in ACTIVE else IDLE_SECONDS

    async def frame(self, selections: tuple[Selection, ...], points: int, first: int) -> Frame:
        """The records from a step on, up to the newest or as many as one frame takes.

        It is encoded once for all who ask the same.
        """
        widths = widths_for(self.run, 0, self.run.step, points)
        latest = last_pushed(self.run, selections, first, widths)
        buckets = {table: first // width for table, width in widths.items()}
        asked = {one.table for one in selections}
        key = (selections, latest, *((widths[table], buckets[table]) for table in sorted(asked)))
        if key not in self._frames:
            while len(self._frames) >= FRAMES_KEPT:
                self._frames.pop(next(iter(self._frames)))
            self._frames[key] = asyncio.create_task(
                run_in_threadpool(
                    read_frame, self.engine, self.run_id, selections, first, latest, widths
                )
            )
        try:
            # Shielded: that one viewer leaves must not cancel what others wait for.
            return await asyncio.shield(self._frames[key])
        except SQLAlchemyError:
            self._frames.pop(key, None)
            raise

    async def _look(self) -> bool:
        run, run_message, networks, networks_message = await run_in_threadpool(self._read)
        findings_message = await run_in_threadpool(self._read_findings, run)
        news = findings_message != self.findings_message
        self.findings_message = findings_message
        changed = (run_message, networks_message) != (self.run_message, self.networks_message)
        if changed:
            self._frames.clear()
            self.run, self.run_message = run, run_message
            self.networks, self.networks_message = networks, networks_message
        return changed or news

    def _read(self) -> tuple[Run, str, list[NetworkPublic], str | None]:
        run = read.run(self.engine, self.run_id)
        message = _message("run", run=run_public(run).model_dump(mode="json"))
        rows = read.networks(self.engine, self.run_id)
        seen = [columns_of(row) for row in rows], read.layers_version(self.engine, self.run_id)
        if not rows or seen == self._seen:  # so most looks cost the same at 1,000 layers as at 3
            return run, message, self.networks, self.networks_message
        networks = networks_public(rows, read.layers(self.engine, self.run_id))
        shown = [network.model_dump(mode="json") for network in networks]
        self._seen = seen
        return run, message, networks, _message("networks", run=run.id, networks=shown)

    def _read_findings(self, run: Run) -> str | None:
        version = findings_version(self.engine, run.id)
        if run.diagnosed is None or version == self._found:
            return self.findings_message
        found = findings_public(run, findings(self.engine, run.id))
        self._found = version
        return _message("findings", **found.model_dump(mode="json"))


class RunsTail(Tail):
    """All runs that are new or change, each with the number of its latest change.

    Runs that wait for a worker may be thousands: of those only the numbers are read.

    Attributes:
        version: Counts changes.
        changes: By run, the version of its latest change and the message that tells it; the
            latest is the last.
    """

    def __init__(self, engine: Engine) -> None:
        self.version = 0
        self.changes: dict[int, tuple[int, str]] = {}
        self._newest: int | None = None
        self._edited = datetime.now(UTC)
        self._going: list[int] = []
        self._queued: set[int] = set()
        super().__init__(engine)

    def since(self, version: int) -> list[tuple[int, str]]:
        """What changed after a version, in order."""
        newer = takewhile(lambda change: change[0] > version, reversed(self.changes.values()))
        return [*newer][::-1]

    async def _look(self) -> bool:
        runs = await run_in_threadpool(self._read)
        before = self.version
        for run in runs:
            message = _message("run", run=run_public(run).model_dump(mode="json"))
            if self.changes.get(run.id, (0, ""))[1] != message:
                self.version += 1
                self.changes.pop(run.id, None)
                self.changes[run.id] = (self.version, message)
        self._going = [run.id for run in runs if run.status in GOING]
        self._newest = max([self._newest or 0, *(run.id for run in runs)])
        self._edited = max([self._edited, *(run.edited_at for run in runs if run.edited_at)])
        return self.version > before

    def _read(self) -> Sequence[Run]:
        queued = read.queued_runs(self.engine)
        if self._newest is None:
            self._newest = read.newest_run(self.engine)
            self._queued = queued
        moved = sorted(queued ^ self._queued)[:RUNS_AT_ONCE]
        runs = read.changing_runs(
            self.engine,
            after=self._newest,
            edited_after=self._edited - EDITS_OVERLAP,
            also=[*self._going, *moved],
            active=GOING,
        )
        self._queued.symmetric_difference_update(moved)
        return runs


class Tails:
    """The tails that have viewers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tails: dict[int | None, Tail] = {}

    async def run(self, run_id: int, wake: asyncio.Event) -> RunTail:
        """Join the viewers of a run.

        Raises:
            NotFound: There is no such run.
        """
        tail = self._tails.get(run_id)
        if not isinstance(tail, RunTail):
            tail = self._tails[run_id] = RunTail(self._engine, run_id)
        return await self._join(tail, wake)

    async def runs(self, wake: asyncio.Event) -> RunsTail:
        """Join the viewers of the list of runs."""
        tail = self._tails.get(None)
        if not isinstance(tail, RunsTail):
            tail = self._tails[None] = RunsTail(self._engine)
        return await self._join(tail, wake)

    async def leave(self, tail: Tail, wake: asyncio.Event) -> None:
        """Leave the viewers of a tail; with the last of them it ends."""
        tail.viewers.discard(wake)
        if not tail.viewers:
            self._tails = {key: other for key, other in self._tails.items() if other is not tail}
            await tail.close()

    async def _join(self, tail: AnyTail, wake: asyncio.Event) -> AnyTail:
        tail.viewers.add(wake)
        try:
            await asyncio.shield(tail.ready)
        except BaseException:
            await self.leave(tail, wake)
            raise
        return tail


def _message(kind: str, **content: object) -> str:
    return to_json({"type": kind, **content}).decode()
