"""However a watched program ends, its run ends with it, and says how."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from typing import Any

import pytest
import torch
from torch import nn

from shiftscope.db.queue import WATCHED_LOST
from shiftscope.trainer import watch

PROGRAM = """
import os, sys, time
import torch
from torch import nn
from shiftscope.trainer import watch, watched

watched.KNOWN_SECONDS = 60
torch.set_num_threads(1)
model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

def train():
    loss = model(torch.randn(16, 6)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

run = watch(model, optimizer, database=sys.argv[1], quiet=True)
print(run._recorder._process.pid, flush=True)
for _ in range(20):
    train()
"""


def start(stored: Any, rest: str) -> subprocess.Popen[str]:
    program = PROGRAM + textwrap.dedent(rest)
    return subprocess.Popen(
        [sys.executable, "-c", program, stored.url],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for_end(stored: Any) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if stored.rows("SELECT id FROM runs WHERE status != 'running'"):
            return stored.run()
        time.sleep(0.05)
    raise AssertionError("the run did not end")


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (
            ValueError("no batch\nreally"),
            "failed",
            "The loop raised ValueError: no batch",
        ),
        (KeyboardInterrupt(), "stopped", None),
        (GeneratorExit(), "stopped", None),
        (SystemExit(), "failed", "The loop raised SystemExit: no message"),
    ],
)
def test_an_exception_ends_the_run_and_goes_on(
    error: BaseException, status: str, words: str | None, stored: Any
) -> None:
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with (
        pytest.raises(type(error)),
        watch(model, optimizer, database=stored.url, name="Mine", quiet=True),
    ):
        for _ in range(3):
            model(torch.randn(4, 3)).sum().backward()
            optimizer.step()
        raise error
    run = stored.run()
    assert (run["status"], run["error"], run["step"], run["name"]) == (status, words, 3, "Mine")
    assert not model._forward_hooks


@pytest.mark.parametrize(
    ("rest", "code", "status", "words"),
    [
        ("", 0, "finished", None),
        ("raise RuntimeError('no more data')", 1, "failed",
         "The loop raised RuntimeError: no more data"),
        ("raise KeyboardInterrupt", -signal.SIGINT, "stopped", None),
        ("sys.exit(3)", 3, "finished", None),
    ],
)  # fmt: skip
def test_a_run_that_nobody_closes_ends_as_its_program_does(
    rest: str, code: int, status: str, words: str | None, stored: Any
) -> None:
    process = start(stored, rest)
    recorder, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    run = stored.run()
    assert (run["status"], run["error"], run["step"]) == (status, words, 20)
    assert len(stored.records("0")) == 20 and "Exception ignored" not in errors
    with pytest.raises(ProcessLookupError):  # nothing is left running
        os.kill(int(recorder), 0)


def test_a_program_that_is_killed_leaves_every_record_and_the_reason(
    stored: Any, monkeypatch: pytest.MonkeyPatch, receiver: tuple[str, list[dict[str, Any]]]
) -> None:
    url, posted = receiver
    monkeypatch.setenv("SHIFTSCOPE_WEBHOOK", url)
    rest = """
        from torch.utils.data import DataLoader
        workers = iter(DataLoader(torch.randn(400, 6), 4, num_workers=2, persistent_workers=True))
        next(workers)
        print(*(one.pid for one in workers._workers), flush=True)
        time.sleep(0.3)  # after which a step hands over what there is
        train()
        train()
        assert run.id == 1  # so that the recorder is there
        print("ready", flush=True)
        time.sleep(1000)
    """
    with start(stored, rest) as process:  # which does not wait for the loader's processes
        assert process.stdout is not None
        assert int(process.stdout.readline())
        loaders = [int(pid) for pid in process.stdout.readline().split()]
        assert len(loaders) == 2 and process.stdout.readline() == "ready\n"
        for pid in loaders:  # which would soon see that they are alone
            os.kill(pid, signal.SIGSTOP)
        process.kill()
    try:
        run = wait_for_end(stored)  # they do not hold the recorder back
    finally:
        for pid in loaders:
            os.kill(pid, signal.SIGKILL)
    assert (run["status"], run["error"]) == ("failed", WATCHED_LOST)
    assert run["step"] == len(stored.records("0")) >= 20
    deadline = time.monotonic() + 60
    while not posted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [(one["event"], one["run"]["error"]) for one in posted] == [("failed", WATCHED_LOST)]


def test_a_forked_process_leaves_the_run_to_its_parent(stored: Any) -> None:
    rest = """
        child = os.fork()
        train()
        if child == 0:
            run.log(loss=1.0)
            for _ in range(300):
                train()
            run.close()
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        train()
        run.close()
        assert run.not_recorded == [], run.not_recorded
    """
    process = start(stored, rest)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    run = stored.run()
    assert (run["status"], run["step"]) == ("finished", 22) and len(stored.records("0")) == 22
    assert errors == ""
