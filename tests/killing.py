"""`shiftscope serve` with its worker, as processes that can be stopped in mid-work and killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil
from sqlalchemy import Engine

PATIENCE = 90.0
"""Seconds until something that has to happen is taken for one that never will."""

Processes = Mapping[str, Sequence[psutil.Process]]
"""By what they are: `server`, `worker`, `run`, `recorder` and `other`, such as the fork server."""


class Served:
    """A server and all that it started."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._command = [
            *(sys.executable, "-c", "from shiftscope.server.cli import main; main()", "serve"),
            *("--no-browser", "--port", "0", "--database", str(engine.url), "--data", str(folder)),
        ]
        self._environment = {**os.environ, "SHIFTSCOPE_CHECKPOINT_SECONDS": "0.05"}
        self.output = folder / "served.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._seen: set[psutil.Process] = set()
        self.start()

    def start(self) -> None:
        """Start it, if it is not there."""
        if self._process is None or self._process.poll() is not None:
            with self.output.open("ab") as output:
                self._process = subprocess.Popen(
                    self._command, env=self._environment, stdout=output, stderr=output
                )

    def end(self) -> None:
        """End it in good order, and see that nothing is left of what was ever started."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(PATIENCE)
        wait_until_gone(self._seen)

    def processes(self) -> Processes:
        """What there is at this moment."""
        assert self._process is not None
        found: dict[str, list[psutil.Process]] = {}
        with contextlib.suppress(psutil.NoSuchProcess):
            server = psutil.Process(self._process.pid)
            found["server"] = [server]
            for process in server.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                    found.setdefault(_role(process), []).append(process)
        runs = [one.parent() for one in found.get("recorder", [])]
        if runs:
            found["run"] = [run for run in runs if run is not None]
            found["other"] = [one for one in found.get("other", []) if one not in runs]
        return found

    @contextlib.contextmanager
    def frozen(self) -> Iterator[Processes]:
        """Everything stands still meanwhile: what is seen of it stays true until it is killed."""
        still: set[psutil.Process] = set()
        try:
            while new := {one for every in self.processes().values() for one in every} - still:
                still |= new  # what they start before they stand still is found by another look
                for process in new:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.suspend()
                _wait_while(_goes_on, new)
            self._seen |= still
            yield self.processes()
        finally:
            for process in still:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()


def kill(processes: Sequence[psutil.Process]) -> None:
    """Kill -9 what has to be alive until then, standing still, and see that it is dead."""
    for process in processes:
        assert process.status() == psutil.STATUS_STOPPED, f"{process} was to be killed"
        process.send_signal(signal.SIGKILL)
    wait_until_gone(set(processes))


def wait_until_gone(processes: set[psutil.Process]) -> None:
    """Wait until none of them is alive."""
    _wait_while(_is_alive, processes)


def _wait_while(holds: Callable[[psutil.Process], bool], processes: set[psutil.Process]) -> None:
    deadline = time.monotonic() + PATIENCE
    while still := [process for process in processes if holds(process)]:
        assert time.monotonic() < deadline, f"{holds.__name__}: {still}"
        time.sleep(0.01)


def _is_alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        if process.is_running():  # and its number is not another's by now
            # where the first thread is dead others may not be yet
            return process.status() != psutil.STATUS_ZOMBIE or len(_threads(process)) > 1
    return False


def _goes_on(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return _is_alive(process) and process.status() != psutil.STATUS_STOPPED
    return False


def _threads(process: psutil.Process) -> list[Path]:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return list(Path(f"/proc/{process.pid}/task").iterdir())
    return []


def _role(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    for role in ("worker", "recorder"):
        if f"trainer.{role}" in command:
            return role
    return "other"
