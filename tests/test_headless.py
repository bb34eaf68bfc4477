"""A worker of our own: several runs one after another, and a new one where it has died."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from shiftscope.db import catalog, read
from shiftscope.server.headless import OwnWorker, own_worker, run_to_end
from shiftscope.server.settings import Settings, load_settings

ENTRY = catalog.entry("redundant-bias")
ASKED = ENTRY.experiment.model_copy(update={"seeds": [0]})


@pytest.fixture
def places(engine: Engine, tmp_path: Path) -> Settings:
    return load_settings(database=str(engine.url), data=tmp_path)


def is_running(pid: int) -> bool:
    """Whether it has not ended: until somebody waits for it, it is listed, and its threads last."""
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    state = listed.stdout.strip()
    return state != "" and not (state.startswith("Z") and "l" not in state)


@pytest.fixture
def worker(engine: Engine, places: Settings) -> Iterator[OwnWorker]:
    with own_worker(engine, places) as worker:
        yield worker


def test_it_trains_one_run_after_another_and_one_that_died_has_a_successor(
    engine: Engine, worker: OwnWorker
) -> None:
    def finished() -> int:
        """Its pid, after another run."""
        done = run_to_end(engine, worker, ASKED, ENTRY.name)
        assert (done.run.status, done.interrupted) == ("finished", False), done.run.error
        (registered,) = read.workers(engine)
        return registered.pid

    first = finished()
    assert finished() == first
    os.kill(first, signal.SIGKILL)
    while is_running(first):
        time.sleep(0.05)
    assert finished() != first


def test_a_run_whose_worker_cannot_start_has_failed_and_the_webhook_hears_it(
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    receiver: tuple[str, list[dict[str, Any]]],
) -> None:
    url, posted = receiver
    places = load_settings(database=str(engine.url), data=tmp_path, webhook=url)
    (tmp_path / "sqlalchemy.py").write_text("raise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with own_worker(engine, places) as worker:
        run = run_to_end(engine, worker, ASKED, ENTRY.name).run
    assert (run.status, run.error) == ("failed", "The worker did not start (exit code 3).")
    about = {"id": run.id, "name": run.name, "status": "failed", "step": 0, "error": run.error}
    said = f"Run {run.id}, {run.name}: failed. {run.error}"
    event = {"event": "failed", "run": about, "findings": [], "address": None}
    assert posted == [event | {"text": said, "content": said, "allowed_mentions": {"parse": []}}]
