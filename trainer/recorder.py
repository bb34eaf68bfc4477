"""Ring → rows: a process that finishes statistics and commits about four times a second.

`python -m shiftscope.trainer.recorder` reads messages of its training process from its standard
input, a line of JSON each, and answers on its standard output; docs/architecture.md lists them. It
never loads torch. When its input ends, so has the training process: it commits what it was given.
"""

import contextlib
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar, cast

import psutil
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from ..db import queue
from ..db.durable import sync_commits
from ..db.engine import open_database
from ..db.errors import ShiftscopeError, cause, records_refused
from ..db.webhook import telling
from ..db.write import describe_run
from .checkpoint import read, write
from .plan import PLAN
from .recording import RunRecording
from .ring import PART, SharedMemory
from .sampler import SAMPLE_SECONDS, Sampler
from .state import State

COMMIT_SECONDS = 0.25
HEARTBEAT_SECONDS = 2.0
POLITENESS = 10
"""Added to the process's niceness: where cores are few, training goes first."""
QUIET_SECONDS = 1.0
"""Between commits that carry nothing, by which a request to stop is seen all the same."""
RETRY_SECONDS = 60.0
STOP_RETRY_SECONDS = 2.0
Message = Mapping[str, Any]
Result = TypeVar("Result")


def main() -> None:
    """Record until the input ends; exit code 1 with an `error` message if that fails."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the training process decides when to end
    os.nice(POLITENESS)
    logging.basicConfig(format="shiftscope recorder: %(message)s")
    messages = _Messages()
    try:
        _Recorder(messages).record()
    except ShiftscopeError as error:
        say(error=str(error))
        sys.exit(1)
    except SQLAlchemyError as error:
        say(error=records_refused(error))
        sys.exit(1)
    except Exception as error:
        logging.getLogger(__name__).exception("Recording failed.")
        words = (str(error) or type(error).__name__).splitlines()[0]
        say(
            error=f"Recording ended with an error of shiftscope's own ({type(error).__name__}: "
            f"{words}); the terminal has the full report."
        )
        sys.exit(1)


def say(**message: object) -> None:
    """One message to the training process, if it is still there."""
    try:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (until the end of the process)


class _Messages:
    """What the training process says, read by a thread so that commits never wait for it."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Message | None] = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            for line in sys.stdin:
                self._queue.put(json.loads(line))
        except ValueError:
            pass  # cut off in the middle, as by a kill: the end
        finally:
            self._queue.put(None)

    def next(self, timeout: float | None = None) -> Message | None:
        """The next message; None at the end.

        Raises:
            queue.Empty: None came in `timeout` seconds.
        """
        return self._queue.get(timeout=timeout)


