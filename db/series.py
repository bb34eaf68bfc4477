"""Series: the records of a range of steps, exact or in min/max buckets.

Long ranges come back as buckets of the step axis. A bucket is `width` steps wide, a power of two,
and begins at a multiple of its width, so that it stays the same while the run grows. It carries
the minimum and the maximum of every statistic: a spike of one step is always among them. Of a long
range most of them come from stored levels, and they are the same as from the records themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Engine,
    case,
    func,
    literal,
    select,
    type_coerce,
)

from .buckets import Buckets, merged
from .levels import LEVELLED, LEVELS, Key, Steps, read_level
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
    with engine.connect() as connection:
        if width == 1:
            return _exact(connection, selection, first, last)
        parts: list[Buckets] = []
        gaps = [(first, last)]
        if selection.table in LEVELLED:
            for level in reversed([level for level in LEVELS if level <= width]):
                unread, gaps = gaps, list[Steps]()
                for steps in unread:
                    found, missing = read_level(connection, *_key(selection), level, steps)
                    parts += found
                    gaps += missing
        for steps in gaps:
            parts.append(_bucketed(connection, selection, steps, width))
    return _series(selection, first, last, width, merged(parts, width))


def _key(selection: Selection) -> tuple[Key, tuple[str, ...]]:
    assert selection.network_id is not None
    return Key(selection.table, selection.network_id, selection.layer_id), selection.statistics


def _series(selection: Selection, first: int, last: int, width: int, buckets: Buckets) -> Series:
    found = Series(selection, first, last, width, buckets.step, buckets.last_step)
    for at, name in enumerate(selection.statistics):
        null, nan = buckets.null[at], buckets.nan[at]
        if null.all():
            continue
        found.low[name], found.high[name] = buckets.low[at], buckets.high[at]
        if null.any():
            found.null[name] = np.flatnonzero(null).tolist()
        if nan.any():
            found.nan[name] = np.flatnonzero(nan).tolist()
    return found


def _values(selection: Selection) -> list[ColumnElement[float]]:
    """As plain floats: `Real` would call Python for each value, numpy converts a column at once."""
    columns = RECORD_TABLES[selection.table].__table__.columns
    return [type_coerce(columns[name], Double) for name in selection.statistics]


def _exact(connection: Connection, selection: Selection, first: int, last: int) -> Series:
    none = np.empty(0, np.int64)
    found = Series(selection, first, last, 1, none, none)
    step = RECORD_TABLES[selection.table].__table__.columns.step
    query = select(step, *_values(selection)).where(*meant_by(selection, first, last))
    rows = connection.execute(query.order_by(step)).all()
    if rows:
        steps, *data = zip(*rows, strict=True)
        found.step = found.last_step = np.array(steps, np.int64)
        for name, column in zip(selection.statistics, data, strict=True):
            _add_exact(found, name, column)
    return found


def _bucketed(
    connection: Connection, selection: Selection, steps: tuple[int, int], width: int
) -> Buckets:
    """Buckets of a range of steps from the records themselves."""
    columns = RECORD_TABLES[selection.table].__table__.columns
    step: ColumnElement[int] = columns.step
    where = meant_by(selection, *steps)

    def rows(*of_bucket: ColumnElement[Any]) -> Sequence[Any]:
        query = select(*of_bucket).where(*where).group_by(step // width).order_by(func.min(step))
        return connection.execute(query).all()

    extremes = [extreme(value) for value in _values(selection) for extreme in (func.min, func.max)]
    found = rows(func.min(step), func.max(step), *extremes)
    firsts, lasts, *data = zip(*found, strict=True) if found else [()] * (2 + len(extremes))
    null = np.array([[value is None for value in column] for column in data[1::2]], bool)
    low, high = np.array(data[::2], np.float64) + 0.0, np.array(data[1::2], np.float64) + 0.0
    # With NaN as text (SQLite) or above all numbers (PostgreSQL) it is the maximum of its bucket,
    # and the minimum only where there is nothing else.
    nan = np.isnan(high) & ~null
    for at in np.flatnonzero(nan.any(axis=1)):
        # Ask again for the numbers alone.
        value = columns[selection.statistics[at]]
        number = case((value < literal(float("nan"), Real), value))
        high[at] = [row[0] for row in rows(func.max(type_coerce(number, Double)))]
    return Buckets(np.array(firsts, np.int64), np.array(lasts, np.int64), low, high, nan, null)


def meant_by(selection: Selection, first: int, last: int) -> list[ColumnElement[bool]]:
    """The rows that a selection means, of steps `first` to `last`."""
    columns = RECORD_TABLES[selection.table].__table__.columns
    conditions: list[ColumnElement[bool]] = [columns.step.between(first, last)]
    if selection.table in OF_SEEDS:
        return [columns.run_id == selection.run_id, columns.seed == selection.seed, *conditions]
    conditions.append(columns.network_id == selection.network_id)
    if selection.table in OF_LAYERS:
        conditions.append(columns.layer_id == selection.layer_id)
    return conditions


def _add_exact(found: Series, name: str, column: Sequence[Any]) -> None:
    null = [row for row, value in enumerate(column) if value is None] if None in column else []
    if len(null) == len(column):
        return
    found.low[name] = found.high[name] = np.array(column, np.float64)
    if null:
        found.null[name] = null
