"""kill -9 at random moments: everything committed stays, and the run ends as if nothing had been.

SHIFTSCOPE_CRASHES says how many moments (5), SHIFTSCOPE_CRASH_SEED which ones.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from resumed import assert_same_records
from sqlalchemy import Engine, select

from shiftscope.db import catalog, queue, read
from shiftscope.db.log import entries
from shiftscope.db.parsing import with_settings
from shiftscope.db.tables import LayerRecord, Network, Run

CRASHES = int(os.environ.get("SHIFTSCOPE_CRASHES", "5"))
SEED = int(os.environ.get("SHIFTSCOPE_CRASH_SEED", "0"))
TARGETS = ("run", "recorder", "worker", "server", "all")
PATIENCE = 90.0
SETTINGS = (
    *("dataset=digits", "hidden=12,10", "steps=300", "seeds=0", "momentum=0.9"),
    *("probe_every=20", "evaluate_every=15", "gradient_shift_every=5", "landscape_every=5"),
)


class Served:
    """`shiftscope serve` with its worker, as processes that can be killed."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._command = [
            *(sys.executable, "-c", "from shiftscope.server.cli import main; main()", "serve"),
            *("--no-browser", "--port", "0", "--database", str(engine.url), "--data", str(folder)),
        ]
        self._environment = {**os.environ, "SHIFTSCOPE_CHECKPOINT_SECONDS": "0.2"}
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, if it is not there."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def end(self) -> None:
        """End it in good order."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(PATIENCE)

    def kill(self, target: str) -> None:
        """Kill one of its processes, or all."""
        found = self._processes()
        for name, process in found:
            if target in (name, "all"):
                process.send_signal(signal.SIGKILL)
        for name, process in found:
            if target in (name, "all"):
                process.wait(PATIENCE)

    def _processes(self) -> list[tuple[str, psutil.Process]]:
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        found = [("server", server)]
        for process in server.children(recursive=True):
            command = " ".join(process.cmdline())
            if "trainer.worker" in command:
                found.append(("worker", process))
            elif "trainer.recorder" in command:
                found += [("recorder", process), ("run", process.parent() or process)]
            else:
                found.append(("fork server", process))
        return found


@pytest.fixture
def served(engine: Engine, tmp_path: Path) -> Iterator[Served]:
    """A server with a worker that keeps checkpoints often."""
    served = Served(engine, tmp_path)
    yield served
    served.end()


def enqueue(engine: Engine) -> int:
    return queue.enqueue(engine, with_settings(catalog.experiment("mnist-sigmoid"), SETTINGS))


def wait(engine: Engine, run_id: int, until: Callable[[Run], Any]) -> Run:
    """The run, as soon as something holds of it."""
    deadline = time.monotonic() + PATIENCE
    while not until(run := read.run(engine, run_id)):
        late = time.monotonic() > deadline or run.status == "failed"
        assert not late, "\n".join([f"{run.status}: {run.error}", *told(engine, run_id)])
        time.sleep(0.02)
    return run


def told(engine: Engine, run_id: int) -> list[str]:
    return [entry.message for entry in entries(engine, run_id)]


def is_training(engine: Engine, run_id: int, start: int) -> bool:
    """Whether a start of the run has come so far, or the run to its end."""
    begun = sum(message.startswith("Training ") for message in told(engine, run_id))
    return begun >= start or read.run(engine, run_id).status == "finished"


def committed(engine: Engine, run_id: int) -> set[tuple[Any, ...]]:
    columns = LayerRecord.__table__.columns
    query = select(columns.layer_id, columns.step, columns.mean, columns.shift_w1)
    own = select(Network.id).where(Network.run_id == run_id)
    with engine.connect() as connection:
        return {tuple(row) for row in connection.execute(query.where(columns.network_id.in_(own)))}


def test_nothing_is_lost_and_nothing_differs_whatever_is_killed(
    engine: Engine, served: Served
) -> None:
    chance = random.Random(SEED)
    whole = enqueue(engine)
    wait(engine, whole, lambda run: run.status == "finished")
    targets: list[str] = []
    run_id, kept, without = enqueue(engine), 0, 0
    victims = [run_id]
    for _ in range(CRASHES):
        targets = targets or chance.sample(TARGETS, len(TARGETS))
        wait(engine, run_id, lambda run: run.status in ("running", "finished"))
        run = read.run(engine, run_id)
        wait(engine, run_id, lambda _, run=run: is_training(engine, run.id, run.starts))
        time.sleep(chance.uniform(0, 0.5))
        if without == 2:  # in a row; a run that never comes further gives up, as it should
            wait(engine, run_id, lambda run, kept=kept: (run.checkpoint_step or 0) > kept
                 or run.status == "finished")  # fmt: skip
        run = read.run(engine, run_id)
        if run.status == "finished":
            run_id, kept, without = enqueue(engine), 0, 0
            victims.append(run_id)
            wait(engine, run_id, lambda run: run.checkpoint_step)
        before = committed(engine, run_id)
        step = read.run(engine, run_id).step
        served.kill(targets.pop())
        served.start()
        after = read.run(engine, run_id)
        without = 0 if (after.checkpoint_step or 0) > kept else without + 1
        kept = after.checkpoint_step or 0
        assert before <= committed(engine, run_id) and after.step >= step
    for run_id in victims:
        wait(engine, run_id, lambda run: run.status == "finished")
        assert_same_records(engine, whole, run_id)
    assert any(message.startswith("Training goes on") for message in told(engine, victims[0]))
