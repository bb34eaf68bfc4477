"""One quantity of a study or an import as a chart needs it: whole, or in min/max buckets of x."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Double, Engine, select, type_coerce

from .study import Measurement
from .tables import MeasurementRecord, Run

AT_ONCE = 20_000


@dataclass(frozen=True)
class MeasuredBuckets:
    """What one series came to over stretches of x: an entry for each that holds a measurement.

    Attributes:
        series: Its name.
        several: Whether some x has several values: of seeds, or logged more than once.
        x: First x of each bucket that was measured, float64, ascending.
        last_x: Last one.
        low: Minimum of the finite values; NaN where there is none.
        high: Maximum, likewise.
        mean: Mean, likewise.
        nan: How many values are NaN, int64.
        infinite: How many are infinite.
    """

    series: str
    several: bool
    x: np.ndarray
    last_x: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    nan: np.ndarray
    infinite: np.ndarray


@dataclass(frozen=True)
class Measured:
    """The measurements of one quantity over a range of x.

    Attributes:
        count: How many there are.
        beside: How many there are at no finite x, besides.
        width: Extent of a bucket in x, a power of two; a bucket begins at a multiple of it. None
            where there are no buckets.
        measurements: All of them, series by series, by x; None where there are buckets.
        buckets: One for each series; empty where there are none.
    """

    count: int
    beside: int
    width: float | None
    measurements: list[Measurement] | None
    buckets: list[MeasuredBuckets]


@dataclass(frozen=True)
class _Column:
    """One series: its measurements by x; those of one x in the order in which they were found."""

    series: str
    seed: np.ndarray
    x: np.ndarray
    value: np.ndarray

    def within(self, first: float, last: float) -> "_Column":
        """Those of a range, and the nearest on either side, to which its line goes on."""
        begin = max(0, int(np.searchsorted(self.x, first, "left")) - 1)
        end = int(np.searchsorted(self.x, last, "right")) + 1
        chosen = slice(begin, end)
        return _Column(self.series, self.seed[chosen], self.x[chosen], self.value[chosen])


def measured(
    engine: Engine,
    run: Run,
    quantity: str,
    *,
    first: float = -math.inf,
    last: float = math.inf,
    points: int = 1_000,
) -> Measured:
    """The measurements of one quantity, in buckets where a series has more than `points` of them.

    A bucket draws two points, its minimum and its maximum: a spike of one x is always among them.
    Of a range each series has, besides, the nearest measurement on either side.

    Args:
        engine: The database.
        run: The run of a study or an import.
        quantity: Its name; of one that was not measured there is nothing.
        first: The range begins here.
        last: It ends here, included.
        points: At most so many of each series, at least 4, and the two beside the range.
    """
    columns, beside = _read(engine, run, quantity)
    found = [column.within(first, last) for column in columns]
    count = sum(len(column.x) for column in found)
    if all(len(column.x) <= points for column in found):
        measurements = [one for column in found for one in _measurements(quantity, column)]
        return Measured(count, beside, None, measurements, [])
    low = max(first, min(column.x[0] for column in columns))
    high = min(last, max(column.x[-1] for column in columns))
    width = bucket_width(float(low), float(high), points // 2)
    return Measured(count, beside, width, None, [_bucketed(column, width) for column in found])


def bucket_width(low: float, high: float, buckets: int) -> float:
    """The narrowest power of two of which so many, at least 2, hold a range; or infinity."""
    distance = high / 2 - low / 2
    width = 2.0 ** max(-1000, math.frexp(distance / buckets)[1]) if distance > 0 else 1.0
    while math.floor(high / width) - math.floor(low / width) + 1 > buckets:
        width *= 2
    return width


def _read(engine: Engine, run: Run, quantity: str) -> tuple[list[_Column], int]:
    """All series in the order in which they were first measured, and how much is at no finite x."""
    table = MeasurementRecord.__table__.columns
    # As plain floats: numpy turns a column with SQLite's text for NaN into numbers at once.
    numbers = [type_coerce(column, Double) for column in (table.x, table.value)]
    query = (
        select(table.series, table.seed, *numbers)
        .where(table.run_id == run.id, table.quantity == quantity, table.position <= run.step)
        .order_by(table.position)
    )
    names: dict[str, int] = {}
    parts: list[tuple[np.ndarray, ...]] = [(np.empty(0, np.int64),) * 2 + (np.empty(0),) * 2]
    with engine.connect() as connection:
        rows = connection.execution_options(yield_per=AT_ONCE).execute(query)
        for some in rows.partitions():
            series, seed, x, value = zip(*some, strict=True)
            of = np.array([names.setdefault(name, len(names)) for name in series], np.int64)
            parts.append((of, np.array(seed, np.int64), np.array(x, float), np.array(value, float)))
    of, seed, x, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    finite = np.isfinite(x)
    of, seed, x, value = of[finite], seed[finite], x[finite], value[finite]
    order = np.lexsort((x, of))
    ends = np.cumsum(np.bincount(of, minlength=len(names)))
    found = (
        [
            _Column(name, seed[chosen], x[chosen], value[chosen])
            for name, chosen in zip(names, np.split(order, ends[:-1]), strict=True)
            if len(chosen)
        ]
        if names
        else []
    )
    return found, int(np.count_nonzero(~finite))


def _measurements(quantity: str, column: _Column) -> Iterator[Measurement]:
    rows = zip(column.seed.tolist(), column.x.tolist(), column.value.tolist(), strict=True)
    for seed, x, value in rows:
        yield Measurement(seed, quantity, column.series, x, value)


def _bucketed(column: _Column, width: float) -> MeasuredBuckets:
    x, value = column.x, column.value
    bucket = np.floor(x / width)
    starts = np.flatnonzero(np.append(True, bucket[1:] != bucket[:-1]))
    sizes = np.diff(np.append(starts, len(x)))
    finite = np.isfinite(value)
    numbers = np.where(finite, value, np.nan)
    count = _counted(finite, starts)
    share = np.where(finite, value, 0.0) / np.repeat(np.maximum(count, 1), sizes)
    return MeasuredBuckets(
        series=column.series,
        several=bool((x[1:] == x[:-1]).any()),
        x=x[starts],
        last_x=x[starts + sizes - 1],
        low=np.fmin.reduceat(numbers, starts),
        high=np.fmax.reduceat(numbers, starts),
        mean=np.where(count > 0, np.add.reduceat(share, starts), np.nan),
        nan=_counted(np.isnan(value), starts),
        infinite=_counted(np.isinf(value), starts),
    )


def _counted(which: np.ndarray, starts: np.ndarray) -> np.ndarray:
    return np.add.reduceat(which.astype(np.int64), starts)
