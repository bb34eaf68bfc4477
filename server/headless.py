"""Runs without a page: queued, done by a worker of our own, followed to their ends."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import Engine

from ..db import audit, queue, read
from ..db.errors import Conflict
from ..db.experiment import Experiment
from ..db.study import Study
from ..db.tables import ACTIVE, Run
from ..db.webhook import telling
from .interrupts import interruptible, uninterrupted
from .read_commands import progress_words
from .settings import Settings
from .worker_process import end_worker, start_worker

LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Ended:
    """How a run ended, and whether Ctrl-C or SIGTERM asked for it."""

    run: Run
    interrupted: bool


class OwnWorker:
    """A worker that trains only what it is given; once started, one run after another.

    Attributes:
        webhook: Where word of its runs is posted; "": nowhere.
    """

    def __init__(self, engine: Engine, places: Settings) -> None:
        """Args:
        engine: The database.
        places: Where it and the datasets are, for the worker.
        """
        self._engine = engine
        self._places = places
        self.webhook = places.webhook
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0

    def give(self, run_id: int) -> None:
        """Have a queued run trained, by a new process where there is none or it has died."""
        self._bury()
        self._starts = read.run(self._engine, run_id).starts
        if self._process is None:
            url, data = self._places.database_url, self._places.data_folder
            self._process = start_worker(url, data, "--ordered", stdin=subprocess.PIPE)
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # who follows the run sees that it has died
            self._process.stdin.write(f"{run_id}\n".encode())

    def see_to(self, run_id: int) -> None:
        """Where its process has died, go on by another, unless another worker has taken the run.

        A process that did not even come to claim it would not the next time: the run has failed.
        """
        exit_code = self._bury()
        if exit_code is None:
            return
        run = read.run(self._engine, run_id)
        if run.status == "queued" and run.starts == self._starts:
            reason = f"The worker did not start (exit code {exit_code})."
            queue.end(self._engine, run_id, "failed", reason)
        elif run.status == "queued":
            self.give(run_id)

    def end(self) -> None:
        """End it, and stop what it trains; one that had to be killed leaves nothing running."""
        if self._process is not None:
            end_worker(self._process)
            if self._process.stdin is not None:
                self._process.stdin.close()
            process, self._process = self._process, None
            if process.returncode != 0:
                queue.bury(self._engine, process.pid)

    def _bury(self) -> int | None:
        """Forget a process that has died, and end what it had; returns its exit code."""
        exit_code = None if self._process is None else self._process.poll()
        if exit_code is not None:
            self.end()
        return exit_code


@contextlib.contextmanager
def own_worker(engine: Engine, places: Settings) -> Generator[OwnWorker]:
    """A worker of our own, which ends with the block, whatever ends that."""
    worker = OwnWorker(engine, places)
    try:
        yield worker
    finally:
        with uninterrupted():
            worker.end()


def run_to_end(
    engine: Engine, worker: OwnWorker, asked: Experiment | Study, entry: str, label: str = ""
) -> Ended:
    """Run an experiment or a study of the catalog, showing its progress in a terminal.

    Ctrl-C asks the run to stop and waits for it; a second time does not wait.

    Args:
        engine: The database.
        worker: What trains it.
        asked: What to run.
        entry: The catalog entry that it came from.
        label: What progress begins with.
    """
    with interruptible():
        run_id = queue.enqueue(engine, asked, entry)
        audit.record(engine, audit.COMMAND_LINE, "create run", [run_id])
        return train_to_end(engine, worker, run_id, label)


def train_to_end(engine: Engine, worker: OwnWorker, run_id: int, label: str = "") -> Ended:
    """Have a run that is queued trained, likewise."""
    interrupted = False
    with telling(engine, worker.webhook, run_id), interruptible():
        try:
            try:
                worker.give(run_id)
                ended = _follow(engine, run_id, worker, label)
            except KeyboardInterrupt:
                interrupted = True
                ended = _stop(engine, run_id, worker, label)
        except KeyboardInterrupt:  # a second time: the person will not wait
            with uninterrupted():
                worker.end()
            ended = read.run(engine, run_id)
    return Ended(ended, interrupted)


def _stop(engine: Engine, run_id: int, worker: OwnWorker, label: str) -> Run:
    try:
        queue.ask_to_stop(engine, run_id)
    except Conflict:
        return read.run(engine, run_id)  # it ended at the same moment
    audit.record(engine, audit.COMMAND_LINE, "stop run", [run_id])
    typer.echo("Stopping; Ctrl-C again does not wait.", err=True)
    return _follow(engine, run_id, worker, label)


def _follow(engine: Engine, run_id: int, worker: OwnWorker, label: str) -> Run:
    """Show the run's progress until it has ended; what is known of it comes from the database."""
    with _progress() as progress:
        task = progress.add_task(f"{label}  waiting for the worker".strip(), total=None, steps="")
        while True:
            run = read.run(engine, run_id)
            steps = progress_words(run)
            if run.steps_per_second:
                steps += f"  {run.steps_per_second:,.0f} steps/s"
            what = f"{label}  {run.phase or run.status}".strip()
            progress.update(
                task, description=what, completed=run.step, total=run.steps, steps=steps
            )
            if run.status not in ACTIVE:
                return run
            worker.see_to(run_id)
            time.sleep(LOOK_SECONDS)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[steps]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
