"""What a run takes of the machine, sampled every few seconds while it goes on."""

import contextlib
import threading
import time
from collections.abc import Callable

import psutil
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ..db.system import System, add_sample

SAMPLE_SECONDS = 2.0
Gpu = Callable[[], tuple[float | None, float | None]]
"""Share of time that the GPU was busy, and the bytes reserved on it."""


class Sampler:
    """One process and its children, from its first sample on."""

    def __init__(self, engine: Engine, run_id: int, process: int, gpu: Gpu | None = None) -> None:
        """Takes no sample yet: shares are those since the one before.

        Args:
            engine: The database.
            run_id: The run.
            process: The run's process.
            gpu: What is asked of its GPU; None: it has none.
        """
        self._engine = engine
        self._run_id = run_id
        self._process = psutil.Process(process)
        self._gpu = gpu
        self._begun = self._at = time.monotonic()
        self._spent, _ = self._look()
        self._machine = _machine_times()

    def sample(self) -> None:
        """Measure and store.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: The database does not take it.
            psutil.Error: The process is gone.
        """
        now = time.monotonic()
        spent, memory = self._look()
        # of a process that has come since the whole, of one that has gone nothing
        busy = sum(seconds - self._spent.get(pid, 0.0) for pid, seconds in spent.items())
        machine = _machine_times()
        total, idle = (after - before for after, before in zip(machine, self._machine, strict=True))
        gpu, gpu_memory = (None, None) if self._gpu is None else self._gpu()
        found = System(
            seconds=now - self._begun,
            cpu=busy / max(1e-9, now - self._at),
            memory=float(memory),
            machine_cpu=1 - idle / total if total > 0 else None,
            machine_memory=psutil.virtual_memory().percent / 100,
            gpu=gpu,
            gpu_memory=gpu_memory,
        )
        self._spent, self._machine, self._at = spent, machine, now
        add_sample(self._engine, self._run_id, found)

    def _look(self) -> tuple[dict[int, float], int]:
        """By process the seconds that it has computed, and the bytes that all of them hold."""
        spent: dict[int, float] = {}
        memory = 0
        for one in (self._process, *self._process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess), one.oneshot():
                times = one.cpu_times()
                spent[one.pid] = times.user + times.system
                memory += one.memory_info().rss
        return spent, memory


def _machine_times() -> tuple[float, float]:
    """Seconds of all cores together since the machine began, and those of them that were idle."""
    times = psutil.cpu_times()
    known = times._asdict()
    twice = known.get("guest", 0.0) + known.get("guest_nice", 0.0)  # in `user` and `nice`, too
    return sum(times) - twice, times.idle + known.get("iowait", 0.0)


class Sampling:
    """Samples this process in a thread until it is left; a sample that fails is left out."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="samples the machine", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._closing.wait(SAMPLE_SECONDS):
            with contextlib.suppress(SQLAlchemyError, psutil.Error):
                self._sampler.sample()
