"""Claims runs and trains each in a process of its own: `python -m shiftscope.trainer.worker`.

The worker itself stays small: torch lives in a fork server, loaded once, from which every run's
process starts at once. What happens in a run's process takes nothing else along.
"""

import argparse
import contextlib
import importlib
import logging
import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ..db import queue, read, resuming
from ..db.checkpoints import (
    checkpoints_folder,
    place_of,
    remove_checkpoints,
    runs_with_checkpoints,
)
from ..db.engine import open_database
from ..db.errors import ShiftscopeError, refusal
from ..db.location import Location
from ..db.steadiness import Steadiness
from .orders import Orders

POLL_SECONDS = 0.1
HEARTBEAT_SECONDS = 2.0
STOP_SECONDS = 10.0
SHUT_DOWN_SECONDS = 20.0
"""For the last checkpoint of what trains; ordinarily it takes less than a second."""
SHUT_DOWN = "The worker was shut down while the run was going; what it had recorded is kept."
FORCED = "It did not stop when asked and was ended by force; what it had recorded is kept."
logger = logging.getLogger(__name__)


def main() -> None:
    """Parse the command line and work until the end."""
    parser = argparse.ArgumentParser(prog="shiftscope worker", description="Trains queued runs.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the datasets")
    parser.add_argument(
        "--ordered",
        action="store_true",
        help="train only the runs whose numbers come by standard input, and end when it is closed",
    )
    parser.add_argument("--parent", type=int, help="end when this process is gone")
    arguments = parser.parse_args()
    logging.basicConfig(format="shiftscope worker: %(message)s")
    os.environ["PYTHONSAFEPATH"] = "1"  # for the processes of runs what -P is for this one
    orders = Orders(sys.stdin) if arguments.ordered else None
    database = Location(data=arguments.data).database_url  # by no flag: it may have a password
    try:
        engine = open_database(database)
        Worker(engine, database, arguments.data, orders, arguments.parent).work()
    except ShiftscopeError as error:
        sys.exit(f"shiftscope worker: {error}")
    except SQLAlchemyError as error:
        sys.exit(f"shiftscope worker: {refusal(error)}")
    engine.dispose()


class EndedWhileStarting(BaseException):
    """A signal came while a process was waited for: the first one comes when torch is loaded."""


