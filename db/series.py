"""Series: the records of a range of steps, exact or in min/max buckets.

Long ranges come back as buckets of the step axis. A bucket is `width` steps wide, a power of two,
and begins at a multiple of its width, so that it stays the same while the run grows. It carries
the minimum and the maximum of every statistic: a spike of one step is always among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Double,
    Engine,
    Select,
    case,
    func,
    literal,
    select,
    type_coerce,
)

from .read import known_columns
from .tables import OF_LAYERS, OF_SEEDS, RECORD_TABLES, Real


@dataclass(frozen=True)
class Selection:
    """Which series are meant: statistics of one network, of one layer, or of a seed of a run.

    Attributes:
        table: Whose series: see `OF_LAYERS` and `OF_SEEDS`.
        network_id: Of the network; None where the series is a seed's.
        layer_id: Of the layer, in tables of layers.
        statistics: Columns of the table.
        run_id: Of the run, where the series is one of its seeds.
        seed: That seed.
    """

    table: str
    network_id: int | None
    layer_id: int | None
    statistics: tuple[str, ...]
    run_id: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        known_columns(self.table, self.statistics)


@dataclass
class Series:
    """The records of a selection over a range of steps, exact (`width` 1) or as buckets.

    Attributes:
        first: The range begins here, at the start of a bucket.
        last: The range ends here.
        width: Steps in a bucket; 1 means that every row is one record.
        step: First recorded step of each row, int64, ascending.
        last_step: Last recorded step of each row; the same array when `width` is 1.
        low: By statistic the value or, in buckets, the minimum of the values that are numbers.
        high: By statistic the maximum; the same arrays as `low` when `width` is 1.
        null: By statistic the rows in which it does not apply (there `low` is NaN). A statistic
            that applies nowhere in the range has no entry in `low` at all.
        nan: By statistic the buckets in which some value was NaN; empty when `width` is 1.
    """

    selection: Selection
    first: int
    last: int
    width: int
    step: np.ndarray
    last_step: np.ndarray
    low: dict[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    high: dict[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    null: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    nan: dict[str, list[int]] = field(default_factory=dict[str, list[int]])


def bucket_width(steps: int, points: int, records: int) -> int:
    """Steps in a bucket so that a trace of `records` over `steps` draws at most `points` points.

    1 when every record can be drawn; else the narrowest power of two, where each bucket draws
    two points, its minimum and its maximum.
    """
    width = 1
    if records > points:
        while -(-steps // width) > points // 2:
            width *= 2
    return width


def series(engine: Engine, selection: Selection, first: int, last: int, width: int) -> Series:
    """Read steps `first` to `last`, both included, in buckets of `width` steps.

    `first` is moved down to the start of its bucket.

    Raises:
        NotFound: The table or a statistic does not exist (when the selection was built).
    """
    first = first // width * width
    columns = RECORD_TABLES[selection.table].__table__.columns
    step: ColumnElement[int] = columns.step
    # As plain floats: `Real` would call Python for each value, numpy converts a column at once.
    values = [type_coerce(columns[name], Double) for name in selection.statistics]
    where = _where(selection, first, last)
    none = np.empty(0, np.int64)
    found = Series(selection, first, last, width, none, none)
    with engine.connect() as connection:
        if width == 1:
            rows = connection.execute(select(step, *values).where(*where).order_by(step)).all()
            if rows:
                steps, *data = zip(*rows, strict=True)
                found.step = found.last_step = np.array(steps, np.int64)
                for name, column in zip(selection.statistics, data, strict=True):
                    _add_exact(found, name, column)
            return found
        extremes = [extreme(value) for value in values for extreme in (func.min, func.max)]
        query = _bucketed(
            select(func.min(step), func.max(step), *extremes).where(*where), step, width
        )
        rows = connection.execute(query).all()
        if rows:
            firsts, lasts, *data = zip(*rows, strict=True)
            found.step, found.last_step = np.array(firsts, np.int64), np.array(lasts, np.int64)
            for at, name in enumerate(selection.statistics):
                _add_buckets(found, name, data[2 * at], data[2 * at + 1])
            for name in found.nan:
                # max() put NaN above every number: ask again for the numbers alone.
                number = case((columns[name] < literal(float("nan"), Real), columns[name]))
                query = select(func.max(type_coerce(number, Double))).where(*where)
                highest = connection.scalars(_bucketed(query, step, width)).all()
                found.high[name] = np.array(highest, np.float64)
    return found


def _where(selection: Selection, first: int, last: int) -> list[ColumnElement[bool]]:
    columns = RECORD_TABLES[selection.table].__table__.columns
    conditions: list[ColumnElement[bool]] = [columns.step.between(first, last)]
    if selection.table in OF_SEEDS:
        return [columns.run_id == selection.run_id, columns.seed == selection.seed, *conditions]
    conditions.append(columns.network_id == selection.network_id)
    if selection.table in OF_LAYERS:
        conditions.append(columns.layer_id == selection.layer_id)
    return conditions


def _bucketed(query: Select[Any], step: ColumnElement[int], width: int) -> Select[Any]:
    return query.group_by(step // width).order_by(func.min(step))


def _add_exact(found: Series, name: str, column: Sequence[Any]) -> None:
    null = [row for row, value in enumerate(column) if value is None] if None in column else []
    if len(null) == len(column):
        return
    found.low[name] = found.high[name] = np.array(column, np.float64)
    if null:
        found.null[name] = null


def _add_buckets(found: Series, name: str, low: Sequence[Any], high: Sequence[Any]) -> None:
    null = [row for row, value in enumerate(high) if value is None]
    if len(null) == len(high):
        return
    found.low[name] = np.array(low, np.float64)
    found.high[name] = np.array(high, np.float64)
    if null:
        found.null[name] = null
    # With NaN as text (SQLite) or above all numbers (PostgreSQL) it is the maximum of its bucket,
    # and the minimum only where there is nothing else.
    nan = np.isnan(found.high[name])
    nan[null] = False
    if nan.any():
        found.nan[name] = np.flatnonzero(nan).tolist()
