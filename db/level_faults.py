"""Levels that do not say what the records say."""

import random
from collections.abc import Iterator

import numpy as np
from sqlalchemy import Engine, delete, select

from .backfill import backfill, records_between, series_of
from .buckets import Buckets, merged
from .engine import writing
from .levels import BUCKETS, LEVELS, STEPS, Key, read_level
from .soundness import Fault
from .tables import Level, Run, statistics_of


def level_faults(engine: Engine, run: Run, *, full: bool) -> Iterator[Fault]:
    """Compare chunks of a run that has ended with its records.

    Args:
        engine: The database.
        run: The run.
        full: All of its chunks, otherwise one of each table, chosen by chance.
    """
    keys = list(series_of(engine, run.id))
    if not full:
        tables = {key.table for key in keys}
        keys = [random.choice([key for key in keys if key.table == name]) for name in tables]
    wrong = [key for key in keys if _disagrees(engine, key, full=full)]
    if wrong:
        yield Fault(
            f"Run {run.id}",
            f"Levels of {len(wrong):,} series, by which long ranges are drawn, disagree with the "
            f"records of {wrong[0].table}.",
            "--mend makes them anew from the records.",
            lambda: _renew(engine, run.id),
        )


def _disagrees(engine: Engine, key: Key, *, full: bool) -> bool:
    columns = Level.__table__.columns
    query = select(columns.width, columns.start).where(columns.statistic == STEPS)
    query = query.where(*(columns[name] == value for name, value in key.row().items()))
    with engine.connect() as connection:
        chunks = [(width, start) for width, start in connection.execute(query)]
    if not full:
        lowest = [chunk for chunk in chunks if chunk[0] == LEVELS[0]]
        chunks = [random.choice(lowest)] if lowest else []
    return any(not _agrees(engine, key, width, start) for width, start in chunks)


def _agrees(engine: Engine, key: Key, width: int, start: int) -> bool:
    last = start + width * BUCKETS - 1
    statistics = statistics_of(key.table)
    with engine.connect() as connection:
        stored, gaps = read_level(connection, key, statistics, width, (start, last))
    parts = list(records_between(engine, key, start, last))
    if not parts or gaps or not stored:
        return False
    return _same(stored[0], merged(parts, width))


def _same(left: Buckets, right: Buckets) -> bool:
    names = ("step", "last_step", "low", "high", "nan", "null")
    return all(
        np.array_equal(getattr(left, name), getattr(right, name), equal_nan=True) for name in names
    )


def _renew(engine: Engine, run_id: int) -> None:
    for key in series_of(engine, run_id):
        columns = Level.__table__.columns
        of_series = (columns[name] == value for name, value in key.row().items())
        with writing(engine) as connection:
            connection.execute(delete(Level).where(*of_series))
    backfill(engine, run_id)
