"""The server, and who writes a run that it shows (`long_run.py`), each a process of its own."""

import contextlib
import json
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LONG_RUN = Path(__file__).resolve().parent / "long_run.py"


class Served(NamedTuple):
    """A server that runs."""

    address: str
    """As http://127.0.0.1:PORT."""
    pid: int


class Commit(NamedTuple):
    """What the writer of a run says of a commit."""

    step: int
    """Its last."""
    at: float
    """Seconds since 1970."""


class Writing(NamedTuple):
    """A run that is being written."""

    run: int
    commits: list[Commit]
    """Those so far."""


@contextlib.contextmanager
def serving(folder: Path, port: int = 0) -> Iterator[Served]:
    """`shiftscope serve` on a data folder, without a worker."""
    program = "from shiftscope.server.cli import main; main()"
    flags = ["serve", "--no-browser", "--no-worker", "--port", str(port), "--data", str(folder)]
    with subprocess.Popen(
        [sys.executable, "-c", program, *flags], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        if found is None:
            raise SystemExit("shiftscope does not start.")
        try:
            yield Served(found[0], server.pid)
        finally:
            server.terminate()


@contextlib.contextmanager
def writing(database: str, address: str, *, seconds: float, rate: int) -> Iterator[Writing]:
    """Write a run, for so long or until the end; `address` is that of its server."""
    flags = ["--seconds", str(seconds), "--rate", str(rate)]
    with subprocess.Popen(
        [sys.executable, str(LONG_RUN), database, *flags], stdout=subprocess.PIPE, text=True
    ) as writer:
        lines = writer.stdout
        assert lines is not None
        commits = [Commit(**json.loads(lines.readline()))]

        def read() -> None:
            commits.extend(Commit(**json.loads(line)) for line in lines)

        reading = threading.Thread(target=read)
        reading.start()
        try:
            with urllib.request.urlopen(f"{address}/api/runs?limit=1") as answer:
                run = json.load(answer)["runs"][0]["id"]
            yield Writing(run, commits)
        finally:
            writer.terminate()
            reading.join()
