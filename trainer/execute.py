"""One run from claim to end, in a process of its own."""

import logging
import os
import signal
import threading
from multiprocessing import parent_process
from pathlib import Path

import torch
from sqlalchemy import Engine
from torch import Tensor

from ..db import queue, read
from ..db.engine import open_database
from ..db.errors import ShiftscopeError
from ..db.experiment import Experiment
from ..db.parsing import parse
from ..db.write import RecordWriter, add_networks, describe_run
from . import datasets, devices
from .feeder import Feeder, RecorderGone
from .loop import Twins, train
from .observer import Observer
from .recorder import Recorder
from .ring import Ring
from .setup import describe, prepare, tracks

WORKER_ENDED = "The worker was shut down while the run was going; what it had recorded is kept."
logger = logging.getLogger(__name__)


def execute(database: str, data: Path, run_id: int) -> None:
    """Train a claimed run and leave it finished, stopped or failed, with a sentence why."""
    stop = threading.Event()
    shut_down = threading.Event()

    def on_terminate(_signal: int, _frame: object) -> None:
        shut_down.set()
        stop.set()

    signal.signal(signal.SIGTERM, on_terminate)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the worker decides, and sends SIGTERM
    engine = open_database(database)
    try:
        completed = _train(engine, data, run_id, stop)
    except ShiftscopeError as error:
        queue.end(engine, run_id, "failed", str(error))
    except (MemoryError, torch.OutOfMemoryError) as error:
        logger.exception("Run %d is out of memory.", run_id)
        cause = (str(error) or type(error).__name__).splitlines()[0]
        queue.end(
            engine,
            run_id,
            "failed",
            f"There was not enough memory: {cause} Try narrower hidden layers, a smaller batch "
            "or fewer seeds.",
        )
    except Exception as error:
        logger.exception("Run %d failed.", run_id)
        queue.end(
            engine,
            run_id,
            "failed",
            f"Training ended with an error of shiftscope's own ({type(error).__name__}: {error}); "
            "the worker's terminal has the full report.",
        )
    else:
        note = WORKER_ENDED if shut_down.is_set() and not completed else None
        queue.end(engine, run_id, "finished" if completed else "stopped", note)
    finally:
        engine.dispose()


def _train(engine: Engine, data: Path, run_id: int, stop: threading.Event) -> bool:
    """Set everything up and train; whether the run came to its end by itself."""
    experiment = parse(read.run(engine, run_id).experiment)
    device = devices.choose(experiment.device)
    describe_run(engine, run_id, device=str(device), phase=f"loading {experiment.dataset}")
    images = datasets.load(
        experiment.dataset, data, lambda phase: describe_run(engine, run_id, phase=phase)
    )
    if device.type == "cpu":
        torch.set_num_threads(default_threads())
    seeds, test = prepare(experiment, images, device)
    describe_run(engine, run_id, phase=None)
    return watch_and_train(engine, run_id, experiment, seeds, test, device, stop)


def default_threads() -> int:
    """Half the cores: networks this small gain little from more, and the recorder needs one."""
    return max(1, (os.cpu_count() or 2) // 2)


def watch_and_train(
    engine: Engine,
    run_id: int,
    experiment: Experiment,
    seeds: list[Twins],
    test: tuple[Tensor, Tensor],
    device: torch.device,
    stop: threading.Event,
) -> bool:
    """Train what was set up and record it; whether the run came to its end by itself."""
    trainees = [trainee for pair in seeds for trainee in pair.trainees]
    numbers = add_networks(engine, run_id, describe(seeds))
    observer = Observer(
        [trainee.network for trainee in trainees],
        [trainee.optimizer for trainee in trainees],
        experiment.batch_size,
    )
    batch_sizes = [experiment.batch_size] * len(seeds)
    ring = Ring(observer.layers, observer.places[-1].end, batch_sizes, device)

    def on_status(status: str) -> None:
        worker = parent_process()
        if status != "running" or (worker is not None and not worker.is_alive()):
            stop.set()

    watched = tracks(experiment, seeds, numbers, observer.places)
    recorder = Recorder(ring, RecordWriter(engine, run_id), watched, on_status)
    feeder = Feeder(ring, len(trainees), experiment.recording.record_every, lambda: recorder.broken)
    done = 0
    try:
        done = train(experiment, seeds, test, observer, feeder, stop)
    except RecorderGone:
        logger.error("The recorder of run %d ended early.", run_id)
    finally:
        recorder.finish()
    return done == experiment.steps or not any(feeder.active)
