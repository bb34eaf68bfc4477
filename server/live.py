"""Live push over `/api/live`, as docs/protocol.md describes it."""

import asyncio
import time
from dataclasses import dataclass

from fastapi import APIRouter, WebSocket
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.websockets import WebSocketDisconnect

from ..db.errors import ShiftscopeError
from ..db.plain_json import to_json
from ..db.series import Selection
from .failures import explain
from .frames import refuse_too_much, selections_of
from .record_schemas import LiveAsked, RunsAsked, UnwatchAsked, WatchAsked
from .tails import IDLE_SECONDS, NO_ANSWER, RunsTail, RunTail, Tails

PUSH_SECONDS = 0.25
"""The least time from one push to a client to its next."""

router = APIRouter()
_asked: TypeAdapter[RunsAsked | WatchAsked | UnwatchAsked] = TypeAdapter(LiveAsked)


@router.websocket("/api/live")
async def live(websocket: WebSocket) -> None:
    """Push states and records to one client until it leaves."""
    await websocket.accept()
    viewer = Viewer(websocket, websocket.app.state.tails)
    tasks = {asyncio.create_task(viewer.receive()), asyncio.create_task(viewer.push())}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    except WebSocketDisconnect:
        pass
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await viewer.leave()


@dataclass(eq=False)
class Watch:
    """What a client looks at, and how far it has been sent.

    Attributes:
        tail: The run's tail.
        selections: The series.
        points: The most points in a trace.
        after: The client has everything up to this step.
        begun: A frame has been sent.
        run_message: The state of the run that was sent last.
        networks_message: The networks that were sent last.
        findings_message: The findings that were sent last.
    """

    tail: RunTail
    selections: tuple[Selection, ...]
    points: int
    after: int
    begun: bool = False
    run_message: str = ""
    networks_message: str | None = None
    findings_message: str | None = None

    @property
    def first(self) -> int:
        """The next step to send: 0 at the very start, when there are evaluations only."""
        return self.after + 1 if self.after or self.begun else 0

    @property
    def due(self) -> bool:
        """There may be records that the client does not have. `after` 0 includes step 0."""
        if not self.selections:
            return False
        return self.tail.run.step > self.after or (self.after == 0 and not self.begun)


class Viewer:
    """One client: a cursor, no queue. However slow it reads, it is sent the newest state next.

    What it has not read waits in the transport, which takes a message once less than 64 KiB wait.
    """

    def __init__(self, websocket: WebSocket, tails: Tails) -> None:
        self._websocket = websocket
        self._tails = tails
        self._wake = asyncio.Event()
        self._watch: Watch | None = None
        self._runs: RunsTail | None = None
        self._runs_sent = 0
        self._problem: str | None = None

    async def receive(self) -> None:
        """Do what the client's messages say until it disconnects."""
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                await self._obey(message.get("text") or "")
            except ValidationError as error:
                await self._complain(explain(error.errors())[1])
            except ShiftscopeError as error:
                await self._complain(str(error))
            except SQLAlchemyError:
                await self._complain("The database does not answer; try again later.")

    async def push(self) -> None:
        """Send what is new, at most once in PUSH_SECONDS; what is long goes in parts, unpaused."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            begun = time.monotonic()
            await self._push_runs()
            await self._push_watch()
            await asyncio.sleep(begun + PUSH_SECONDS - time.monotonic())

    async def leave(self) -> None:
        """Stop viewing everything."""
        await self._replace(None)
        if self._runs is not None:
            await self._tails.leave(self._runs, self._wake)

    async def _obey(self, text: str) -> None:
        asked = _asked.validate_json(text)
        if isinstance(asked, UnwatchAsked):
            await self._replace(None)
        elif isinstance(asked, RunsAsked):
            if self._runs is None:
                self._runs = await self._tails.runs(self._wake)
                self._runs_sent = self._runs.version
        else:
            await self._start(asked)

    async def _start(self, asked: WatchAsked) -> None:
        tail = await self._tails.run(asked.run, self._wake)
        try:
            selections = selections_of(asked.run, asked.series, tail.networks)
            refuse_too_much(selections, asked.points, tail.run.steps)
        except ShiftscopeError:
            if self._watch is None or self._watch.tail is not tail:
                await self._tails.leave(tail, self._wake)
            raise
        await self._replace(Watch(tail, selections, asked.points, asked.after))

    async def _replace(self, watch: Watch | None) -> None:
        old, self._watch = self._watch, watch
        if old is not None and (watch is None or watch.tail is not old.tail):
            await self._tails.leave(old.tail, self._wake)
        if watch is not None:
            self._wake.set()

    async def _push_runs(self) -> None:
        if self._runs is None:
            return
        for version, message in self._runs.since(self._runs_sent):
            await self._websocket.send_text(message)
            self._runs_sent = version

    async def _push_watch(self) -> None:
        watch = self._watch
        if watch is None:
            return
        tail = watch.tail
        await self._tell(tail.problem)
        if watch.run_message != tail.run_message:
            watch.run_message = tail.run_message
            await self._websocket.send_text(tail.run_message)
        if tail.networks_message and watch.networks_message != tail.networks_message:
            watch.networks_message = tail.networks_message
            await self._websocket.send_text(tail.networks_message)
        if tail.findings_message and watch.findings_message != tail.findings_message:
            watch.findings_message = tail.findings_message
            await self._websocket.send_text(tail.findings_message)
        newest = tail.run.step
        while watch.due and await self._push_frame(watch) and watch.after < newest:
            pass

    async def _push_frame(self, watch: Watch) -> bool:
        """Send a frame once the client has read most of the one before; False: there is none."""
        try:
            frame = await watch.tail.frame(watch.selections, watch.points, watch.first)
        except SQLAlchemyError:
            await self._tell(NO_ANSWER)
            asyncio.get_running_loop().call_later(IDLE_SECONDS, self._wake.set)
            return False
        if self._watch is not watch or (frame.empty and frame.latest <= watch.after):
            return False
        watch.after, watch.begun = frame.latest, True
        await self._websocket.send_bytes(frame.data)
        return True

    async def _tell(self, problem: str | None) -> None:
        """Tell a problem of the server's own once."""
        if problem is not None and problem != self._problem:
            await self._complain(problem)
        self._problem = problem

    async def _complain(self, detail: str) -> None:
        await self._websocket.send_text(to_json({"type": "error", "detail": detail}).decode())
