"""The command line, as a person or a script uses it: sentences, exit codes, nothing left behind."""

import contextlib
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Ask
from sqlalchemy import Engine
from websockets.sync.client import connect as connect_live

from shiftscope.db import audit, listing, queue, read
from shiftscope.db.engine import open_database
from shiftscope.db.experiment import Experiment
from shiftscope.db.judge import judged
from shiftscope.server import check_command
from shiftscope.server.worker_process import KeptWorker

COMMAND = [sys.executable, "-c", "from shiftscope.server.cli import main; main()"]
COMMANDS = (
    *("serve", "worker", "run", "sweep", "reproduce", "verdict", "diagnose"),
    *("export", "runs", "backup", "restore", "purge", "check"),
)
PATIENCE = 60


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment whose data folder is new, and which has no display."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SHIFTSCOPE_")}
    for display in ("DISPLAY", "WAYLAND_DISPLAY"):
        kept.pop(display, None)
    return kept | {"SHIFTSCOPE_DATA": str(tmp_path / "data")}


def call(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def database_of(environment: dict[str, str]) -> str:
    return f"sqlite:///{environment['SHIFTSCOPE_DATA']}/shiftscope.db"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_its_flags(
    environment: dict[str, str], ask: Ask, command: str
) -> None:
    done = ask(environment, command, "--help")
    assert done.returncode == 0 and done.stdout.startswith("Usage: ")
    flags = re.findall(r"^ +(?:-h, )?(--[a-z-]+)(?: \S+)? *(.*)$", done.stdout, re.M)
    assert {"--database"} <= {flag for flag, _ in flags}
    assert all(len(text) > 5 for _, text in flags)


def test_without_a_command_the_help_is_shown(environment: dict[str, str]) -> None:
    done = call(environment)
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", done.stdout + done.stderr, re.M)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run", "nope"), "There is no experiment 'nope' in the catalog; expected one of mnist-"),
        (("run", "mnist-sigmoid", "--set", "speed=9"), "speed: is not a setting; expected one of "),
        (("run", "mnist-sigmoid", "--set", "steps"), "steps: expected steps=VALUE, got 'steps'"),
        (("run", "mnist-sigmoid", "--set", "steps=0"), "steps: Input should be greater than or "),
        (("run", "mnist-sigmoid", "--set", "dataset=x"), "dataset: Input should be 'mnist', "),
        (
            ("sweep", "mnist-sigmoid", "--over", "lr=log:0:1:3"),
            "optimizer.lr: low: a log range begins above 0, got 0. Take a lin or a uniform one.",
        ),
        (
            ("sweep", "mnist-sigmoid", "--over", "lr=0.1,0.2", "--set", "optimizer.lr=0.5"),
            "optimizer.lr: is swept, and --set gives it one value; expected --over or --set, not ",
        ),
        (("sweep", "redundant-bias", "--over", "lr=1"), "experiment: redundant-bias is a study: "),
        (
            ("reproduce", "E1", "E99"),
            "There is no claim and no experiment 'E99'; expected one of E1",
        ),
        (("reproduce", "--output", "/dev/null/x"), "/dev/null/x can't be written: its folder is "),
        (("export", "7"), "There is no run 7."),
        (("runs", "--database", "mysql://x"), "'mysql://x' is not a database URL; expected sql"),
        (("serve", "--port", "99999"), "--port (or SHIFTSCOPE_PORT): Input should be less than "),
        (("serve", "--host", "no.such.host.invalid"), "no.such.host.invalid port 8420 can't be "),
        (("serve", "--data", "/dev/null/x"), "The data folder /dev/null/x can't be made: Not a "),
        (("worker", "--data", "/dev/null/x"), "The data folder /dev/null/x can't be made: Not a "),
    ],
)
def test_what_can_be_mended_is_told_in_a_sentence(
    environment: dict[str, str], ask: Ask, arguments: tuple[str, ...], sentence: str
) -> None:
    done = ask(environment, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"shiftscope: {sentence}") and done.stderr.count("\n") == 1


def test_a_bad_value_in_the_environment_is_told_too(environment: dict[str, str]) -> None:
    done = call(environment | {"SHIFTSCOPE_PORT": "many"}, "serve")
    assert done.returncode == 2 and "SHIFTSCOPE_PORT" in done.stderr and "'many'" in done.stderr


def test_a_port_in_use_is_told_with_the_way_out(environment: dict[str, str], ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = ask(environment, "serve", "--port", str(port))
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"shiftscope: Port {port} is in use") and "--port" in done.stderr