class Worker:
    """One worker: at most one run at a time."""

    def __init__(
        self, engine: Engine, database: str, data: Path, orders: Orders | None, parent: int | None
    ) -> None:
        self._engine = engine
        self._database = database
        self._data = data
        self._orders = orders
        self._parent = parent
        self._checkpoints = checkpoints_folder(engine, data)
        self._place: str | None = None
        self._ending = False
        self._starting = False
        self._processes = _processes()
        self._wanted: int | None = None
        self._run_id = self._start_number = 0
        self._offers: BaseProcess | None = None
        self._process: BaseProcess | None = None
        self._asked: float | None = None
        self._heard = 0.0
        self._clock = Steadiness()

    def work(self) -> None:
        """Claim and train until a signal, the parent's end or the last of the orders."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        self._tidy()
        worker_id = queue.register(self._engine, place=self._place)
        with contextlib.suppress(EndedWhileStarting):
            self._work(worker_id)
        if self._offers is not None:
            self._offers.terminate()  # it may still wait for a network that does not answer
        if self._process is not None:
            self._shut_down(self._process)
        queue.sign_off(self._engine, worker_id)

    def _work(self, worker_id: int) -> None:
        if self._orders is None:
            self._offers = self._start("offers", "tell", self._database, self._data, worker_id)
        while not self._should_end():
            try:
                self._turn(worker_id)
            except SQLAlchemyError as error:
                logger.warning("The database does not answer (%s); trying again.", error)
                time.sleep(HEARTBEAT_SECONDS)
            time.sleep(POLL_SECONDS)

    def _tidy(self) -> None:
        """Remove the checkpoints of runs that are gone or have finished."""
        try:
            self._place = place_of(self._checkpoints)
            here = runs_with_checkpoints(self._checkpoints)
            with contextlib.suppress(SQLAlchemyError):
                done = resuming.without_checkpoints(self._engine, here)
                remove_checkpoints(self._checkpoints, done)
        except OSError as error:
            logger.warning(
                "Checkpoints can't be kept in %s (%s): runs that are interrupted begin anew.",
                self._checkpoints,
                error.strerror,
            )

    def _turn(self, worker_id: int) -> None:
        if self._process is not None:
            self._look_after(self._process)
        else:
            self._claim(worker_id)
        if time.monotonic() - self._heard > HEARTBEAT_SECONDS:
            stamp = queue.heartbeat(self._engine, worker_id)
            queue.reconcile(self._engine, stamp if self._clock.holds(stamp) else None)
            self._heard = time.monotonic()

    def _on_signal(self, _signal: int, _frame: FrameType | None) -> None:
        self._ending = True
        if self._starting:
            raise EndedWhileStarting

    def _should_end(self) -> bool:
        return self._ending or (self._parent is not None and os.getppid() != self._parent)

    def _start(self, module: str, function: str, *arguments: object) -> BaseProcess:
        process = self._processes.Process(  # pyright: ignore[reportAttributeAccessIssue]
            target=_call, args=(module, function, *arguments), name=f"shiftscope {module}"
        )
        self._starting = True
        try:
            if self._ending:
                raise EndedWhileStarting
            process.start()
        finally:
            self._starting = False
        return process

    def _claim(self, worker_id: int) -> None:
        """Take the oldest run of the queue, or the next that is ordered unless it was stopped."""
        if self._orders is not None and self._wanted is None:
            self._wanted = self._orders.next()
            self._ending = self._ending or self._orders.is_closed
            if self._wanted is None:
                return
        run_id = queue.claim(self._engine, worker_id, self._wanted, self._place)
        if run_id is None:
            self._wanted = None
            return
        self._start_number = read.run(self._engine, run_id).starts
        self._run_id, self._asked, self._wanted = run_id, None, None
        try:
            self._process = self._start("execute", "execute", self._database, self._data, run_id)
        except EndedWhileStarting:
            self._let_go()
            raise

    def _look_after(self, process: BaseProcess) -> None:
        """See whether the run has ended, or was asked to and does not obey."""
        if not process.is_alive():
            process.join()
            self._end_if_open(process.exitcode)
            self._process = None  # only now: the database may not have answered
            return
        run = read.run(self._engine, self._run_id)
        if run.starts != self._start_number:
            process.kill()  # it was taken for lost, as on a machine that slept: another trains it
        elif run.status == "stopping":
            if self._asked is None:
                process.terminate()  # before its first commit it would not see the request
                self._asked = time.monotonic()
            elif time.monotonic() - self._asked > STOP_SECONDS:
                process.kill()

    def _shut_down(self, process: BaseProcess) -> None:
        process.terminate()
        process.join(SHUT_DOWN_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
        self._let_go()

    def _let_go(self) -> None:
        """What it trained goes on with the next worker, unless a person waits for it here."""
        run_id, start = self._run_id, self._start_number
        if self._orders is None and resuming.hand_back(self._engine, run_id, start):
            return
        queue.end(self._engine, run_id, "stopped", SHUT_DOWN, start=start)

    def _end_if_open(self, exit_code: int | None) -> None:
        """Deal with a run whose process, killed or interrupted, could not say how it ended."""
        run_id, start = self._run_id, self._start_number
        if read.run(self._engine, run_id).status == "stopping":
            forced = exit_code == -signal.SIGKILL
            queue.end(self._engine, run_id, "stopped", FORCED if forced else None, start=start)
            return
        how = f"exit code {exit_code}"
        if exit_code is not None and exit_code < 0:
            how = f"signal {signal.Signals(-exit_code).name}"
        why = "; the machine may be out of memory" if exit_code == -signal.SIGKILL else ""
        reason = f"Its training process ended without a word ({how}){why}."
        if resuming.interrupted(self._engine, run_id, reason, start):
            logger.warning("Run %d: %s", run_id, reason)
        if self._orders is not None:
            self._wanted = run_id  # which it claims if it is to go on


def _processes() -> BaseContext:
    # Apple's frameworks do not survive a fork, and Windows has none.
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([f"{__package__}.execute", f"{__package__}.offers"])
    return context


def _call(module: str, function: str, *arguments: object) -> None:
    """What a process runs; the import is its own, so that the worker never loads torch."""
    logging.basicConfig(format=f"shiftscope {module}: %(message)s")
    getattr(importlib.import_module(f"{__package__}.{module}"), function)(*arguments)


if __name__ == "__main__":
    main()
