"""The queue: a run is claimed once, ends once, and is never left behind by a dead worker."""

import os
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from shiftscope.db import queue, read
from shiftscope.db.engine import BUSY_SECONDS, database_time, open_database, writing
from shiftscope.db.errors import Conflict, NotFound
from shiftscope.db.experiment import Experiment
from shiftscope.db.tables import Run, Worker
from shiftscope.db.write import describe_run

RACED_FOR = int(os.environ.get("SHIFTSCOPE_CLAIMS", "100"))
"""Runs that two workers race for; a night has time for 1,000."""
WATCHED = {"program": "train.py", "host": "here", "pid": 7, "arms": ["model"]}


def lose(engine: Engine, worker_id: int, silence: timedelta = 2 * queue.LEASE) -> None:
    """Let a worker have been silent for longer than its lease."""
    long_ago = datetime.now(UTC) - silence
    with writing(engine) as connection:
        connection.execute(
            update(Worker).where(Worker.id == worker_id).values(heartbeat_at=long_ago)
        )


def steady(engine: Engine) -> datetime:
    """Now, where the clock can be trusted."""
    with engine.connect() as connection:
        return database_time(connection)


def test_two_workers_that_race_never_claim_the_same_run(any_engine: Engine) -> None:
    with writing(any_engine) as connection:
        wanted = [queue.insert_queued(connection, Experiment(), None) for _ in range(RACED_FOR)]
    url = any_engine.url.render_as_string(hide_password=False)
    claimed: dict[int, list[int]] = {}
    together = threading.Barrier(2)

    def work() -> None:
        engine = open_database(url)
        worker_id = queue.register(engine)
        claimed[worker_id] = []
        together.wait(60)
        while (run_id := queue.claim(engine, worker_id)) is not None:
            claimed[worker_id].append(run_id)
            queue.end(engine, run_id, "finished")
        engine.dispose()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(run_id for run_ids in claimed.values() for run_id in run_ids) == wanted
    with any_engine.connect() as connection:
        held = connection.execute(select(Run.id, Run.worker_id, Run.starts)).all()
    assert {(one, who, 1) for who, run_ids in claimed.items() for one in run_ids} == {*held}


def test_the_oldest_run_is_claimed_first_and_a_named_one_out_of_turn(any_engine: Engine) -> None:
    first, second, third = (queue.enqueue(any_engine, Experiment()) for _ in range(3))
    worker_id = queue.register(any_engine)
    for named, found in ((third, third), (third, None), (None, first), (None, second)):
        assert queue.claim(any_engine, worker_id, named) == found
        queue.end(any_engine, found or third, "finished")
    assert queue.claim(any_engine, worker_id) is None


def test_a_claim_whose_answer_got_lost_is_made_good(any_engine: Engine) -> None:
    run_id, other = (queue.enqueue(any_engine, Experiment()) for _ in range(2))
    worker, second = queue.register(any_engine), queue.register(any_engine)
    assert queue.claim(any_engine, worker, run_id) == run_id
    assert queue.claim(any_engine, worker, run_id) == run_id
    assert queue.claim(any_engine, second, run_id) is None
    queue.end(any_engine, run_id, "finished")
    assert queue.claim(any_engine, worker) == other


def test_a_queued_run_stops_at_once_and_a_running_one_is_asked(any_engine: Engine) -> None:
    running, queued = (queue.enqueue(any_engine, Experiment()) for _ in range(2))
    queue.claim(any_engine, queue.register(any_engine), running)
    assert queue.ask_to_stop(any_engine, queued) == "stopped"
    assert queue.ask_to_stop(any_engine, running) == "stopping"
    assert queue.ask_to_stop(any_engine, running) == "stopping"
    assert read.run(any_engine, queued).ended_at is not None
    assert read.run(any_engine, running).ended_at is None
    assert queue.claim(any_engine, queue.register(any_engine)) is None


def test_a_run_that_has_ended_can_neither_be_stopped_nor_end_again(any_engine: Engine) -> None:
    run_id = queue.enqueue(any_engine, Experiment())
    queue.claim(any_engine, queue.register(any_engine), run_id)
    assert queue.end(any_engine, run_id, "finished")
    assert not queue.end(any_engine, run_id, "failed", "too late")
    assert read.run(any_engine, run_id).error is None
    with pytest.raises(Conflict, match="finished"):
        queue.ask_to_stop(any_engine, run_id)


def test_a_run_that_is_not_there_cannot_be_stopped(any_engine: Engine) -> None:
    with pytest.raises(NotFound, match="no run 7"):
        queue.ask_to_stop(any_engine, 7)