class _Recorder:
    """One run, from its first message to its last commit."""

    def __init__(self, messages: _Messages) -> None:
        self._messages = messages
        opened = messages.next()
        if opened is None:
            sys.exit(0)
        self._ring = SharedMemory(opened["open"]["ring"])
        self._run_id: int | None = opened["open"]["run"]
        self._start: int | None = opened["open"].get("start")
        self._resumed: State = None
        self._engine = open_database(opened["open"]["database"])
        self._webhook: str = opened["open"]["webhook"]
        self._telling = contextlib.ExitStack()
        self._worker_id: int | None = None
        self._recording: RunRecording | None = None
        self._sampler: Sampler | None = None
        self._stopping = False
        self._heard = self._committed = self._sampled = time.monotonic()

    def record(self) -> None:
        """Until the last message."""
        committed = time.monotonic()
        for message in self._until_the_end():
            if message is not None:
                self._take(message)
            if time.monotonic() - committed >= COMMIT_SECONDS:
                self._commit(last=False)
                self._sample()
                committed = time.monotonic()
        self._telling.close()
        self._engine.dispose()

    def _until_the_end(self) -> Iterator[Message | None]:
        """Messages as they come, None when none came for a while."""
        while True:
            try:
                message = self._messages.next(COMMIT_SECONDS / 2)
            except Empty:
                yield None
                continue
            if message is None or "finish" in message:
                self._commit(last=True)
                self._end(message)
                return
            yield message

    def _take(self, message: Message) -> None:
        match message:
            case {"begin": watched}:
                self._run_id = self._patiently(lambda: self._begin(watched))
                say(run=self._run_id)
                self._telling.enter_context(telling(self._engine, self._webhook, self._run_id))
                with contextlib.suppress(psutil.Error):
                    self._sampler = Sampler(self._engine, self._run_id, os.getppid())
            case {"plan": document}:
                plan, run_id, start = PLAN.validate_python(document), self._known_run(), self._start
                resumed, self._resumed = self._resumed, None
                self._recording = self._patiently(
                    lambda: RunRecording(
                        self._engine, run_id, self._ring, plan, start=start, resumed=resumed
                    )
                )
            case {"resume": file}:
                self._resumed = read(Path(file))["state"]
            case {"checkpoint": asked}:
                self._keep(**asked)
            case {"describe": columns}:
                run_id = self._known_run()
                self._patiently(lambda: describe_run(self._engine, run_id, **columns))
            case {"part": part}:
                if self._recording is None:
                    raise ValueError("A part came before its plan.")
                released = self._recording.add(PART.validate_python(part))
                if released is not None:
                    say(free=released)
            case _:
                raise ValueError(f"The recorder does not know the message {message!r}.")

    def _begin(self, watched: Mapping[str, Any]) -> int:
        if self._worker_id is None:
            self._worker_id = queue.register(self._engine, "watch")
        return queue.begin_watched(self._engine, self._worker_id, **watched)

    def _known_run(self) -> int:
        if self._run_id is None:
            raise ValueError("The first message after open must begin a run, or open name one.")
        return self._run_id

    def _commit(self, *, last: bool) -> None:
        worker_id, run_id, recording = self._worker_id, self._run_id, self._recording
        if worker_id is not None and time.monotonic() - self._heard > HEARTBEAT_SECONDS:
            self._patiently(lambda: queue.heartbeat(self._engine, worker_id))
            self._heard = time.monotonic()
        quiet = time.monotonic() - self._committed < QUIET_SECONDS
        if recording is not None and (last or not quiet or recording.has_news):
            status = self._patiently(lambda: recording.commit(last=last))
            self._committed = time.monotonic()
            if sentence := self._patiently(
                lambda: recording.findings.keep(recording.step, last=last)
            ):
                say(warning=sentence)
            if status == "failed" and worker_id is not None and run_id is not None:
                # taken for dead while the machine slept, say; but it is alive
                self._patiently(lambda: queue.revive_watched(self._engine, run_id, worker_id))
                status = "running"
            self._stopping = status != "running"
            say(status=status, step=recording.step)

    def _keep(self, file: str, mark: str) -> None:
        """Write this process's part of a checkpoint: everything up to its step is committed."""
        recording = self._recording
        if recording is None:
            raise ValueError("A checkpoint was asked for before there was a plan.")
        self._patiently(lambda: recording.commit(last=False))
        if sentence := self._patiently(lambda: recording.findings.look(recording.step)):
            say(warning=sentence)
        try:
            sync_commits(self._engine)  # the checkpoint must not outlive its records
            write(Path(file), recording.state_dict(), mark)
        except OSError as error:
            words = error.strerror or error
            say(warning=f"A checkpoint could not be written ({words}); training goes on.")
            say(kept=False, mark=mark)
            return
        say(kept=True, mark=mark)

    def _sample(self) -> None:
        """Of a watched run; other runs sample themselves, which know their GPU."""
        if self._sampler is None or time.monotonic() - self._sampled < SAMPLE_SECONDS:
            return
        self._sampled = time.monotonic()
        with contextlib.suppress(SQLAlchemyError, psutil.Error):
            self._sampler.sample()

    def _end(self, message: Message | None) -> None:
        """A watched run ends with its program; other runs are their worker's to end."""
        worker_id, run_id = self._worker_id, self._run_id
        if worker_id is None or run_id is None:
            return
        lost = {"status": "failed", "error": queue.WATCHED_LOST}
        end = lost if message is None else message["finish"]
        status, error = cast(queue.Ended, end["status"]), end.get("error")
        self._patiently(lambda: queue.end(self._engine, run_id, status, error))
        self._patiently(lambda: queue.sign_off(self._engine, worker_id))

    def _patiently(self, action: Callable[[], Result]) -> Result:
        """Do something with the database; while it does not answer, try again for a while.

        Meanwhile the ring holds the training loop back.
        """
        began, warned = time.monotonic(), False
        while True:
            try:
                return action()
            except OperationalError as error:
                patience = STOP_RETRY_SECONDS if self._stopping else RETRY_SECONDS
                if time.monotonic() - began > patience:
                    raise
                if not warned:
                    say(warning=f"The database does not take the records ({cause(error)}); "
                        "trying again.")  # fmt: skip
                warned = True
                time.sleep(COMMIT_SECONDS)


if __name__ == "__main__":
    main()