def test_runs_are_listed_newest_first_with_their_names_as_they_are(
    environment: dict[str, str], ask: Ask
) -> None:
    assert ask(environment, "runs").stdout.startswith("No runs yet")
    engine = open_database(database_of(environment))
    for name in ("first", "[red]second[/red]"):
        queue.enqueue(engine, Experiment(name=name, steps=1234))
    engine.dispose()
    lines = ask(environment, "runs").stdout.splitlines()
    assert "[red]second[/red]" in lines[1] and "0 of 1,234" in lines[1] and "first" in lines[2]


def test_a_watched_run_is_listed_though_its_length_is_unknown(
    environment: dict[str, str], ask: Ask, make_watched: Any
) -> None:
    ask(environment, "runs")
    engine = open_database(database_of(environment))
    make_watched(engine, name="My ResNet").append(1_234)
    engine.dispose()
    (row,) = [line for line in ask(environment, "runs").stdout.splitlines() if "ResNet" in line]
    assert "running" in row and "1,234" in row and "of" not in row


def test_check_names_what_is_there_and_what_is_wrong(
    environment: dict[str, str], ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = call(environment, "check")
    assert fine.returncode == 0, fine.stdout
    for found in ("torch 2.", "tables at revision", "cpu", "Comes with scikit-learn"):
        assert found in fine.stdout
    monkeypatch.setattr(check_command, "_check_trainer", lambda *_: None)  # asked before
    wrong = ask(environment, "check", "--database", "postgresql://me:secret@127.0.0.1:1/x")
    assert wrong.returncode == 1 and "!!  Database" in wrong.stdout
    assert "secret" not in wrong.stdout + wrong.stderr


def test_a_run_without_a_page_prints_its_number_last_and_keeps_everything(
    environment: dict[str, str], receiver: tuple[str, list[dict[str, Any]]]
) -> None:
    url, posted = receiver
    settings = ("--set", "steps=30", "--set", "dataset=digits", "--set", "hidden=8,8")
    done = call(environment, "run", "mnist-sigmoid", *settings, "--webhook", url)
    assert done.returncode == 0, done.stderr
    number = int(done.stdout.splitlines()[-1])
    assert (posted[-1]["event"], posted[-1]["run"]["id"]) == ("finished", number)
    engine = open_database(database_of(environment))
    run = read.run(engine, number)
    layers = read.layers(engine, number)
    assert (run.status, run.step, run.catalog_entry) == ("finished", 30, "mnist-sigmoid")
    assert sum(1 for _ in read.export_rows(engine, number, "layer_records")) == 30 * len(layers)
    sentence = judged(engine, number).sentence
    assert done.stderr.splitlines()[0] == sentence and "BatchNorm" in sentence
    assert read.workers(engine) == []
    engine.dispose()


def test_progress_is_shown_in_a_terminal_and_the_number_is_still_alone(
    environment: dict[str, str],
) -> None:
    settings = ("--set", "steps=30", "--set", "dataset=digits", "--set", "hidden=8")
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "run", "mnist-sigmoid", *settings],
        env=environment | {"TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
    )
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # how the end of a terminal reads
        while read_now := os.read(screen, 4096):
            shown += read_now
    output, _ = process.communicate(timeout=PATIENCE)
    os.close(screen)
    assert (process.returncode, output) == (0, "1\n"), shown
    assert b"30 of 30 steps" in shown and b"Traceback" not in shown


def test_a_run_that_fails_ends_with_1_and_says_why(environment: dict[str, str]) -> None:
    device = ("--set", "device=cuda:77", "--set", "dataset=digits")
    done = call(environment, "run", "mnist-sigmoid", *device)
    assert done.returncode == 1
    assert re.search(r"^Run 1 failed: The device cuda:77 is not on this machine", done.stderr, re.M)
    assert done.stdout.splitlines()[-1] == "1"


def test_a_claim_is_run_decided_and_the_next_time_reused(environment: dict[str, str]) -> None:
    for made in ("1:", "1, made before:"):
        done = call(environment, "reproduce", "e9")
        assert done.returncode == 0, done.stderr
        assert f"verdict    reproduced\n    run        {made} redundant-bias" in done.stdout
        assert done.stdout.endswith("\n1 of 1 decided as expected (quick).\n")
    assert len(call(environment, "runs").stdout.splitlines()) == 2


