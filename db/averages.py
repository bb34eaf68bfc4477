"""The mean of a statistic over the networks of a line, step by step, with its interval.

Of long series a bucket of steps (`series.py`) has a minimum and a maximum: its middle stands for it
in the mean, and the lowest and highest value of any network go along, so that no spike is lost.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from sqlalchemy import Engine, select

from .buckets import merged, of_records
from .comparison import Line, Member
from .intervals import means
from .read import known_columns
from .series import Selection, series
from .tables import OF_LAYERS, Evaluation, Layer


@dataclass(frozen=True)
class Points:
    """What one network recorded of a statistic, float64 but for the steps.

    Attributes:
        step: First recorded step of each bucket, int64, ascending; of exact records their step.
        last_step: Last recorded step of each.
        low: The smallest number of each; NaN where there was none.
        high: The largest.
        nan: Where some value was NaN.
    """

    step: np.ndarray
    last_step: np.ndarray
    low: np.ndarray
    high: np.ndarray
    nan: np.ndarray


NO_STEPS, NO_VALUES = np.empty(0, np.int64), np.empty(0)
NOWHERE = Points(NO_STEPS, NO_STEPS, NO_VALUES, NO_VALUES, np.empty(0, bool))
"""Of a network that has nothing in the steps that are read."""


@dataclass(frozen=True)
class Average:
    """The mean over the networks of a line, wherever all of them have a value.

    Attributes:
        networks: How many have the statistic at all, at whatever steps.
        lacking: How many do not.
        step: First step of each point, int64.
        last_step: Last step of each point.
        mean: The mean; NaN where a network has a NaN.
        low: Lower end of the interval at 95 %; NaN where there is none.
        high: Upper end.
        least: The smallest value of any network in a bucket; None where records are exact.
        most: The largest.
        left_out: Points that some of the networks do not have.
    """

    networks: int
    lacking: int
    step: np.ndarray
    last_step: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    least: np.ndarray | None
    most: np.ndarray | None
    left_out: int


def averages(
    engine: Engine,
    lines: Sequence[Line],
    table: str,
    statistic: str,
    *,
    layer: str | None = None,
    first: int = 0,
    last: int | None = None,
    width: int = 1,
) -> list[Average]:
    """Read a statistic of every network of the lines, and average.

    Args:
        engine: The database.
        lines: Whose.
        table: A table of networks, or of layers.
        statistic: Its column.
        layer: The name of the layer, in tables of layers.
        first: The first step that is read; moved down to the start of its bucket.
        last: The last one; None is each run's.
        width: Steps in a bucket, a power of two; 1: exact records.

    Raises:
        NotFound: There is no such table or statistic.
    """
    known_columns(table, [statistic])
    members = [member for line in lines for member in line.members]
    layers = _layers(engine, members, layer)
    begin = first // width * width

    def read(member: Member) -> Points | None:
        end = member.run.step if last is None else min(last, member.run.step)
        if (table, statistic) == (Evaluation.__tablename__, "test_accuracy"):
            # Where the loss is NaN, nothing is right.
            return _of_curve(member, begin, end, width) if member.curve.steps else None
        layer_id = layers.get(member.network.id)
        if table in OF_LAYERS and layer_id is None:
            return None
        selection = Selection(table, member.network.id, layer_id, (statistic,), member.run.id)
        found = _read(engine, selection, begin, end, width)
        if found is not None or (begin == 0 and end == member.run.step):
            return found
        # One that ended before these steps is of the line all the same.
        whole = 1 << member.run.step.bit_length()
        return None if _read(engine, selection, 0, member.run.step, whole) is None else NOWHERE

    return [average([read(member) for member in line.members], width) for line in lines]


def average(networks: Sequence[Points | None], width: int) -> Average:
    """The mean over networks at each bucket that all of them have; those with nothing are apart.

    Args:
        networks: What each recorded, a point for each bucket, no points where it has the statistic
            at other steps alone; None where it does not have it.
        width: Steps in a bucket.
    """
    having = [points for points in networks if points is not None]
    buckets = [points.step // width for points in having]
    common = reduce(np.intersect1d, buckets) if buckets else NO_STEPS
    every = reduce(np.union1d, buckets) if buckets else NO_STEPS
    rows = [np.searchsorted(own, common) for own in buckets]
    count = (len(having), len(common))

    def column(name: str) -> np.ndarray:
        taken = [getattr(points, name)[at] for points, at in zip(having, rows, strict=True)]
        return np.stack(taken) if taken else np.empty(count)

    low, high = column("low"), column("high")
    with np.errstate(invalid="ignore"):  # ∞ − ∞
        middle = np.where(column("nan"), math.nan, low / 2 + high / 2)
    mean, lower, upper = means(middle) if having else (NO_VALUES,) * 3
    exact = width == 1 or bool((low == high).all())
    return Average(
        networks=len(having),
        lacking=len(networks) - len(having),
        step=column("step").min(0).astype(np.int64) if having else NO_STEPS,
        last_step=column("last_step").max(0).astype(np.int64) if having else NO_STEPS,
        mean=mean,
        low=lower,
        high=upper,
        least=None if exact else np.fmin.reduce(low),
        most=None if exact else np.fmax.reduce(high),
        left_out=len(every) - len(common),
    )


def _of_curve(member: Member, first: int, last: int, width: int) -> Points:
    step = np.array(member.curve.steps, np.int64)
    accuracy = np.array([member.curve.accuracies], np.float64)
    meant = (step >= first) & (step <= last)
    step, accuracy = step[meant], accuracy[:, meant]
    found = merged([of_records(step, accuracy, np.zeros(accuracy.shape, bool))], width)
    return Points(found.step, found.last_step, found.low[0], found.high[0], found.nan[0])


def _read(engine: Engine, selection: Selection, first: int, last: int, width: int) -> Points | None:
    found = series(engine, selection, first, last, width)
    (statistic,) = selection.statistics
    if statistic not in found.low:
        return None
    low, high = found.low[statistic], found.high[statistic]
    applies = np.ones(len(low), bool)
    applies[found.null.get(statistic, [])] = False
    nan = np.isnan(low) | np.isnan(high)
    nan[found.nan.get(statistic, [])] = True
    return Points(*(part[applies] for part in (found.step, found.last_step, low, high, nan)))


def _layers(engine: Engine, members: Sequence[Member], layer: str | None) -> Mapping[int, int]:
    """The layer of that name, by network; nothing without a name."""
    numbers = [member.network.id for member in members]
    query = select(Layer.network_id, Layer.id).where(
        Layer.name == layer, Layer.network_id.in_(numbers)
    )
    with engine.connect() as connection:
        return {network: number for network, number in connection.execute(query)}
