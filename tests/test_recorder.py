"""The recorder as a process: what it does with a database, a loop or a disk that fails it."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from queries import exported
from sqlalchemy import Engine

from shiftscope.db import catalog, queue, read
from shiftscope.db.errors import RecordingFailed
from shiftscope.db.experiment import Experiment
from shiftscope.db.parsing import with_settings
from shiftscope.trainer import datasets, keeper, recorder_process
from shiftscope.trainer.cadence import Cadence
from shiftscope.trainer.checkpoint import Checkpoints
from shiftscope.trainer.feeder import Feeder
from shiftscope.trainer.keeper import Facts, Keeper
from shiftscope.trainer.loop import train
from shiftscope.trainer.recorder_process import RecorderProcess
from shiftscope.trainer.setup import prepare

CPU = torch.device("cpu")
PATIENCE = 120.0
LAYERS, ARMS = 3, 2
RING = 4 * 64
"""Steps that the ring holds of so small a pair."""


def experiment(*settings: str) -> Experiment:
    base = catalog.experiment("mnist-sigmoid")
    return with_settings(base, ["dataset=digits", "hidden=20,10", *settings])


Lock = Callable[..., None]


@dataclass
class Session:
    """A run that is being recorded, and what was heard of it."""

    engine: Engine
    run_id: int
    recorder: RecorderProcess
    feeder: Feeder
    warnings: list[str]
    train: Callable[[], int]
    statuses: list[str] = field(default_factory=list)
    is_waiting: threading.Event = field(default_factory=threading.Event)
    waited: float = 0.0

    def fill_the_ring(self) -> None:
        """Returns a second after the loop has filled it and begun to wait."""
        wait_for(self.is_waiting.is_set)
        time.sleep(1)

    def fill_the_ring_and_hear_why(self) -> None:
        """Returns when the loop waits and the recorder has said what it waits for itself."""
        wait_for(lambda: self.is_waiting.is_set() and self.warnings)

    def rows(self, table: str = "layer_records") -> list[dict[str, Any]]:
        return exported(self.engine, self.run_id, table)


def wait_for(happened: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.fixture
def begin(engine: Engine) -> Iterator[Callable[..., Session]]:
    """Starts a recorder and sets up a run beside it; ends recorders that are left."""
    sessions: list[Session] = []

    def start(*settings: str) -> Session:
        wanted = experiment(*settings)
        run_id = queue.enqueue(engine, wanted)
        queue.claim(engine, queue.register(engine), run_id)
        prepared = prepare(wanted, datasets.load("digits", Path(), lambda _: None), CPU)
        warnings: list[str] = []
        statuses: list[str] = []
        recorder = RecorderProcess(
            str(engine.url), run_id, on_status=statuses.append, warn=warnings.append
        )
        cadence = Cadence(wanted.recording.record_every, None)
        feeder = Feeder(prepared.plan, recorder, CPU, cadence)

        def run() -> int:
            return train(
                wanted, prepared.stacks, prepared.batches, prepared.test, feeder, threading.Event()
            )

        session = Session(engine, run_id, recorder, feeder, warnings, run, statuses)
        take_free = recorder.take_free

        def take(*, wait: bool = True) -> int | None:
            index = take_free(wait=False)
            if index is not None or not wait:
                return index
            session.is_waiting.set()
            begun = time.perf_counter()
            index = take_free()
            session.waited += time.perf_counter() - begun
            return index

        recorder.take_free = take
        sessions.append(session)
        return session

    yield start
    for session in sessions:
        session.recorder.close()


@pytest.fixture
def altered(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Has recorders run some statements before they begin, such as to lose patience earlier."""

    def alter(statements: str) -> None:
        program = (
            "import sqlite3\n"
            "from shiftscope.db import engine\n"
            "from shiftscope.trainer import recorder\n"
            f"{statements}\n"
            "recorder.main()"
        )
        monkeypatch.setattr(recorder_process, "PROGRAM", [sys.executable, "-c", program])

    return alter


