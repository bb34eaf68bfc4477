"""What goes wrong around a run: what the person sees, and what is kept. See docs/faults.md."""

import contextlib
import itertools
import logging
import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx
import numpy as np
import pytest
import torch
from conftest import Ask, PostgresqlServer
from PIL import Image
from queries import exported
from sqlalchemy import Engine, event, update
from websockets.sync.client import connect

from shiftscope.db import catalog, log, queue, read, steadiness
from shiftscope.db import engine as engine_module
from shiftscope.db.engine import database_time, open_database, writing
from shiftscope.db.errors import DatasetProblem
from shiftscope.db.parsing import with_settings
from shiftscope.db.steadiness import Steadiness
from shiftscope.db.tables import Run, Worker
from shiftscope.trainer import execute as execute_module
from shiftscope.trainer import loop, recorder_process
from shiftscope.trainer import worker as worker_module
from shiftscope.trainer.datasets import folder
from shiftscope.trainer.execute import execute

PATIENCE = 60.0
LAYERS, ARMS = 2, 2


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    """SQLite, whatever the suite runs on: its locks and its clock are caused here."""
    return sqlite_engine


@pytest.fixture
def begin(engine: Engine, tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Queues, claims and trains a run in this process; gives what became of it."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def start(*settings: str, database: Engine = engine) -> Run:
        base = catalog.experiment("mnist-sigmoid")
        wanted = with_settings(base, ["dataset=digits", "hidden=20", *settings])
        run_id = queue.enqueue(database, wanted)
        assert queue.claim(database, queue.register(database), run_id) == run_id
        execute(database.url.render_as_string(hide_password=False), tmp_path, run_id)
        return read.run(database, run_id)

    yield start
    for number, handler in handlers.items():
        signal.signal(number, handler)


def wait_for(found: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextlib.contextmanager
def locked(engine: Engine) -> Iterator[None]:
    """Another program holds the file."""
    with contextlib.closing(sqlite3.connect(str(engine.url.database))) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


@contextlib.contextmanager
def pragma(engine: Engine, statement: str) -> Iterator[None]:
    """Every connection is told something, new ones and those that are open."""

    def tell(connection: Any, *_: object) -> None:
        connection.execute(statement)

    event.listen(engine, "checkout", tell)
    yield
    event.remove(engine, "checkout", tell)
    engine.dispose()


def full(engine: Engine) -> contextlib.AbstractContextManager[None]:
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    return pragma(engine, f"PRAGMA max_page_count = {pages}")


REFUSED = {
    "locked": (locked, "It is locked by another program"),
    "read-only": (lambda engine: pragma(engine, "PRAGMA query_only = ON"), "It is read-only"),
    "full": (full, "Its disk is full"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_database_refuses_is_a_503_that_says_why_and_reading_goes_on(
    case: str, empty_database: Path, tmp_path: Path, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "BUSY_SECONDS", 0.1)
    engine = open_database(f"sqlite:///{shutil.copy(empty_database, tmp_path)}")
    web: httpx.Client = connect(engine)
    cause, sentence = REFUSED[case]
    body = {"experiment": {"name": "x" * 80}}
    with cause(engine):
        answers = [web.post("/api/runs", json=body) for _ in range(20 if case == "full" else 1)]
        refused = answers[-1]  # the last pages of a disk take a few
        assert refused.status_code == 503, refused.text
        assert refused.headers["content-type"] == "application/problem+json"
        detail = refused.json()["detail"]
        assert detail.startswith(f"The database refuses this. {sentence}")
        assert detail.endswith("then try again; what it holds is kept.")
        assert web.get("/api/runs").status_code == 200
    assert web.post("/api/runs", json=body).status_code == 201
    engine.dispose()


def test_a_command_and_a_worker_say_in_a_sentence_that_the_database_is_locked(
    engine: Engine, tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "BUSY_SECONDS", 0.1)
    environment = {**os.environ, "SHIFTSCOPE_DATABASE": str(engine.url)}
    program = (
        "from shiftscope.db import engine\n"
        "from shiftscope.trainer import worker\n"
        "engine.BUSY_SECONDS = 0.1\n"
        "worker.main()"
    )
    with locked(engine):
        said = ask(environment, "purge", "--days", "0")
        worker = subprocess.run(
            [sys.executable, "-c", program, "--data", str(tmp_path)],
            env=environment, capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
    sentence = "The database refuses this. It is locked by another program"
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith(f"shiftscope: {sentence}")
    assert worker.returncode == 1
    assert worker.stderr.startswith(f"shiftscope worker: {sentence}")


def test_why_a_run_failed_is_kept_until_the_database_takes_it(
    engine: Engine, begin: Callable[..., Run], caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure while the file is locked: the sentence waits, and is in the terminal meanwhile."""
    monkeypatch.setattr(engine_module, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(execute_module, "END_AGAIN_SECONDS", 0.05)
    release = threading.Event()
    taken = threading.Event()

    def hold() -> None:
        with locked(engine):
            taken.set()
            release.wait(PATIENCE)

    def fail(*_: object) -> None:
        threading.Thread(target=hold).start()
        taken.wait(PATIENCE)
        threading.Thread(target=lambda: (wait_for(told), release.set())).start()
        raise DatasetProblem("Its file is not there.")

    def told() -> bool:
        return "failed. Its file is not there. The database refuses this." in caplog.text

    monkeypatch.setattr(execute_module.datasets, "of_experiment", fail)
    run = begin()
    assert release.is_set()
    assert (run.status, run.error) == ("failed", "Its file is not there.")


def test_a_run_that_is_trained_does_not_fail_when_its_end_is_refused(
    engine: Engine, begin: Callable[..., Run], caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = threading.Event()

    def fingerprint(_: object) -> str:
        trained.set()
        return "0123"

    def refuse(connection: Any, *_: object) -> None:
        refused = trained.is_set() and "is finished." not in caplog.text
        connection.execute(f"PRAGMA query_only = {'ON' if refused else 'OFF'}")

    event.listen(engine, "checkout", refuse)
    monkeypatch.setattr(execute_module, "open_database", lambda *_, **__: engine)
    monkeypatch.setattr(execute_module, "END_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(execute_module, "fingerprint", fingerprint)
    run = begin("steps=2")
    assert "is finished." in caplog.text and (run.status, run.error) == ("finished", None)
    said = [entry.message for entry in log.entries(engine, run.id)]
    assert said[-2:] == ["The final weights have the SHA-256 0123.", "Finished."]


def test_a_postgresql_that_restarts_in_mid_run_costs_no_record(
    postgresql_engine: Engine,
    postgresql_server: PostgresqlServer,
    begin: Callable[..., Run],
    serve: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The run waits and finishes; requests get a sentence meanwhile, and the page goes on after."""
    steps = 1_200
    address = serve(postgresql_engine)
    seen: dict[str, Any] = {}
    take_step, taken, is_down = loop._take_step, itertools.count(), threading.Event()

    def step(work: Any) -> float:
        if next(taken) == steps:  # half of those of both networks
            assert is_down.wait(PATIENCE)
        return take_step(work)

    monkeypatch.setattr(loop, "_take_step", step)
    heard = logging.getLogger(recorder_process.__name__)  # before it becomes an entry of the run
    heard.addHandler(caplog.handler)

    def restart() -> None:
        wait_for(lambda: read.newest_run(postgresql_engine) and read.run(postgresql_engine, 1).step)
        patient: dict[str, Any] = {"open_timeout": PATIENCE, "ping_interval": None}
        with connect(f"ws://{address}/api/live", compression=None, **patient) as live:
            live.send('{"type": "watch", "run": 1}')
            live.recv(PATIENCE)
            postgresql_server.stop()
            is_down.set()
            try:
                seen["refused"] = httpx.get(f"http://{address}/api/runs/1", timeout=PATIENCE)
                wait_for(lambda: "does not answer" in str(live.recv(PATIENCE)))
                wait_for(lambda: "The database does not take the records (" in caplog.text)
            finally:
                postgresql_server.start()
            wait_for(lambda: '"status":"finished"' in str(live.recv(PATIENCE)))
            seen["told"] = True

    other = threading.Thread(target=restart)
    other.start()
    run = begin(f"steps={steps}", database=postgresql_engine)
    other.join()
    heard.removeHandler(caplog.handler)
    assert (run.status, run.error, run.step) == ("finished", None, steps)
    assert len(exported(postgresql_engine, 1)) == steps * ARMS * LAYERS
    assert seen["refused"].status_code == 503 and seen["told"]
    assert "The database does not answer." in seen["refused"].json()["detail"]
    warnings = [one.message for one in log.entries(postgresql_engine, 1) if one.level == "warning"]
    assert any(one.startswith("The database does not take the records (") for one in warnings)


def test_a_full_gpu_is_a_failed_run_that_says_what_to_reduce(
    begin: Callable[..., Run], engine: Engine, web: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_step = loop._take_step
    taken: list[float] = []

    def fill(work: Any) -> float:
        if len(taken) == 40 * ARMS:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore")
        taken.append(take_step(work))
        return taken[-1]

    monkeypatch.setattr(loop, "_take_step", fill)
    run = begin("steps=1000", "device=cpu")
    shown = web.get(f"/api/runs/{run.id}").json()
    assert (shown["status"], shown["step"]) == ("failed", 40)
    assert shown["error"] == (
        "There was not enough memory: CUDA out of memory. Tried to allocate 2.00 GiB. "
        "Try narrower hidden layers, a smaller batch or fewer seeds."
    )
    assert len(exported(engine, run.id)) == 40 * ARMS * LAYERS


def lay_images(place: Path, count: int) -> Path:
    for kind in "ab":
        (place / kind).mkdir(parents=True)
        for number in range(count):
            pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(place / kind / f"{number}.png")
    return place


def test_a_folder_that_disappears_once_training_has_begun_is_not_missed(
    begin: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = lay_images(tmp_path / "photos", 20)
    settings = ("dataset=folder", f"folder={place}", "image_size=8", "batch_size=8", "binary=false")

    def train(*arguments: Any) -> int:
        shutil.rmtree(place)
        return loop.train(*arguments)

    monkeypatch.setattr(execute_module, "train", train)
    assert (begin("steps=20", *settings).status, place.exists()) == ("finished", False)
    run = begin("steps=20", *settings)  # and was deleted before the next began
    assert run.status == "failed" and run.step == 0
    assert str(place) in (run.error or "") and "worker" in (run.error or "")


def test_a_folder_that_disappears_while_it_is_read_is_no_smaller_dataset(tmp_path: Path) -> None:
    place = lay_images(tmp_path / "photos", 150)

    def unplug(phase: str) -> None:
        if "decoding" in phase and place.exists():
            place.rename(tmp_path / "unplugged")

    with pytest.raises(DatasetProblem, match=r"photos disappeared while its images .* Put it back"):
        folder.load(place, 8, unplug)


def test_a_loss_that_is_nan_at_step_1_freezes_its_network_and_the_other_goes_on(
    begin: Callable[..., Run], engine: Engine, web: httpx.Client
) -> None:
    exploding = ("activation=relu", "initialization=gaussian", "initial_std=100", "lr=0.001")
    run = begin("steps=100", f"hidden={','.join(['20'] * 18)}", *exploding)
    shown = web.get(f"/api/runs/{run.id}").json()
    assert (shown["status"], shown["step"], shown["error"]) == ("finished", 100, None)
    assert [network["diverged_step"] for network in shown["networks"]] == [1, None]
    warnings = [one.message for one in log.entries(engine, run.id) if one.level == "warning"]
    assert sum("diverged: its loss is no longer finite at step 1," in one for one in warnings) == 1
    first = [row for row in exported(engine, run.id, "network_records") if row["step"] == 1]
    assert [bool(np.isfinite(row["loss"])) for row in first] == [False, True]


def test_a_run_that_does_not_obey_is_stopping_at_once_and_ended_by_force(
    engine: Engine, web: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "STOP_SECONDS", 0.5)
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(PATIENCE,))
    process.start()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    run_id = queue.enqueue(engine, catalog.experiment("mnist-sigmoid"))
    worker = worker_module.Worker(engine, str(engine.url), tmp_path, None, None)
    monkeypatch.setattr(worker, "_start", lambda *_: process)
    worker_id = queue.register(engine)
    worker._turn(worker_id)
    began = time.monotonic()
    assert web.post(f"/api/runs/{run_id}/stop").json()["status"] == "stopping"

    def turn() -> bool:
        worker._turn(worker_id)
        return read.run(engine, run_id).status != "stopping"

    wait_for(turn)
    assert time.monotonic() - began > worker_module.STOP_SECONDS
    run = read.run(engine, run_id)
    assert (run.status, run.error) == ("stopped", worker_module.FORCED)
    assert not process.is_alive()


class Clock(datetime):
    """A clock that is wrong."""

    off: ClassVar[timedelta] = timedelta()

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime.now(tz) + cls.off


@pytest.fixture(params=[-1, 1], ids=["an hour back", "an hour forth"])
def jump(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Sets the clock of this process."""
    monkeypatch.setattr(Clock, "off", timedelta())
    for module in (queue, engine_module):
        monkeypatch.setattr(module, "datetime", Clock)

    def set_clock() -> None:
        monkeypatch.setattr(Clock, "off", timedelta(hours=request.param))

    return set_clock


def test_another_machine_with_a_wrong_clock_takes_nobody_for_dead(
    postgresql_engine: Engine, jump: Callable[[], None]
) -> None:
    """The database's clock is what heartbeats are stamped and compared by."""
    run_id = queue.enqueue(postgresql_engine, catalog.experiment("mnist-sigmoid"))
    here = queue.register(postgresql_engine)
    queue.claim(postgresql_engine, here)
    jump()
    there = queue.register(postgresql_engine)
    assert {one.id for one in queue.living_workers(postgresql_engine)} == {here, there}
    with postgresql_engine.connect() as connection:
        now = database_time(connection)
    assert queue.reconcile(postgresql_engine, now) == []
    assert read.run(postgresql_engine, run_id).status == "running"


def test_a_clock_that_jumps_kills_no_living_worker_and_the_dead_do_not_live_on(
    engine: Engine, jump: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steadiness, "LEASE", timedelta())
    dead, alive = queue.register(engine), queue.register(engine)
    clock = Steadiness()
    assert clock.holds(queue.heartbeat(engine, alive))
    jump()
    assert not clock.holds(queue.heartbeat(engine, alive))  # nobody is judged for a lease
    assert [one.id for one in queue.living_workers(engine)] == [alive]
    assert dead != alive


def test_nobody_is_judged_at_first_nor_after_a_time_without_the_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(steadiness.time, "monotonic", lambda: now[0])
    clock = Steadiness()

    def look(seconds: float) -> bool:
        now[0] += seconds
        return clock.holds(datetime.fromtimestamp(1e9 + now[0], UTC))

    assert [look(10) for _ in range(5)] == [False, False, False, False, True], "at first"
    assert look(0) and look(2) and look(2)
    assert not look(60)
    assert not look(2)
    assert [look(10) for _ in range(5)] == [False, False, False, False, True]


def test_a_run_lasts_no_negative_time(engine: Engine, jump: Callable[[], None]) -> None:
    run_id = queue.enqueue(engine, catalog.experiment("mnist-sigmoid"))
    queue.claim(engine, queue.register(engine))
    jump()
    queue.end(engine, run_id, "finished")
    lasted = read.run(engine, run_id).duration
    assert lasted is not None and lasted == pytest.approx(
        max(0, Clock.off.total_seconds()), abs=300
    )


@pytest.mark.parametrize("ahead", [-2, 2])
def test_a_heartbeat_out_of_its_lease_is_none(any_engine: Engine, ahead: int) -> None:
    worker_id = queue.register(any_engine)
    with writing(any_engine) as connection:
        stamp = database_time(connection) + ahead * queue.LEASE
        connection.execute(update(Worker).where(Worker.id == worker_id).values(heartbeat_at=stamp))
    assert queue.living_workers(any_engine) == []
    queue.heartbeat(any_engine, worker_id)
    assert [one.id for one in queue.living_workers(any_engine)] == [worker_id]
