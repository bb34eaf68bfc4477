"""A study as a run: its module measures, and what it finds is committed while it goes on."""

import os
import signal
import threading
from functools import partial
from multiprocessing import parent_process
from pathlib import Path
from queue import SimpleQueue

import torch
from sqlalchemy import Engine

from ..db.datasets import DatasetName
from ..db.study import Measurement, Study
from ..db.write import append_measurements, describe_run
from . import datasets, devices, studies
from .datasets import Images
from .versions import versions

COMMIT_SECONDS = 0.25


class Commits:
    """Commits measurements about four times a second, however long the next one takes.

    In a thread of its own, which a signal never interrupts: the caller may be interrupted anywhere,
    and `close` still commits what was found.
    """

    def __init__(self, engine: Engine, run_id: int) -> None:
        self._engine = engine
        self._run_id = run_id
        self._found: SimpleQueue[Measurement] = SimpleQueue()
        self._committed = 0
        self._closing = threading.Event()
        self._problem: Exception | None = None
        self._thread = threading.Thread(target=self._keep, name="commits measurements")
        self._thread.start()

    def add(self, measurement: Measurement) -> None:
        """Queue a measurement.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: The database did not take earlier ones.
        """
        if self._problem is not None:
            raise self._problem
        self._found.put(measurement)

    def close(self) -> None:
        """Commit the rest.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: The database does not take it.
        """
        self._closing.set()
        self._thread.join()
        if self._problem is not None:
            raise self._problem

    def _keep(self) -> None:
        is_last = False
        while not is_last and self._problem is None:
            is_last = self._closing.wait(COMMIT_SECONDS)
            try:
                self._commit()
            except Exception as error:
                self._problem = error

    def _commit(self) -> None:
        found = [self._found.get() for _ in range(self._found.qsize())]
        if found:
            append_measurements(self._engine, self._run_id, self._committed, found)
            self._committed += len(found)
        worker = parent_process()
        if worker is not None and not worker.is_alive():
            os.kill(os.getpid(), signal.SIGTERM)


def run_study(engine: Engine, data: Path, run_id: int, study: Study) -> None:
    """Measure with each seed; what was found is committed even when this is interrupted.

    Args:
        engine: The database.
        data: The folder of the datasets.
        run_id: The run.
        study: What it asks.

    Raises:
        SetupProblem: There is no such study.
        DatasetProblem: What it wants to train on can't be had.
        sqlalchemy.exc.SQLAlchemyError: The database did not take its measurements.
    """
    describe_run(engine, run_id, device="cpu", versions=versions())
    torch.set_num_threads(devices.training_threads())
    measure = studies.study(study.study)
    commits = Commits(engine, run_id)
    try:
        for number, seed in enumerate(study.seeds, 1):
            phase = f"seed {number} of {len(study.seeds)}"
            describe_run(engine, run_id, phase=phase)
            load = partial(_load, engine=engine, run_id=run_id, data=data, phase=phase)
            for measurement in measure(study, seed, load):
                commits.add(measurement)
    finally:
        commits.close()


def _load(name: DatasetName, engine: Engine, run_id: int, data: Path, phase: str) -> Images:
    """A dataset; the run says meanwhile that it is loaded."""
    describe_run(engine, run_id, phase=f"{phase}, loading {name}")
    images = datasets.load(name, data, lambda words: describe_run(engine, run_id, phase=words))
    describe_run(engine, run_id, phase=phase)
    return images
