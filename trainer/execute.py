"""One run from claim to end, in a process of its own."""

import contextlib
import logging
import os
import signal
import threading
import time
from multiprocessing import parent_process
from pathlib import Path

import torch
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from ..db import queue, read, resuming
from ..db.checkpoints import checkpoints_folder, of_run, place_of, remove_checkpoints
from ..db.engine import open_database
from ..db.errors import (
    RecorderLost,
    RecordingFailed,
    RunTakenOver,
    ShiftscopeError,
    records_refused,
    refusal,
)
from ..db.experiment import Experiment
from ..db.location import Location
from ..db.log import note
from ..db.parsing import parse, parse_study
from ..db.tables import ACTIVE, Run
from ..db.write import describe_run
from . import datasets, devices
from .cadence import Cadence
from .checkpoint import Checkpoints
from .feeder import Feeder
from .fingerprint import fingerprint
from .keeper import Facts, Keeper
from .loop import train
from .measuring import run_study
from .recorder_process import RecorderProcess
from .run_log import RunLog
from .sampler import Sampler, Sampling
from .setup import Prepared, prepare
from .versions import versions

LONGEST_PHASE = 200
PATIENCE = 60.0
"""Seconds for a PostgreSQL server that restarts; the recorder waits as long."""
END_AGAIN_SECONDS = 1.0
logger = logging.getLogger(__name__)

TRAINING = ("Training", "narrower hidden layers, a smaller batch or fewer seeds")
STUDY = ("The study", "the quick length")


class Interrupted(BaseException):
    """The run is to end before its training has begun."""


