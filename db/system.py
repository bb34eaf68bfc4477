"""What the processes of a run took of the machine: samples, and a bounded number of them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from sqlalchemy import Engine, func, insert, select

from .engine import writing
from .tables import Run, SystemRecord


@dataclass(frozen=True)
class System:
    """One sample; `SystemRecord` says what each number is."""

    seconds: float
    cpu: float | None
    memory: float | None
    machine_cpu: float | None
    machine_memory: float | None
    gpu: float | None
    gpu_memory: float | None


ROWS_AT_ONCE = 1000
QUANTITIES = tuple(field.name for field in fields(System) if field.name != "seconds")
LARGEST = {"memory", "gpu_memory"}
"""Of these the largest of several samples is told; of shares their mean."""


@dataclass(frozen=True)
class Samples:
    """The samples of a run, or each so many of them as one.

    Attributes:
        samples: How many there are.
        every: How many are told as one: the last one's time and step, the mean of shares, the
            largest memory. 1 tells each.
        seconds: Since the first sample of the run's process began.
        step: The run's latest committed step.
        values: By quantity; NaN where it does not apply.
    """

    samples: int
    every: int
    seconds: list[float]
    step: list[int]
    values: dict[str, list[float]]


def add_sample(engine: Engine, run_id: int, sample: System) -> None:
    """Store the next sample of a run, with the step that it has come to."""
    step = select(Run.step).where(Run.id == run_id).scalar_subquery()
    count = select(func.coalesce(func.max(SystemRecord.sample), 0) + 1)
    number = count.where(SystemRecord.run_id == run_id).scalar_subquery()
    with writing(engine) as connection:
        connection.execute(
            insert(SystemRecord).values(run_id=run_id, sample=number, step=step, **asdict(sample))
        )


def samples_of(engine: Engine, run_id: int, most: int = 1000) -> Samples:
    """The samples of a run, at most `most` points of them."""
    columns = SystemRecord.__table__.columns
    query = (
        select(columns.seconds, columns.step, *(columns[name] for name in QUANTITIES))
        .where(columns.run_id == run_id)
        .order_by(columns.sample)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    every = max(1, -(-len(rows) // most))
    samples: list[tuple[Any, ...]] = [tuple(row) for row in rows]
    groups = [samples[at : at + every] for at in range(0, len(samples), every)]
    values: dict[str, list[float]] = {}
    for at, name in enumerate(QUANTITIES, 2):
        known = [[row[at] for row in group if row[at] is not None] for group in groups]
        together = np.max if name in LARGEST else np.mean
        values[name] = [float(together(some)) if some else float("nan") for some in known]
    seconds, step = [group[-1][0] for group in groups], [group[-1][1] for group in groups]
    return Samples(len(samples), every, seconds, step, values)


def all_samples(engine: Engine, run_id: int) -> Iterator[tuple[Any, ...]]:
    """Every sample of a run, all columns of `SystemRecord`, in constant memory."""
    table = SystemRecord.__table__
    query = select(table).where(table.columns.run_id == run_id).order_by(table.columns.sample)
    with engine.connect().execution_options(yield_per=ROWS_AT_ONCE) as connection:
        yield from map(tuple, connection.execute(query))
