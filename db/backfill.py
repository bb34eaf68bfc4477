"""Levels for the series that lack them: those that earlier versions recorded, or that several
processes did, one after the other."""

from collections.abc import Iterator

import numpy as np
from sqlalchemy import Double, Engine, func, select, type_coerce

from . import read
from .buckets import Buckets, of_records
from .engine import writing
from .leveller import Leveller
from .levels import BUCKETS, LEVELLED, LEVELS, STEPS, Key, insert_levels
from .tables import OF_LAYERS, RECORD_TABLES, Level, statistics_of

ROWS_AT_ONCE = 4_096
LOWEST, HIGHEST = LEVELS[0] * BUCKETS, LEVELS[-1] * BUCKETS
"""Steps in a chunk of the lowest and of the highest level."""


def backfill(engine: Engine, run_id: int) -> None:
    """Make the chunks of a run's series that are not there, from its records, in small commits.

    The run has ended. Another process may do the same meanwhile, and any may be killed: a chunk
    says what the records say, and is stored once.

    Raises:
        NotFound: There is no such run.
        sqlalchemy.exc.SQLAlchemyError: The database does not answer, or the run was deleted.
    """
    last = read.run(engine, run_id).step
    for key in series_of(engine, run_id):
        done = _done(engine, key)
        if last - done < 2 * LOWEST:
            continue
        first = done // HIGHEST * HIGHEST
        leveller = Leveller(key, statistics_of(key.table))
        for records in records_between(engine, key, first, last):
            if rows := leveller.add(records):
                with writing(engine) as connection:
                    insert_levels(connection, rows)


def series_of(engine: Engine, run_id: int) -> Iterator[Key]:
    """All series of a run that may have levels."""
    layers = read.layers(engine, run_id)
    for table in sorted(LEVELLED):
        if table in OF_LAYERS:
            yield from (Key(table, layer.network_id, layer.id) for layer in layers)
        else:
            yield from (Key(table, one.id, None) for one in read.networks(engine, run_id))


def _done(engine: Engine, key: Key) -> int:
    """The step after the last chunk of a series; 0 where there is none."""
    columns = Level.__table__.columns
    query = (
        select(func.max(columns.start + columns.width * BUCKETS))
        .where(*(columns[name] == value for name, value in key.row().items()))
        .where(columns.width.in_(LEVELS), columns.statistic == STEPS)
    )
    with engine.connect() as connection:
        return connection.scalar(query) or 0


def records_between(engine: Engine, key: Key, first: int, last: int) -> Iterator[Buckets]:
    """The records of a range of steps, some at a time."""
    columns = RECORD_TABLES[key.table].__table__.columns
    values = [type_coerce(columns[name], Double) for name in statistics_of(key.table)]
    query = select(columns.step, *values).where(columns.network_id == key.network_id)
    if key.layer_id is not None:
        query = query.where(columns.layer_id == key.layer_id)
    while True:
        part = query.where(columns.step.between(first, last)).order_by(columns.step)
        with engine.connect() as connection:
            rows = connection.execute(part.limit(ROWS_AT_ONCE)).all()
        if not rows:
            return
        steps, *data = zip(*rows, strict=True)
        null = np.array([[value is None for value in column] for column in data])
        yield of_records(np.array(steps, np.int64), np.array(data, np.float64), null)
        first = steps[-1] + 1
