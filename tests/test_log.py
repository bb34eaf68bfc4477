"""What happened to a run, and what it took of the machine."""

import logging
import math
import os
import time
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import Engine, update

from shiftscope.db import log, queue, write
from shiftscope.db.engine import writing
from shiftscope.db.errors import Conflict
from shiftscope.db.experiment import Experiment
from shiftscope.db.system import System, add_sample, samples_of
from shiftscope.db.tables import Run
from shiftscope.trainer.run_log import RunLog
from shiftscope.trainer.sampler import Sampler


def messages(engine: Engine, run_id: int) -> list[tuple[str, str]]:
    return [(one.level, one.message) for one in log.entries(engine, run_id)]


def test_a_log_tells_every_change_of_state_in_order(any_engine: Engine, make_run: Any) -> None:
    run = make_run(any_engine)
    for phase in ("downloading MNIST, 3 %", "downloading MNIST, 97 %", "loading mnist", None):
        write.describe_run(any_engine, run.run_id, phase=phase)
    run.writer.freeze(run.networks[0][0], diverged_step=1_200, frozen_step=1_300)
    run.append(3)
    queue.ask_to_stop(any_engine, run.run_id)
    queue.ask_to_stop(any_engine, run.run_id)
    queue.end(any_engine, run.run_id, "stopped")
    assert not queue.end(any_engine, run.run_id, "failed", "Too late.")
    with pytest.raises(Conflict):
        queue.ask_to_stop(any_engine, run.run_id)
    told = messages(any_engine, run.run_id)
    assert told[1][1].startswith("Started by worker 1, process ")
    assert [told[0], *told[2:]] == [
        ("info", "Queued."),
        ("info", "Downloading MNIST."),
        ("info", "Loading mnist."),
        (
            "warning",
            "none, seed 0, diverged: its loss is no longer finite at step 1,200, so it was frozen "
            "after step 1,300.",
        ),
        ("info", "Asked to stop."),
        ("info", "Stopped."),
    ]


def test_how_a_run_was_lost_is_a_warning_of_its_log_alone(
    any_engine: Engine, make_run: Any
) -> None:
    lost, other = make_run(any_engine), make_run(any_engine)
    with writing(any_engine) as connection:
        connection.execute(update(Run).where(Run.id == lost.run_id).values(worker_id=None))
    assert queue.reconcile(any_engine) == [lost.run_id]
    on = f"{queue.WORKER_LOST} It goes on from the start."
    assert messages(any_engine, lost.run_id)[-1] == ("warning", on)
    assert len(messages(any_engine, other.run_id)) == 2
    waiting = queue.enqueue(any_engine, Experiment(steps=9))
    queue.ask_to_stop(any_engine, waiting)
    assert messages(any_engine, waiting)[-1] == ("info", "Stopped before it began.")


def test_a_log_over_http_goes_on_after_what_is_known(
    web: httpx.Client, engine: Engine, make_run: Any
) -> None:
    run = make_run(engine)
    log.note(engine, run.run_id, "It is slow.", "warning")
    path = f"/api/runs/{run.run_id}/log"
    told = web.get(path).json()
    assert told["run"] == run.run_id and len(told["entries"]) == 3
    last = told["entries"][-1]
    assert (last["level"], last["message"]) == ("warning", "It is slow.")
    assert web.get(path, params={"after": last["id"] - 1}).json()["entries"] == [last]
    assert web.get("/api/runs/99/log").status_code == 404
    assert web.get(path, params={"after": -1}).status_code == 422


def test_warnings_of_the_trainer_are_entries_and_errors_are_not(
    engine: Engine, make_run: Any
) -> None:
    run_id = make_run(engine).run_id
    logger = logging.getLogger("shiftscope.trainer")
    handler = RunLog(engine, run_id)
    logger.addHandler(handler)
    try:
        logging.getLogger("shiftscope.trainer.graphs").warning("No graph: %s", "why")
        logger.error("Run 1 failed.")
    finally:
        logger.removeHandler(handler)
    assert messages(engine, run_id)[2:] == [("warning", "No graph: why")]


def test_a_sample_is_what_the_process_took_since_the_one_before(
    any_engine: Engine, make_run: Any
) -> None:
    run = make_run(any_engine)
    own = psutil.Process()

    def taken() -> float:
        """Of this process and of those that others have left to it, as a sample counts."""
        times = [one.cpu_times() for one in (own, *own.children(recursive=True))]
        return sum(one.user + one.system for one in times)

    clocks = [(time.monotonic(), taken())]

    def look() -> None:
        clocks.append((time.monotonic(), taken()))

    sampler = Sampler(any_engine, run.run_id, os.getpid(), lambda: (0.5, 3e9))
    look()
    while taken() < clocks[-1][1] + 0.2:
        sum(range(1000))
    for _ in range(2):
        look()
        sampler.sample()
        look()
        run.append(7)
        time.sleep(0.2)
    found = samples_of(any_engine, run.run_id)
    assert (found.samples, found.every, found.step) == (2, 1, [0, 7])
    # Each look was between two of ours, however long they took: what it found is between theirs.
    for at, cpu in enumerate(found.values["cpu"]):
        (first, idle), (begun, spent), (end, busy), (last, most) = clocks[2 * at : 2 * at + 4]
        least = (busy - spent) / (last - first)
        assert least - 0.2 < cpu < (most - idle) / (end - begun) + 0.2
    assert 1e7 < found.values["memory"][0] < 1e11
    assert 0 <= found.values["machine_memory"][0] <= 1 and 0 <= found.values["machine_cpu"][1] <= 1
    assert found.values["gpu"] == [0.5, 0.5] and found.values["gpu_memory"] == [3e9, 3e9]
    assert 0 < found.seconds[0] < found.seconds[1]


def test_many_samples_are_told_as_means_and_largest_memory(
    web: httpx.Client, engine: Engine, make_run: Any
) -> None:
    run_id = make_run(engine).run_id
    for at in range(5):
        sample = System(2.0 * at, float(at), 100.0 + at, 0.5, 0.25, None, None)
        add_sample(engine, run_id, sample)
    path = f"/api/runs/{run_id}/system"
    all_of_them = web.get(path).json()
    assert (all_of_them["samples"], all_of_them["every"]) == (5, 1)
    assert all_of_them["cpu"] == [0, 1, 2, 3, 4] and set(all_of_them["gpu"]) == {"NaN"}
    some = web.get(path, params={"points": 3}).json()
    assert (some["every"], some["seconds"]) == (2, [2, 6, 8])
    assert some["cpu"] == [0.5, 2.5, 4] and some["memory"] == [101, 103, 104]
    assert all(math.isclose(one, 0.5) for one in some["machine_cpu"])
    assert web.get("/api/runs/99/system").status_code == 404