def test_only_the_runs_of_silent_or_missing_workers_go_on_or_have_stopped(
    any_engine: Engine,
) -> None:
    of_silent, of_gone, of_alive, queued = (queue.enqueue(any_engine, Experiment()) for _ in "1234")
    silent, gone, alive = (queue.register(any_engine) for _ in "123")
    for worker_id, run_id in ((silent, of_silent), (gone, of_gone), (alive, of_alive)):
        assert queue.claim(any_engine, worker_id, run_id) == run_id
    queue.ask_to_stop(any_engine, of_silent)
    queue.sign_off(any_engine, gone)
    lose(any_engine, silent)
    assert sorted(queue.reconcile(any_engine, steady(any_engine))) == [of_silent, of_gone]
    statuses = [read.run(any_engine, run_id).status for run_id in (of_silent, of_gone, of_alive)]
    assert statuses == ["stopped", "queued", "running"]
    assert "worker" in (read.run(any_engine, of_silent).error or "")
    assert read.run(any_engine, of_gone).error is None
    assert read.run(any_engine, queued).status == "queued"
    assert queue.reconcile(any_engine, steady(any_engine)) == []


def test_a_silence_alone_is_no_death_where_the_clock_is_not_trusted(any_engine: Engine) -> None:
    """As after a jump of the clock, or a time in which the database took no heartbeat."""
    runs = [queue.enqueue(any_engine, Experiment()) for _ in "12"]
    workers = [queue.register(any_engine) for _ in runs]
    for worker_id, run_id in zip(workers, runs, strict=True):
        assert queue.claim(any_engine, worker_id, run_id) == run_id
        lose(any_engine, worker_id, 1_000 * queue.LEASE)
    another = subprocess.Popen(["true"])
    another.wait()
    queue.bury(any_engine, another.pid)
    queue.register(any_engine)
    assert queue.reconcile(any_engine) == []
    queue.heartbeat(any_engine, workers[0])
    with writing(any_engine) as connection:  # of the other the process is known not to be there
        gone = update(Worker).where(Worker.id == workers[1]).values(pid=another.pid)
        connection.execute(gone)
    assert queue.reconcile(any_engine) == runs[1:]
    assert read.run(any_engine, runs[0]).status == "running"
    assert queue.reconcile(any_engine, steady(any_engine)) == []
    assert workers[1] not in {worker.id for worker in read.workers(any_engine)}, "long forgotten"


def test_a_stop_waits_for_an_end_that_is_being_committed_and_does_not_undo_it(
    any_engine: Engine,
) -> None:
    run_id = queue.enqueue(any_engine, Experiment())
    queue.claim(any_engine, queue.register(any_engine), run_id)
    refused: list[Conflict] = []

    def stop() -> None:
        try:
            queue.ask_to_stop(any_engine, run_id)
        except Conflict as conflict:
            refused.append(conflict)

    stopper = threading.Thread(target=stop)
    with writing(any_engine) as connection:
        connection.execute(update(Run).where(Run.id == run_id).values(status="finished"))
        stopper.start()
        stopper.join(0.3)
        assert stopper.is_alive()
    stopper.join(60)
    assert len(refused) == 1 and read.run(any_engine, run_id).status == "finished"


def test_a_run_that_was_asked_to_stop_may_still_finish_or_fail(any_engine: Engine) -> None:
    for ending in ("finished", "failed", "stopped"):
        run_id = queue.enqueue(any_engine, Experiment())
        queue.claim(any_engine, queue.register(any_engine), run_id)
        assert queue.ask_to_stop(any_engine, run_id) == "stopping"
        assert queue.end(any_engine, run_id, ending)
        assert read.run(any_engine, run_id).status == ending


def test_a_worker_may_wait_for_the_write_lock_without_being_taken_for_dead() -> None:
    assert queue.LEASE.total_seconds() > BUSY_SECONDS


def test_a_worker_tells_what_it_offers_and_is_forgotten_when_it_signs_off(
    any_engine: Engine,
) -> None:
    worker_id = queue.register(any_engine)
    offers: dict[str, Any] = {
        "devices": ["cpu"],
        "datasets": {"digits": {"available": True, "note": "Always."}},
    }
    queue.heartbeat(any_engine, worker_id, offers)
    (worker,) = read.workers(any_engine)
    assert (worker.devices, worker.datasets) == (offers["devices"], offers["datasets"])
    assert worker.heartbeat_at >= worker.started_at
    queue.sign_off(any_engine, worker_id)
    assert read.workers(any_engine) == []