def test_ctrl_c_while_the_command_is_being_loaded_ends_it_without_a_traceback(
    environment: dict[str, str],
) -> None:
    program = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == "shiftscope.db.read":
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
from shiftscope.server.command import main
sys.meta_path.insert(0, Interrupting())
main()
"""
    command = [sys.executable, "-c", program, "run", "mnist-sigmoid"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, "", "")


def test_ctrl_c_stops_a_run_which_keeps_what_it_recorded(environment: dict[str, str]) -> None:
    settings = ("--set", "steps=1000000", "--set", "dataset=digits", "--set", "hidden=8")
    process = subprocess.Popen(
        [*COMMAND, "run", "mnist-sigmoid", *settings],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    engine = wait_for_database(environment)
    wait_until(lambda: any(run.step > 0 for run in listing.page(engine).runs))
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=PATIENCE)
    run = read.run(engine, 1)
    changes = [line.what for line in audit.lines(engine, limit=9)]
    engine.dispose()
    assert (process.returncode, output) == (130, "1\n"), errors
    assert changes == ["stop run", "create run"]
    assert run.status == "stopped" and 0 < run.step < 1_000_000


@pytest.fixture
def served(environment: dict[str, str]) -> Iterator[Any]:
    """Starts `serve`, as a background job of a shell without job control does; ends it."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        )
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(
            r"shiftscope is at (http://127\.0\.0\.1:\d+) \(Ctrl-C ends it\)\n", line
        )
        assert found, line
        return process, found[1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_server_and_worker_though_a_page_is_open(
    served: Any, environment: dict[str, str], how: signal.Signals
) -> None:
    process, address = served()
    engine = wait_for_database(environment)
    wait_until(lambda: len(read.workers(engine)) == 1)
    (worker,) = read.workers(engine)
    place = address.replace("http", "ws") + "/api/live"
    with connect_live(place, open_timeout=PATIENCE, ping_interval=None) as page:
        page.send('{"type": "runs"}')
        process.send_signal(how)
        output, errors = process.communicate(timeout=PATIENCE)
    wait_until(lambda: not alive(worker.pid))
    assert (process.returncode, output, errors) == (0, "", "")
    assert read.workers(engine) == []
    engine.dispose()


def test_a_server_that_is_killed_leaves_no_worker(served: Any, environment: dict[str, str]) -> None:
    process, _ = served()
    engine = wait_for_database(environment)
    wait_until(lambda: len(read.workers(engine)) == 1)
    (worker,) = read.workers(engine)
    engine.dispose()
    process.kill()
    wait_until(lambda: not alive(worker.pid))


def test_a_run_that_is_started_in_the_page_is_trained(served: Any) -> None:
    _, address = served()
    experiment = {"dataset": "digits", "steps": 20, "network": {"hidden": [8]}}
    with httpx.Client(base_url=address, timeout=PATIENCE) as web:
        number = web.post("/api/runs", json={"experiment": experiment}).json()["id"]

        def ended() -> bool:
            return web.get(f"/api/runs/{number}").json()["ended_at"] is not None

        wait_until(ended)
        run = web.get(f"/api/runs/{number}").json()
    assert (run["status"], run["step"]) == ("finished", 20)


def test_a_worker_that_is_killed_is_started_again(served: Any, environment: dict[str, str]) -> None:
    process, _ = served()
    engine = wait_for_database(environment)
    wait_until(lambda: len(read.workers(engine)) == 1)
    (worker,) = read.workers(engine)
    os.kill(worker.pid, signal.SIGKILL)
    wait_until(lambda: any(other.pid != worker.pid for other in read.workers(engine)))
    engine.dispose()
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE)
    assert "The worker ended unexpectedly (signal SIGKILL)" in errors


def test_a_server_without_a_worker_says_so_by_having_none(served: Any) -> None:
    process, address = served("--no-worker")
    assert httpx.get(f"{address}/api/system", timeout=PATIENCE).json()["workers"] == []
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=PATIENCE) == ("", "")


def test_a_worker_that_cannot_start_is_tried_again_ever_more_rarely() -> None:
    said: list[str] = []
    twice = threading.Event()

    def say(sentence: str) -> None:
        said.append(sentence)
        if len(said) == 2:
            twice.set()

    program = [sys.executable, "-c", "raise SystemExit(3)"]
    buried: list[int] = []
    worker = KeptWorker(lambda: subprocess.Popen(program), say, buried.append)
    worker.start()
    assert twice.wait(PATIENCE)
    worker.end()
    assert "(exit code 3); it is started again in 1 s" in said[0] and "in 2 s" in said[1]
    assert len(set(buried)) == len(buried) >= 2


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        os.kill(pid, 0)
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # no /proc here, or it has ended since: the next look will tell
        return True


def wait_until(happens: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happens():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def wait_for_database(environment: dict[str, str]) -> Engine:
    """The database of a command that has just been started."""
    file = Path(database_of(environment).removeprefix("sqlite:///"))
    wait_until(file.exists)
    return open_database(f"sqlite:///{file}")
