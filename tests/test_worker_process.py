"""What the server starts the trainer's processes with: all on the machine can read their flags."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import Engine

from shiftscope.server import cli
from shiftscope.server.diagnose_command import look_at
from shiftscope.server.worker_process import kill_worker, start_worker

PASSWORD = "correct-horse"


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a database that takes a connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"postgresql://me:{PASSWORD}@127.0.0.1:{listening.getsockname()[1]}/runs"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_worker_has_the_databases_password_in_no_flag(silent: str, tmp_path: Path) -> None:
    worker = start_worker(silent, tmp_path)
    try:
        while not (flags := Path(f"/proc/{worker.pid}/cmdline").read_text()):
            assert worker.poll() is None  # it is there once the new program is
        assert "trainer.worker" in flags and str(tmp_path) in flags
        assert PASSWORD not in flags
        assert psutil.Process(worker.pid).environ()["SHIFTSCOPE_DATABASE"] == silent
    finally:
        kill_worker(worker)


def test_nor_has_one_that_a_command_becomes_or_a_diagnosis(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[list[str], dict[str, str]]] = []

    def run(command: list[str], env: dict[str, str], **_: Any) -> Any:
        started.append((command, env))
        return subprocess.CompletedProcess(command, 0)

    url = engine.url.render_as_string(hide_password=False)
    with monkeypatch.context() as patched:
        patched.setattr(os, "execve", lambda _, command, env: run(command, env))
        patched.setattr(subprocess, "run", run)
        cli.worker(url, tmp_path)
        look_at(url, 7)
    for (command, environment), module in zip(started, ("worker", "diagnosing"), strict=True):
        assert f"shiftscope.trainer.{module}" in command and url not in command
        assert environment["SHIFTSCOPE_DATABASE"] == url