@pytest.fixture
def lock(engine: Engine) -> Iterator[Lock]:
    """Locks the database from a connection of its own, until `over` returns or to the end."""
    held: list[sqlite3.Connection] = []
    threads: list[threading.Thread] = []

    def take(over: Callable[[], None] | None = None) -> None:
        connection = sqlite3.connect(str(engine.url.database), check_same_thread=False)
        connection.isolation_level = None
        connection.execute("BEGIN IMMEDIATE")
        held.append(connection)

        def release() -> None:
            if over is not None:
                over()
            connection.rollback()

        if over is not None:
            threads.append(threading.Thread(target=release))
            threads[-1].start()

    yield take
    for thread in threads:
        thread.join()
    for connection in held:
        connection.close()


def test_the_loop_waits_for_a_locked_database_and_drops_nothing(
    begin: Callable[..., Session], lock: Lock, altered: Callable[[str], None]
) -> None:
    altered(f"engine.BUSY_SECONDS = {PATIENCE}")
    began = time.monotonic()
    session = begin("steps=600")
    lock(session.fill_the_ring)
    assert session.train() == 600
    took = time.monotonic() - began
    session.recorder.finish()
    assert 0 < session.waited <= session.feeder.waited < took
    run = read.run(session.engine, session.run_id)
    assert run.waited == pytest.approx(session.feeder.waited)
    assert run.overhead is not None  # waiting is the recorder's doing
    assert 0.9 * session.feeder.waited / took < run.overhead < 1
    assert (run.step, run.looked) == (600, 600)
    found = [(row["network_id"], row["layer"], row["step"]) for row in session.rows()]
    assert len(set(found)) == len(found) == 600 * ARMS * LAYERS
    assert session.warnings == []  # for so short a while nobody has to be troubled


def test_a_database_that_refuses_for_a_while_loses_nothing_and_is_said_once(
    begin: Callable[..., Session], lock: Lock, altered: Callable[[str], None]
) -> None:
    altered(f"engine.BUSY_SECONDS = 0.05; recorder.RETRY_SECONDS = {PATIENCE}")
    session = begin("steps=600")
    lock(session.fill_the_ring_and_hear_why)
    assert session.train() == 600
    session.recorder.finish()
    assert session.warnings == [
        "The database does not take the records (database is locked); trying again."
    ]
    assert len(session.rows()) == 600 * ARMS * LAYERS


def test_a_database_that_refuses_for_good_ends_training_with_a_sentence(
    begin: Callable[..., Session], lock: Lock, altered: Callable[[str], None]
) -> None:
    altered("engine.BUSY_SECONDS = 0.05; recorder.RETRY_SECONDS = 0.5")
    session = begin("steps=1000000")
    lock()
    with pytest.raises(RecordingFailed, match="did not take the records: database is locked"):
        session.train()
    wait_for(lambda: session.recorder.is_gone)
    with pytest.raises(RecordingFailed, match="did not take the records: database is locked"):
        session.recorder.finish()


def test_a_full_disk_ends_training_with_a_sentence_and_keeps_whole_steps(
    begin: Callable[..., Session], altered: Callable[[str], None], engine: Engine
) -> None:
    full = engine.connect().connection.execute("PRAGMA page_count").fetchone()[0] + 1000
    altered(
        "recorder.RETRY_SECONDS = 0.5\n"
        "open_file = sqlite3.connect\n"
        "def limited(*arguments, **settings):\n"
        "    connection = open_file(*arguments, **settings)\n"
        f"    connection.execute('PRAGMA max_page_count = {full}')\n"
        "    return connection\n"
        "sqlite3.connect = sqlite3.dbapi2.connect = limited"
    )
    session = begin("steps=1000000")
    with pytest.raises(RecordingFailed, match="did not take the records: database or disk is full"):
        session.train()
    assert "trying again" in session.warnings[0]
    step = read.run(engine, session.run_id).step
    assert 0 < step < 1_000_000
    assert len(session.rows()) == step * ARMS * LAYERS