class Interruption:
    """What SIGTERM does: it ends training in good order, and anything before it at once.

    A study is ended at once, too: it may be in the middle of a long measurement. The worker sends
    it, when a person asks for a stop or when it is shut down itself.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.is_training = False
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the worker's to decide

    def _on_signal(self, _signal: int, _frame: object) -> None:
        is_first = not self.stop.is_set()
        self.stop.set()
        if is_first and not self.is_training:  # a second one would interrupt what the first began
            raise Interrupted


def execute(database: str, data: Path, run_id: int) -> None:
    """Run a claimed run and leave it finished, stopped or failed, with a sentence why.

    A run that was interrupted is left to the worker, which interrupted it and knows why. One whose
    recorder was killed is queued again.
    """
    interruption = Interruption()
    engine = open_database(database, patience=PATIENCE)
    kind, start = TRAINING, 0
    warnings = RunLog(engine, run_id)
    logging.getLogger(__package__).addHandler(warnings)
    try:
        run = read.run(engine, run_id)
        start = run.starts
        if run.status not in ACTIVE:
            return  # the worker ended it, and itself, while this process was on its way
        if run.study is not None:
            kind = STUDY
            with Sampling(Sampler(engine, run_id, os.getpid())):
                run_study(engine, data, run_id, parse_study(run.study))
            end(engine, run_id, "finished", start=start)
        elif (weights := _train(engine, database, data, run, interruption)) is not None:
            remark = f"The final weights have the SHA-256 {weights}."
            if end(engine, run_id, "finished", start=start, remark=remark):
                remove_checkpoints(checkpoints_folder(engine, data), [run_id])
        elif read.run(engine, run_id).status == "stopping":
            end(engine, run_id, "stopped", start=start)
    except Interrupted:
        pass
    except RunTakenOver as error:
        logger.warning("%s", error)
    except RecorderLost as error:
        resuming.interrupted(engine, run_id, str(error), start)
    except ShiftscopeError as error:
        end(engine, run_id, "failed", str(error), start=start)
    except Exception as error:
        if not isinstance(error, SQLAlchemyError):
            logger.exception("Run %d failed.", run_id)
        end(engine, run_id, "failed", explain(error, kind), start=start)
    finally:
        logging.getLogger(__package__).removeHandler(warnings)
        engine.dispose()


def end(
    engine: Engine,
    run_id: int,
    status: queue.Ended,
    error: str | None = None,
    *,
    start: int,
    remark: str | None = None,
) -> bool:
    """Store how the run ended, however long its database takes: only this process knows why.

    A disk may be full, or the file locked. The worker waits: meanwhile it could claim nothing.
    False when the run had ended already.
    """
    warned = False
    while True:
        try:
            return queue.end(engine, run_id, status, error, start=start, remark=remark)
        except OperationalError as refused:
            worker = parent_process()
            if worker is not None and not worker.is_alive():
                raise
            if not warned:
                logger.warning("Run %d is %s. %s %s", run_id, status, error or "", refusal(refused))
            warned = True
            time.sleep(END_AGAIN_SECONDS)


def explain(error: Exception, kind: tuple[str, str] = TRAINING) -> str:
    """An unexpected error as sentences for a person.

    Args:
        error: What happened.
        kind: What ended with it, and what to try where it was too large for the memory.
    """
    what, smaller = kind
    words = (str(error) or type(error).__name__).splitlines()[0]
    # torch has an exception of its own for a full GPU, and a RuntimeError for a full memory
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in words:
        return f"There was not enough memory: {words} Try {smaller}."
    if isinstance(error, SQLAlchemyError):
        return records_refused(error)
    return (
        f"{what} ended with an error of shiftscope's own ({type(error).__name__}: {words}); the "
        "worker's terminal has the full report."
    )


def _train(
    engine: Engine, database: str, data: Path, run: Run, interruption: Interruption
) -> str | None:
    """Set everything up and train; the fingerprint, or None if the run did not come to its end."""
    run_id = run.id
    experiment = parse(run.experiment)
    device = devices.choose(experiment.device)
    phase = f"loading {experiment.dataset}"
    describe_run(engine, run_id, device=str(device), versions=versions(), phase=phase)
    with Sampling(Sampler(engine, run_id, os.getpid(), devices.gpu_use(device))):
        images = datasets.of_experiment(
            experiment,
            data,
            lambda phase: describe_run(engine, run_id, phase=phase[:LONGEST_PHASE]),
        )
        if images.note:
            describe_run(engine, run_id, versions=versions() | {"data": images.note})
        if device.type == "cpu":
            torch.set_num_threads(devices.training_threads())
        prepared = prepare(experiment, images, device)
        describe_run(engine, run_id, phase=None)
        interruption.is_training = True
        stop = interruption.stop

        def on_status(status: str) -> None:
            worker = parent_process()
            if status != "running" or (worker is not None and not worker.is_alive()):
                stop.set()

        folder = checkpoints_folder(engine, data)
        checkpoints = Checkpoints(of_run(folder, run_id))
        found = checkpoints.newest(run.step, lambda words: note(engine, run_id, words, "warning"))
        networks = sum(len(stack.networks) for stack in prepared.plan.stacks)
        begins = "begins" if run.starts == 1 else "begins anew, for there is no checkpoint here,"
        if found is not None:
            begins = f"goes on after step {found.step:,}"
        note(engine, run_id, f"Training {begins} on {device}: {networks} networks.")
        recorder = RecorderProcess(
            database,
            run_id,
            start=run.starts,
            records=found and found.records,
            on_status=on_status,
        )
        keeper = Keeper(
            checkpoints,
            recorder,
            Facts(
                experiment.model_dump(mode="json"),
                device.type,
                (len(images.train_images), len(images.test_images)),
            ),
            found=found,
            seconds=Location().checkpoint_seconds,
            on_kept=lambda step: resuming.kept(engine, run_id, run.starts, step, place_of(folder)),
        )
        completed = watch_and_train(experiment, prepared, recorder, device, stop, keeper)
        return fingerprint(prepared.stacks) if completed else None


def watch_and_train(
    experiment: Experiment,
    prepared: Prepared,
    recorder: RecorderProcess,
    device: torch.device,
    stop: threading.Event,
    keeper: Keeper | None = None,
) -> bool:
    """Train what was set up and record it; whether the run came to its end by itself.

    Raises:
        RecordingFailed: Something kept the recorder from recording everything.
    """
    recording = experiment.recording
    cap = None if recording.overhead is None else recording.overhead / 100
    try:
        cadence = Cadence(recording.record_every, cap)
        feeder = Feeder(prepared.plan, recorder, device, cadence)
        done = train(
            experiment, prepared.stacks, prepared.batches, prepared.test, feeder, stop, keeper
        )
    except BaseException:
        with contextlib.suppress(RecordingFailed):  # the first error is the one to tell
            recorder.finish()
        raise
    recorder.finish()
    return done == experiment.steps or not any(feeder.active)