def test_a_buried_worker_leaves_no_run_behind(any_engine: Engine) -> None:
    run_id = queue.enqueue(any_engine, Experiment())
    queue.claim(any_engine, queue.register(any_engine), run_id)
    describe_run(any_engine, run_id, phase="loading mnist")
    queue.bury(any_engine, os.getpid())
    run = read.run(any_engine, run_id)
    assert (run.status, run.worker_id, run.phase) == ("queued", None, None)
    assert not read.workers(any_engine)


def test_a_watched_run_runs_at_once_and_nobody_claims_it(any_engine: Engine) -> None:
    recorder = queue.register(any_engine, "watch")
    run_id = queue.begin_watched(any_engine, recorder, "My ResNet", WATCHED)
    assert queue.begin_watched(any_engine, recorder, "My ResNet", WATCHED) == run_id, "tried again"
    run = read.run(any_engine, run_id)
    assert (run.source, run.status, run.name, run.worker_id) == (
        "watch",
        "running",
        "My ResNet",
        recorder,
    )
    assert run.watched == WATCHED and run.started_at is not None
    assert (run.experiment, run.steps, run.step, run.summary) == (None, None, 0, {})
    assert queue.claim(any_engine, queue.register(any_engine)) is None
    assert queue.end(any_engine, run_id, "finished")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("a\x00b\tc", "a b c"),
        ("x" * 100, "x" * 80),
        (" \n", "Untitled"),
        ("y" * 79 + " z", "y" * 79),
    ],
)
def test_a_watched_run_may_be_called_anything(any_engine: Engine, name: str, kept: str) -> None:
    recorder = queue.register(any_engine, "watch")
    run_id = queue.begin_watched(any_engine, recorder, name, WATCHED, steps=10)
    assert (read.run(any_engine, run_id).name, read.run(any_engine, run_id).steps) == (kept, 10)


def test_a_watched_run_is_ended_by_its_own_program_alone(any_engine: Engine) -> None:
    run_id = queue.begin_watched(any_engine, queue.register(any_engine, "watch"), "Mine", WATCHED)
    with pytest.raises(Conflict, match=r"watched: its loop belongs to your own program\. End it"):
        queue.ask_to_stop(any_engine, run_id)
    assert read.run(any_engine, run_id).status == "running"
    assert queue.end(any_engine, run_id, "failed", "CUDA is out of memory.")
    with pytest.raises(Conflict, match="it is failed"):
        queue.ask_to_stop(any_engine, run_id)


def test_a_watched_run_whose_program_is_gone_fails_by_a_sentence_of_its_own(
    any_engine: Engine,
) -> None:
    lost, alive = (queue.register(any_engine, "watch") for _ in "12")
    of_lost, of_alive = (
        queue.begin_watched(any_engine, worker, "Mine", WATCHED) for worker in (lost, alive)
    )
    trained = queue.enqueue(any_engine, Experiment())
    worker = queue.register(any_engine)
    queue.claim(any_engine, worker)
    for gone in (lost, worker):
        lose(any_engine, gone)
    assert sorted(queue.reconcile(any_engine, steady(any_engine))) == [of_lost, trained]
    error = read.run(any_engine, of_lost).error or ""
    assert "program that trained it" in error and "kept" in error and "Run again" not in error
    assert read.run(any_engine, trained).status == "queued"
    assert read.run(any_engine, of_alive).status == "running"


def test_killed_recorders_are_forgotten_where_no_worker_ever_comes(any_engine: Engine) -> None:
    elsewhere, gone, alive = (queue.register(any_engine, "watch") for _ in "123")
    worker, lately = queue.register(any_engine), queue.register(any_engine, "watch")
    run_id = queue.begin_watched(any_engine, gone, "Mine", WATCHED)
    another = subprocess.Popen(["true"])
    another.wait()
    for silent in (elsewhere, gone, alive, worker):
        lose(any_engine, silent, 2 * queue.FORGOTTEN)
    lose(any_engine, lately)
    with writing(any_engine) as connection:
        for one, values in ((gone, {"pid": another.pid}), (elsewhere, {"host": "elsewhere"}),
                            (lately, {"host": "elsewhere"})):  # fmt: skip
            connection.execute(update(Worker).where(Worker.id == one).values(**values))
    new = queue.register(any_engine, "watch")
    with any_engine.connect() as connection:
        left = connection.scalars(select(Worker.id).order_by(Worker.id)).all()
    assert left == [alive, worker, lately, new], (
        "a process that is there may have met a clock's jump"
    )
    assert queue.reconcile(any_engine) == [run_id], "what it held is found as before"


def test_the_recorder_of_a_watched_run_is_no_worker(any_engine: Engine) -> None:
    queue.register(any_engine, "watch")
    worker_id = queue.register(any_engine)
    assert [worker.id for worker in read.workers(any_engine)] == [worker_id]
