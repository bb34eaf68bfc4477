"""The server and its workers, and what happened to the process of a run."""

from datetime import datetime
from typing import Literal

from ..db import log
from .schemas import Public, Real


class HealthPublic(Public):
    """The server is up and reaches the database."""

    status: Literal["ok"] = "ok"


class WorkerPublic(Public):
    """A worker that is alive."""

    id: int
    host: str
    pid: int
    devices: list[str] | None
    heartbeat_at: datetime


class DatasetPublic(Public):
    """Whether some worker has a dataset, and a sentence about it."""

    available: bool
    note: str


class SystemPublic(Public):
    """Version, database, the workers with what they offer, and formats of exports."""

    version: str
    started_at: datetime
    """When this server did: another moment means that it was restarted."""
    database: str
    workers: list[WorkerPublic]
    datasets: dict[str, DatasetPublic] | None
    formats: list[str]


class LogEntryPublic(Public):
    """Something that happened to a run."""

    id: int
    at: datetime
    level: log.Level
    message: str


class LogPublic(Public):
    """Entries of a run's log, the oldest first."""

    run: int
    entries: list[LogEntryPublic]


class SamplesPublic(Public):
    """What the processes of a run took of the machine, a column for each quantity."""

    run: int
    samples: int
    every: int
    seconds: list[float]
    step: list[int]
    cpu: list[Real]
    memory: list[Real]
    machine_cpu: list[Real]
    machine_memory: list[Real]
    gpu: list[Real]
    gpu_memory: list[Real]
