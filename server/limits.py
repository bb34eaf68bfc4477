"""How much may be asked for: settings, and what keeps to them before a run is stored.

SECURITY.md has a table of these and of all other limits.
"""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import PurePath

import psutil
from sqlalchemy import Engine

from ..db import demand, queue
from ..db.errors import FieldProblem, InvalidExperiment, TooSoon
from ..db.experiment import Experiment
from ..db.study import Study
from .security import is_loopback
from .settings import Settings

MINUTE = 60.0
FROM_HERE = 10
"""So many times as often may this machine itself start runs."""
MOST_ASKERS = 1_000
Asked = Experiment | Study


class Limits:
    """What one server allows; called with what is to be stored, before it is.

    Args:
        engine: The database.
        settings: The limits that can be set, and what the server listens on.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings
        self._is_here = is_loopback(settings.host) and not settings.token
        self._rate = Rate(settings.starts)

    def admit(self, asker: str, *asked: Asked) -> int:
        """Refuse a start that is too large or that comes too soon.

        Returns:
            How many runs may be queued with it, which is seen to where they are stored.

        Raises:
            InvalidExperiment: A run is too large; says the number and the limit.
            TooSoon: Too many were started in the last minute.
        """
        self.check(*asked)
        self._rate.take(asker)
        return self._settings.queued

    def check(self, *asked: Asked) -> None:
        """Refuse what is too large, wherever it stands in the queue.

        Raises:
            InvalidExperiment: Says which, the number and the limit.
        """
        for one in asked:
            if isinstance(one, Experiment):
                problems = [*self._parameters(one), *self._memory(one), *self._folder(one)]
                if problems:
                    raise InvalidExperiment(problems)

    def _parameters(self, experiment: Experiment) -> list[FieldProblem]:
        found, most = demand.parameters(experiment), self._settings.parameters
        if found <= most:
            return []
        sentence = (
            f"all networks together would have {found:,} parameters, and the limit is {most:,}. "
            "Choose narrower or fewer layers, fewer arms or fewer seeds, or start the server with "
            "a larger SHIFTSCOPE_PARAMETERS."
        )
        return [FieldProblem("network", sentence)]

    def _memory(self, experiment: Experiment) -> list[FieldProblem]:
        needed = demand.memory(experiment)
        most = self._settings.memory
        there = self._memory_of(experiment) if most is None else most * 1e9
        if not there or needed <= there:  # 0 refuses none
            return []
        where = "the machine has" if most is None else "the limit is"
        sentence = (
            f"the networks alone would take {needed / 1e9:,.1f} GB of memory, and {where} "
            f"{there / 1e9:,.1f} GB. Choose narrower or fewer layers, a smaller batch, fewer arms "
            "or fewer seeds, or set SHIFTSCOPE_MEMORY."
        )
        return [FieldProblem("network", sentence)]

    def _memory_of(self, experiment: Experiment) -> float | None:
        """Of the machine, where all workers are on this one and would train on its CPU.

        Of others, and of GPUs, only the worker knows; it checks again before it trains.
        """
        alive = queue.living_workers(self._engine)
        on_cpu = experiment.device == "cpu" or (
            experiment.device == "auto" and all(worker.devices == ["cpu"] for worker in alive)
        )
        is_here = all(worker.host == socket.gethostname() for worker in alive)
        return float(psutil.virtual_memory().total) if alive and on_cpu and is_here else None

    def _folder(self, experiment: Experiment) -> list[FieldProblem]:
        """Who asks from another machine may name folders in the data folder only."""
        folder = PurePath(experiment.folder)
        data = self._settings.data_folder
        if self._is_here or not experiment.folder:
            return []
        leads_out = ".." in folder.parts or experiment.folder.startswith("~")
        if not leads_out and (data / folder).is_relative_to(data):
            return []
        sentence = (
            f"expected a folder in the data folder, {data}, as this server is reached from other "
            "machines. Put the images there, or a link to them."
        )
        return [FieldProblem("folder", sentence)]


class Rate:
    """How often each address may start: so often at once, then as often as the minute allows."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._taken: dict[str, tuple[float, float]] = {}
        """By address how many starts count at a moment; they fade over a minute."""

    def take(self, asker: str) -> None:
        """Count a start.

        Raises:
            TooSoon: It would be one too many.
        """
        most = self._most * (FROM_HERE if is_loopback(asker) else 1)
        with self._lock:
            now = self._clock()
            taken = self._faded(asker, most, now)
            if taken + 1 > most:
                seconds = (taken + 1 - most) * MINUTE / most
                raise TooSoon(
                    f"{most:,} starts in a minute are the limit, which is reached. Try again in "
                    f"{seconds:,.0f} s, or start the server with a larger SHIFTSCOPE_STARTS.",
                    seconds,
                )
            if len(self._taken) >= MOST_ASKERS:
                oldest = min(self._taken, key=lambda one: self._taken[one][1])
                del self._taken[oldest]
            self._taken[asker] = taken + 1, now

    def _faded(self, asker: str, most: int, now: float) -> float:
        taken, then = self._taken.get(asker, (0.0, now))
        return max(0.0, taken - (now - then) * most / MINUTE)
