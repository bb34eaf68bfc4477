"""The worker as a process: what it does with a run, whatever happens to the run's process."""

import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from shiftscope.db import catalog, queue, read
from shiftscope.db.engine import open_database
from shiftscope.db.judge import judged
from shiftscope.db.log import entries
from shiftscope.db.parsing import with_settings
from shiftscope.db.resuming import MOST_INTERRUPTIONS
from shiftscope.db.study import Study
from shiftscope.db.tables import Run
from shiftscope.server.worker_process import environment_with
from shiftscope.trainer.worker import SHUT_DOWN

PATIENCE = 120.0
PROGRAM = (
    "from shiftscope.trainer import worker\n"
    f"worker.STOP_SECONDS = worker.SHUT_DOWN_SECONDS = {PATIENCE}\n"
    "worker.main()"
)
"""A worker that ends nothing by force because the machine is busy."""


@pytest.fixture
def start_worker(engine: Engine, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Starts workers, and ends those that are left."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: object, orders: Sequence[int] = ()) -> subprocess.Popen[bytes]:
        started.append(begin(engine, tmp_path, *arguments, orders=orders))
        return started[-1]

    yield start
    for process in started:
        end(process)


def begin(
    engine: Engine, data: Path, *arguments: object, orders: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """A worker as a process; `orders` are the only runs that it trains, where there are any."""
    command = [
        *(sys.executable, "-c", PROGRAM),
        *("--data", str(data)),
        *map(str, arguments),
        *(["--ordered"] if orders else []),
    ]
    ordered = data / "orders"
    ordered.write_text("".join(f"{run_id}\n" for run_id in orders))
    with ordered.open() as stdin:
        environment = environment_with(engine.url.render_as_string(hide_password=False))
        # No checkpoint but at an end in good order, however long a run has to wait for its end.
        environment["SHIFTSCOPE_CHECKPOINT_SECONDS"] = "100000"
        return subprocess.Popen(command, env=environment, stdin=stdin, stderr=subprocess.PIPE)


def end(worker: subprocess.Popen[bytes]) -> None:
    if worker.poll() is None:
        worker.terminate()
    worker.communicate(timeout=PATIENCE)


def enqueue(engine: Engine, *settings: str) -> int:
    base = catalog.experiment("mnist-sigmoid")
    return queue.enqueue(engine, with_settings(base, ["dataset=digits", "hidden=20", *settings]))


def wait(engine: Engine, run_id: int, until: Callable[[Run], bool]) -> Run:
    """The run, as soon as something holds of it."""
    deadline = time.monotonic() + PATIENCE
    while not until(run := read.run(engine, run_id)):
        late = time.monotonic() > deadline
        assert not late, f"run {run_id} is {run.status} at step {run.step}: {run.error}"
        time.sleep(0.05)
    return run


def ended(run: Run) -> bool:
    return run.status in ("finished", "stopped", "failed")


def processes_of(worker: subprocess.Popen[bytes]) -> tuple[int, int]:
    """The processes that train and that record a worker's run, as soon as there are both."""
    deadline = time.monotonic() + PATIENCE
    while not (found := training_below(worker)):
        assert time.monotonic() < deadline, "nothing trains"
        time.sleep(0.05)
    (both,) = found
    return both


def training_below(worker: subprocess.Popen[bytes]) -> list[tuple[int, int]]:
    """Below a worker, the processes that train, each with its recorder."""
    listing = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,ppid=,args="], check=True, capture_output=True, text=True
    ).stdout
    parents: dict[int, int] = {}
    recorders: list[int] = []
    for line in listing.splitlines():
        pid, parent, command = line.split(maxsplit=2)
        parents[int(pid)] = int(parent)
        if "shiftscope.trainer.recorder" in command:
            recorders.append(int(pid))

    def is_below(pid: int) -> bool:
        while pid in parents:
            pid = parents[pid]
            if pid == worker.pid:
                return True
        return False

    return [(parents[recorder], recorder) for recorder in recorders if is_below(recorder)]


def is_running(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be buried."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return state.stdout.strip()[:1] not in ("", "Z")


def wait_until_gone(pid: int, otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while is_running(pid):
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


def begun(engine: Engine, run_id: int) -> int:
    """How often training has begun."""
    return sum(one.message.startswith("Training ") for one in entries(engine, run_id))


def layer_records(engine: Engine, run_id: int) -> int:
    return sum(1 for _ in read.export_rows(engine, run_id, "layer_records"))


@dataclass
class Training:
    """A run that is training, for as long as anyone could want, and its worker."""

    engine: Engine
    worker: subprocess.Popen[bytes]
    run_id: int


def begin_training(engine: Engine, worker: subprocess.Popen[bytes]) -> Training:
    run_id = enqueue(engine, "steps=1000000")
    wait(engine, run_id, lambda run: run.step > 0)
    return Training(engine, worker, run_id)


@pytest.fixture(scope="module")
def lasting(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> Iterator[tuple[Engine, subprocess.Popen[bytes]]]:
    """A database, and a worker that outlives what happens to its runs: torch is loaded once."""
    folder = tmp_path_factory.mktemp("lasting")
    engine = open_database(f"sqlite:///{shutil.copy(empty_database, folder)}")
    worker = begin(engine, folder)
    yield engine, worker
    end(worker)
    engine.dispose()


@pytest.fixture
def training(lasting: tuple[Engine, subprocess.Popen[bytes]]) -> Iterator[Training]:
    training = begin_training(*lasting)
    yield training
    run = read.run(training.engine, training.run_id)
    if not ended(run):
        queue.ask_to_stop(training.engine, run.id)


def test_a_worker_trains_runs_in_order_and_says_what_it_offers(
    engine: Engine, start_worker: Callable[..., Any]
) -> None:
    first, second = enqueue(engine, "steps=60"), enqueue(engine, "steps=60")
    start_worker()
    runs = [wait(engine, run_id, ended) for run_id in (first, second)]
    assert [run.status for run in runs] == ["finished", "finished"]
    assert [run.step for run in runs] == [60, 60]
    assert runs[0].ended_at is not None and runs[1].started_at is not None
    assert runs[0].ended_at <= runs[1].started_at
    assert runs[0].device in ("cpu", "mps", "cuda:0")
    deadline = time.monotonic() + PATIENCE
    while read.workers(engine)[0].datasets is None and time.monotonic() < deadline:
        time.sleep(0.1)
    worker = read.workers(engine)[0]
    assert worker.devices and worker.devices[-1] == "cpu"
    assert worker.datasets is not None and worker.datasets["digits"]["available"]


def test_a_stop_ends_the_run_and_keeps_its_records(training: Training) -> None:
    engine, run_id = training.engine, training.run_id
    queue.ask_to_stop(engine, run_id)
    run = wait(engine, run_id, ended)
    assert run.status == "stopped" and run.error is None
    assert layer_records(engine, run_id) == run.step * 2 * 2


@pytest.mark.parametrize(
    ("killed", "said"),
    [("training", "SIGKILL"), ("recorder", "recorder ended without a word (exit code -9)")],
)
def test_a_run_goes_on_whichever_of_its_processes_is_killed_until_it_comes_no_further(
    training: Training, killed: str, said: str
) -> None:
    engine, worker, run_id = training.engine, training.worker, training.run_id
    for start in range(1, MOST_INTERRUPTIONS + 2):
        wait(engine, run_id, lambda _, start=start: begun(engine, run_id) == start)
        trainer, recorder = processes_of(worker)
        os.kill(trainer if killed == "training" else recorder, signal.SIGKILL)
        wait_until_gone(recorder, "the recorder outlived its training")
        wait_until_gone(trainer, "the training outlived its recorder")
    run = wait(engine, run_id, ended)
    assert run.status == "failed" and said in (run.error or "") and "Resume" in (run.error or "")
    warnings = [one.message for one in entries(engine, run_id) if one.level == "warning"]
    assert len(warnings) == MOST_INTERRUPTIONS
    assert all(said in one and "goes on from the start" in one for one in warnings)
    assert layer_records(engine, run_id) == read.run(engine, run_id).step * 2 * 2
    assert wait(engine, enqueue(engine, "steps=60"), ended).status == "finished"


def test_a_worker_that_is_told_to_end_leaves_its_run_to_the_next_and_no_process(
    engine: Engine, start_worker: Callable[..., subprocess.Popen[bytes]]
) -> None:
    worker = start_worker()
    run_id = begin_training(engine, worker).run_id
    processes = processes_of(worker)
    worker.send_signal(signal.SIGTERM)
    worker.wait(timeout=PATIENCE)
    run = read.run(engine, run_id)
    assert (run.status, run.error, run.checkpoint_step) == ("queued", None, run.step)
    assert not any(map(is_running, processes))
    assert not read.workers(engine)
    start_worker()
    wait(engine, run_id, lambda now: now.step > run.step)
    goes_on = f"Training goes on after step {run.step:,} on"
    assert sum(one.message.startswith(goes_on) for one in entries(engine, run_id)) == 1


SLOW_TORCH = """
import os, time
worker = os.getppid()
while os.getppid() == worker:
    time.sleep(0.05)
"""


@pytest.mark.parametrize("orders", [[], [1]])
def test_a_worker_is_told_to_end_while_torch_is_loading(
    engine: Engine,
    start_worker: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    orders: list[int],
) -> None:
    (tmp_path / "torch.py").write_text(SLOW_TORCH)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    run_id = enqueue(engine)
    worker = start_worker(orders=orders)
    if orders:
        wait(engine, run_id, lambda run: run.status == "running")
    else:
        wait(engine, run_id, lambda _: len(read.workers(engine)) == 1)
    worker.send_signal(signal.SIGTERM)
    worker.wait(timeout=PATIENCE)
    run = read.run(engine, run_id)
    assert run.status == ("stopped" if orders else "queued")
    assert run.error == (SHUT_DOWN if orders else None)
    assert (worker.returncode, read.workers(engine)) == (0, [])


def test_a_worker_trains_what_it_is_given_and_nothing_else(
    engine: Engine, start_worker: Callable[..., Any]
) -> None:
    runs = [enqueue_study(engine, seeds=[seed]) for seed in range(4)]
    queue.ask_to_stop(engine, runs[2])
    worker = start_worker(orders=[runs[3], runs[2], runs[0]])
    assert worker.wait(timeout=PATIENCE) == 0
    found = [read.run(engine, run_id) for run_id in runs]
    assert [run.status for run in found] == ["finished", "queued", "stopped", "finished"]
    assert found[3].ended_at is not None and found[0].started_at is not None
    assert found[3].ended_at <= found[0].started_at


def test_a_worker_ends_when_its_parent_is_gone(
    engine: Engine, start_worker: Callable[..., Any]
) -> None:
    worker = start_worker("--parent", 1 if os.getpid() != 1 else 2)
    worker.wait(timeout=PATIENCE)
    assert worker.returncode == 0


@pytest.fixture
def stuck_proxy() -> Iterator[str]:
    """A proxy that takes connections and never answers: a download that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("how", ["stop", "shut down"])
def test_a_run_that_is_still_loading_ends_at_once(
    engine: Engine,
    start_worker: Callable[..., Any],
    stuck_proxy: str,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    monkeypatch.setenv("https_proxy", stuck_proxy)
    monkeypatch.setenv("no_proxy", "")
    run_id = enqueue(engine, "dataset=mnist")
    worker = start_worker()
    wait(engine, run_id, lambda run: run.phase is not None)
    time.sleep(1)  # into the download, whose own end would be a failure
    if how == "stop":
        queue.ask_to_stop(engine, run_id)
        run = wait(engine, run_id, ended)
        assert (run.status, run.error) == ("stopped", None)  # not by force
    else:
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=PATIENCE)
        run = read.run(engine, run_id)
        assert (run.status, run.error, run.checkpoint_step) == ("queued", None, None)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("device=cuda:7", r"cuda:7 is not on this machine; it has .*cpu"),
        ("dataset=mnist", r"train-images-idx3-ubyte is not an IDX file of bytes\. Delete"),
    ],
    ids=["missing device", "foreign dataset"],
)
def test_what_cannot_be_had_is_said_in_a_sentence(
    engine: Engine,
    start_worker: Callable[..., Any],
    tmp_path: Path,
    setting: str,
    reason: str,
) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_text("<html>Sign in to this network</html>")
    run_id = enqueue(engine, setting)
    worker = start_worker(orders=[run_id])
    assert worker.wait(timeout=PATIENCE) == 0
    run = read.run(engine, run_id)
    assert run.status == "failed"
    assert re.search(reason, run.error or "")


LONG = """
import sys, time
from pathlib import Path
from shiftscope.db.study import Measurement
from shiftscope.trainer import execute, studies

def measure(study, seed, load):
    for x in range(3):
        yield Measurement(seed, "q", "s", x, float("nan"))
    if study.length == "quick":
        raise ValueError("no such luck")
    time.sleep(1000)

studies.study = lambda name: measure
execute.execute(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
"""
"""The process of a run, where the study measures for ever, or fails where it is quick."""


def execute_long(engine: Engine, folder: Path, run_id: int) -> subprocess.Popen[bytes]:
    assert queue.claim(engine, queue.register(engine)) == run_id
    arguments = [str(engine.url), str(folder), str(run_id)]
    return subprocess.Popen([sys.executable, "-c", LONG, *arguments], stderr=subprocess.PIPE)


def enqueue_study(engine: Engine, **settings: Any) -> int:
    asked = Study.model_validate({"name": "A study", "study": "added_bias", **settings})
    return queue.enqueue(engine, asked, "redundant-bias")


def test_a_study_is_run_with_every_seed_and_decides_its_claim(
    engine: Engine, start_worker: Callable[..., Any]
) -> None:
    run_id = enqueue_study(engine, seeds=[3, 1])
    start_worker(orders=[run_id])
    run = wait(engine, run_id, ended)
    assert (run.status, run.error, run.phase, run.device) == ("finished", None, None, "cpu")
    found = read.measurements(engine, run)
    assert len(found) == run.step == 2 * 2 * 2 * 4
    assert list(dict.fromkeys(one.seed for one in found)) == [3, 1]
    assert judged(engine, run_id).sentence.startswith("E9 reproduced: ")


def test_a_study_is_live_and_a_stop_ends_it_in_the_middle_of_a_measurement(
    engine: Engine, tmp_path: Path
) -> None:
    run_id = enqueue_study(engine, seeds=[0, 1])
    process = execute_long(engine, tmp_path, run_id)
    run = wait(engine, run_id, lambda run: run.step == 3)
    assert run.phase == "seed 1 of 2"
    process.terminate()
    process.terminate()
    _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, b"")
    run = read.run(engine, run_id)
    assert run.status == "running"  # the worker knows whether it was stopped or shut down
    assert [one.value for one in read.measurements(engine, run)] == pytest.approx(
        [math.nan] * 3, nan_ok=True
    )


def test_a_study_that_fails_says_so_and_keeps_what_it_found(engine: Engine, tmp_path: Path) -> None:
    run_id = enqueue_study(engine, length="quick")
    execute_long(engine, tmp_path, run_id).communicate(timeout=PATIENCE)
    run = read.run(engine, run_id)
    assert (run.status, run.step) == ("failed", 3)
    assert "The study ended with an error of shiftscope's own (ValueError: no such luck)" in (
        run.error or ""
    )