def test_the_last_step_is_stored_even_between_sparse_records(begin: Callable[..., Session]) -> None:
    session = begin("record_every=1000")  # two records a stretch
    for step in range(1, 1011):
        session.feeder.begin_step(step)
        session.feeder.end_step(step)
    session.feeder.finish(1010)
    session.recorder.finish()
    run = read.run(session.engine, session.run_id)
    assert (run.step, run.looked) == (1010, 2)


def test_a_recorder_that_is_killed_is_noticed(begin: Callable[..., Session]) -> None:
    session = begin("steps=1000000")
    killer = threading.Timer(1.0, session.recorder._process.kill)
    killer.start()
    with pytest.raises(RecordingFailed, match=r"without a word \(exit code -9\)"):
        session.train()
    killer.join()
    wait_for(lambda: session.recorder.is_gone)


def keeper_of(session: Session, folder: Path, kept: list[int]) -> Keeper:
    """Keeps what the feeder remembers, whenever it is told to; `kept` takes the steps."""
    facts = Facts(experiment().model_dump(mode="json"), "cpu", (1, 1))

    def on_kept(step: int) -> bool:
        kept.append(step)
        return True

    found = Keeper(Checkpoints(folder), session.recorder, facts, seconds=1e9, on_kept=on_kept)
    found.begin(feeder=[session.feeder])
    return found


def test_no_checkpoint_waits_for_a_recorder_that_is_gone(
    begin: Callable[..., Session], tmp_path: Path
) -> None:
    kept: list[int] = []
    session = begin("steps=100")
    keeps = keeper_of(session, tmp_path, kept)
    keeps.keep(1)
    keeps.keep(2, last=True)
    assert kept == [1, 2]
    session.recorder._process.kill()
    keeps.keep(3)
    keeps.keep(4, last=True)
    keeps.close()
    assert kept == [1, 2]
    with pytest.raises(RecordingFailed, match=r"without a word \(exit code -9\)"):
        session.recorder.finish()


