"""kill -9 at random moments: everything committed stays, and the run ends as if nothing had been.

SHIFTSCOPE_CRASHES says how many moments (5), SHIFTSCOPE_CRASH_SEED which ones. At each of them all
processes are made to stand still first, so that what is killed is known to be in mid-run.
"""

import itertools
import logging
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from killing import PATIENCE, Served, kill
from resumed import assert_same_records
from sqlalchemy import Engine, select

from shiftscope.db import catalog, queue, read
from shiftscope.db.log import entries
from shiftscope.db.parsing import with_settings
from shiftscope.db.resuming import MOST_INTERRUPTIONS
from shiftscope.db.tables import LayerRecord, Network, Run

CRASHES = int(os.environ.get("SHIFTSCOPE_CRASHES", "5"))
SEED = int(os.environ.get("SHIFTSCOPE_CRASH_SEED", "0"))
TRAINING = ("server", "worker", "run", "recorder")
"""The processes while a run trains."""
TARGETS = (*TRAINING, "all")
STEPS = 300
SETTINGS = (
    *("dataset=digits", "hidden=12,10", f"steps={STEPS}", "seeds=0", "momentum=0.9"),
    *("probe_every=20", "evaluate_every=15", "gradient_shift_every=5", "landscape_every=5"),
)
Records = set[tuple[Any, ...]]
logger = logging.getLogger(__name__)


@pytest.fixture
def served(engine: Engine, tmp_path: Path) -> Iterator[Served]:
    """A server with a worker that keeps checkpoints often."""
    served = Served(engine, tmp_path)
    yield served
    served.end()


@dataclass(frozen=True)
class Strike:
    """One moment: the run as it was then, and what was committed of it."""

    target: str
    run: Run
    before: Records


def enqueue(engine: Engine) -> int:
    return queue.enqueue(engine, with_settings(catalog.experiment("mnist-sigmoid"), SETTINGS))


def wait(engine: Engine, run_id: int, until: Callable[[Run], Any]) -> Run:
    """The run, as soon as something holds of it, or it has finished."""
    deadline = time.monotonic() + PATIENCE
    while not until(run := read.run(engine, run_id)) and run.status != "finished":
        late = time.monotonic() > deadline or run.status == "failed"
        assert not late, "\n".join([f"{run.status}: {run.error}", *told(engine, run_id)])
        time.sleep(0.02)
    return run


def told(engine: Engine, run_id: int) -> list[str]:
    return [entry.message for entry in entries(engine, run_id)]


def final_weights(engine: Engine, run_id: int) -> str:
    """What the log of a finished run says of them."""
    return next(words for words in told(engine, run_id) if words.startswith("The final weights"))


def committed(engine: Engine, run_id: int) -> Records:
    columns = LayerRecord.__table__.columns
    query = select(columns.layer_id, columns.step, columns.mean, columns.shift_w1)
    own = select(Network.id).where(Network.run_id == run_id)
    with engine.connect() as connection:
        return {tuple(row) for row in connection.execute(query.where(columns.network_id.in_(own)))}


def strike(engine: Engine, served: Served, run_id: int, target: str) -> Strike | None:
    """Kill in the middle of a run; None when it is not there just now, or may not be interrupted.

    A run that never comes further gives up after some interruptions, as it should.
    """
    with served.frozen() as processes:
        run = read.run(engine, run_id)
        is_training = run.status == "running" and all(role in processes for role in TRAINING)
        if not is_training or run.step >= STEPS or run.interruptions >= MOST_INTERRUPTIONS:
            return None
        before = committed(engine, run_id)
        roles = processes if target == "all" else (target,)
        kill([process for role in roles for process in processes[role]])
    return Strike(target, run, before)


def test_nothing_is_lost_and_nothing_differs_whatever_is_killed(
    engine: Engine, served: Served
) -> None:
    chance = random.Random(SEED)
    whole = enqueue(engine)
    wait(engine, whole, lambda _: False)
    targets: list[str] = []
    strikes: list[Strike] = []
    run_id, kept = enqueue(engine), 0
    for attempt in itertools.count():
        if len(strikes) == CRASHES:
            break
        assert attempt < 20 * CRASHES, "runs are over before they can be struck: give them steps"
        targets = targets or chance.sample(TARGETS, len(TARGETS))
        # every other time there is a checkpoint to go on from that was not there the last time
        least = kept if len(strikes) % 2 else -1
        wait(engine, run_id, lambda run, least=least: run.status == "running"
             and run.interruptions < MOST_INTERRUPTIONS and (run.checkpoint_step or 0) > least
             and "recorder" in served.processes())  # fmt: skip
        time.sleep(chance.uniform(0, 0.5))  # anywhere between two commits; nothing relies on it
        struck = strike(engine, served, run_id, targets[-1])
        if struck is None:
            if read.run(engine, run_id).status == "finished":
                run_id, kept = enqueue(engine), 0
            continue
        strikes.append(struck)
        logger.info("%s of run %d, start %d, checkpoint %s, step %d", targets.pop(), run_id,
                    struck.run.starts, struck.run.checkpoint_step, struck.run.step)  # fmt: skip
        served.start()
        kept = struck.run.checkpoint_step or 0
        run = wait(engine, run_id, lambda run, was=struck.run: run.starts > was.starts)
        # what outlives the worker or the server may come to the end before it notices
        is_resumed = run.starts > struck.run.starts
        assert is_resumed or (run.status == "finished" and struck.target in ("worker", "server"))
        assert struck.before <= committed(engine, run_id) and run.step >= struck.run.step
    for run_id in dict.fromkeys(struck.run.id for struck in strikes):
        run = wait(engine, run_id, lambda _: False)
        assert_same_records(engine, whole, run_id)
        assert final_weights(engine, run_id) == final_weights(engine, whole)
        starts = {struck.run.starts for struck in strikes if struck.run.id == run_id
                  and struck.run.checkpoint_step and struck.run.starts < run.starts}  # fmt: skip
        begun = [words for words in told(engine, run_id) if words.startswith("Training ")]
        assert len(begun) <= run.starts, told(engine, run_id)
        assert sum("goes on after" in words for words in begun) >= len(starts)
    assert any(struck.run.checkpoint_step for struck in strikes)
