"""The worker as a child process: started, kept running, ended with everything it started."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ..db.location import PREFIX

END_SECONDS = 25.0
"""Longer than a worker waits for the last checkpoint of its run."""
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0
"""A worker that lived so long begins anew with the shortest pause."""


def worker_command(data: Path, *options: object) -> list[str]:
    """The command that runs a worker; the trainer is only ever reached as a process.

    With -P no file of the folder that it is started in is taken for a module.
    """
    module = [sys.executable, "-P", "-m", "shiftscope.trainer.worker"]
    return [*module, "--data", str(data), *map(str, options)]


def environment_with(database: str) -> dict[str, str]:
    """Our environment, which names the database to a process of the trainer.

    The URL may have a password, and all on the machine can read a process's flags.
    """
    return {**os.environ, f"{PREFIX}DATABASE": database}


def start_worker(
    database: str, data: Path, *options: object, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start a worker that ends when this process does.

    It gets a session of its own, so that Ctrl-C in the terminal reaches us alone and we decide;
    what it prints goes to standard error, since standard output is for our own answer.
    """
    return subprocess.Popen(
        worker_command(data, "--parent", os.getpid(), *options),
        env=environment_with(database),
        bufsize=0,
        stdin=stdin,
        stdout=2,
        start_new_session=True,
    )


def end_worker(process: subprocess.Popen[bytes], seconds: float = END_SECONDS) -> None:
    """Ask a worker to end; after `seconds` kill it and all that it started."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    kill_worker(process)


def kill_worker(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker and all that it started, or what is left of it."""
    if os.name == "posix":  # its session's group outlives it as long as any member does
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


class KeptWorker:
    """A worker that is started again when it dies, at growing intervals."""

    def __init__(
        self,
        start: Callable[[], subprocess.Popen[bytes]],
        say: Callable[[str], None],
        bury: Callable[[int], None],
    ) -> None:
        """Args:
        start: Starts it.
        say: Tells the person.
        bury: Told the number of a process that died or had to be killed, so that its run does
            not stay running.
        """
        self._start = start
        self._bury = bury
        self._say = say
        self._ending = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper = threading.Thread(target=self._keep, name="keeps the worker", daemon=True)

    def start(self) -> None:
        """Start it, and keep it running."""
        self._keeper.start()

    def ask_to_end(self) -> None:
        """Send word; `end` waits."""
        self._ending.set()
        if self._process is not None:
            self._process.terminate()

    def end(self) -> None:
        """End it, by force if need be."""
        self.ask_to_end()
        if self._keeper.ident is not None:
            self._keeper.join(END_SECONDS + 1)

    def _keep(self) -> None:
        pause = 1.0
        while not self._ending.is_set():
            begun = time.monotonic()
            self._process = self._start()
            self._wait(self._process)
            is_ending = self._ending.is_set()
            if is_ending and self._process.returncode == 0:
                return
            kill_worker(self._process)
            self._bury(self._process.pid)
            if is_ending:
                return
            pause = 1.0 if time.monotonic() - begun > STEADY_SECONDS else pause
            self._say(
                f"The worker ended unexpectedly ({_how(self._process.returncode)}); it is started "
                f"again in {pause:.0f} s. Until then new runs stay queued."
            )
            self._ending.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            if self._ending.wait(0.1):
                end_worker(process)


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