def test_a_checkpoint_that_could_not_be_written_spoils_no_later_one(
    begin: Callable[..., Session],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    kept: list[int] = []
    session = begin("steps=100")
    keeps = keeper_of(session, tmp_path, kept)
    with monkeypatch.context() as patched:
        patched.setattr(keeper, "write", full)
        keeps.keep(1, last=True)
    for step in (2, 3):
        keeps.keep(step, last=True)
    keeps.close()
    assert kept == [2, 3]
    assert "No space left on device" in caplog.text


def test_a_recorder_that_cannot_go_on_says_what_is_wrong(
    begin: Callable[..., Session], capfd: pytest.CaptureFixture[str]
) -> None:
    session = begin("steps=100")
    session.recorder.send({"nonsense": 1})
    with pytest.raises(RecordingFailed, match=r"ValueError: .* does not know the message .*nonse"):
        session.recorder.finish()
    assert "Traceback" in capfd.readouterr().err  # the full report is in the terminal


def test_each_commit_returns_the_runs_status(begin: Callable[..., Session]) -> None:
    session = begin("steps=100")
    queue.ask_to_stop(session.engine, session.run_id)
    session.train()
    session.recorder.finish()
    assert session.statuses[-1] == "stopping"
    assert len(session.rows()) == 100 * ARMS * LAYERS


def test_the_records_of_a_checkpoint_survive_a_loss_of_power_before_it_does(
    sqlite_engine: Engine, begin: Callable[..., Session], altered: Callable[[str], None],
    tmp_path: Path,
) -> None:  # fmt: skip
    altered(
        "import os\n"
        "fsync = os.fsync\n"
        "def noted(number):\n"
        f"    with open({str(tmp_path / 'synced')!r}, 'a') as log:\n"
        "        log.write(f'{os.fstat(number).st_ino}\\n')\n"
        "    fsync(number)\n"
        "os.fsync = noted"
    )
    session = begin("steps=20")
    session.train()
    file = tmp_path / "000000000020.records"
    session.recorder.send({"checkpoint": {"file": str(file), "mark": "m"}})
    assert session.recorder.wait_until_kept("m")
    synced = [int(number) for number in (tmp_path / "synced").read_text().split()]
    log = Path(f"{session.engine.url.database}-wal")
    assert synced.index(log.stat().st_ino) < synced.index(file.stat().st_ino)


def test_a_loop_that_is_killed_leaves_what_it_handed_over_and_nothing_else(
    engine: Engine, tmp_path: Path
) -> None:
    """It dies before the recorder has even started: everything is in the pipe and in the ring."""
    wanted = experiment(f"steps={RING - 10}")
    run_id = queue.enqueue(engine, wanted)
    queue.claim(engine, queue.register(engine), run_id)
    program = f"""
import os, signal, threading
from pathlib import Path
import torch
from shiftscope.db.parsing import parse
from shiftscope.trainer import datasets
from shiftscope.trainer.cadence import Cadence
from shiftscope.trainer.feeder import Feeder
from shiftscope.trainer.loop import train
from shiftscope.trainer.recorder_process import RecorderProcess
from shiftscope.trainer.setup import prepare

wanted = parse({wanted.model_dump(mode="json")!r})
prepared = prepare(wanted, datasets.load("digits", Path(), lambda _: None), torch.device("cpu"))
recorder = RecorderProcess({str(engine.url)!r}, {run_id})
print(recorder._process.pid, os.fstat(recorder.memory.file).st_ino, flush=True)
feeder = Feeder(prepared.plan, recorder, torch.device("cpu"), Cadence(1, None))
train(wanted, prepared.stacks, prepared.batches, prepared.test, feeder, threading.Event())
os.kill(os.getpid(), signal.SIGKILL)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    deadline = time.monotonic() + PATIENCE
    recorder, ring = map(int, said.split())
    while is_running(recorder):
        assert time.monotonic() < deadline, "the recorder outlived its loop"
        time.sleep(0.05)
    assert read.run(engine, run_id).step == RING - 10
    rows = sum(1 for _ in read.export_rows(engine, run_id, "layer_records"))
    assert rows == (RING - 10) * ARMS * LAYERS
    assert not list(Path("/dev/shm").glob("*shiftscope*"))
    assert holders_of(ring) == [], "the ring's memory is still held"


def holders_of(memory: int) -> list[Path]:
    """The descriptors, of any process, of a nameless file of ours by its number; Linux knows."""
    found: list[Path] = []
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if "memfd:shiftscope-ring" in os.readlink(descriptor):
                found += [descriptor] * (descriptor.stat().st_ino == memory)
    return found


def is_running(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be buried."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return state.stdout.strip()[:1] not in ("", "Z")


def test_messages_are_lines_of_json_and_the_end_of_input_is_an_end(engine: Engine) -> None:
    """Spoken to by hand: a watched run that begins and whose program is lost."""
    ring = os.memfd_create("test") if sys.platform == "linux" else os.open(os.devnull, os.O_RDWR)
    begin = {"name": "by hand", "watched": {}, "steps": None}
    messages = [
        {"open": {"database": str(engine.url), "ring": ring, "run": None, "webhook": ""}},
        {"begin": begin},
        {"describe": {"device": "cpu"}},
    ]
    done = subprocess.run(
        recorder_process.PROGRAM,
        input="".join(json.dumps(message) + "\n" for message in messages),
        capture_output=True, text=True, pass_fds=[ring], timeout=PATIENCE,
    )  # fmt: skip
    os.close(ring)
    assert (done.returncode, done.stderr) == (0, "")
    (said,) = map(json.loads, done.stdout.splitlines())
    run = read.run(engine, said["run"])
    assert (run.name, run.device, run.status) == ("by hand", "cpu", "failed")
    assert "ended without closing the run" in (run.error or "")
    assert read.workers(engine) == []
