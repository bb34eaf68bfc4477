"""Intervals over seeds: a mean of paired numbers and how far another draw of seeds might move it.

Percentile bootstrap over the seeds, stretched for how few they are: resamples of *n* values spread
less than means of *n* new ones would, by √((n − 1) / n), and a normal's 1.96 is Student's t of
n − 1 degrees of freedom (Hesterberg 2015, "What Teachers Should Know About the Bootstrap", §3.2).
docs/verdicts.md has the coverage that this gives; a test measures it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

RESAMPLES = 10_000
CONFIDENCE = 0.95
OUTSIDE = (1 - CONFIDENCE) / 2
NORMAL = 1.959964
STUDENT = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306),
    *(2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131),
)
"""Student's t at 97.5 % with 1, 2, … 15 degrees of freedom; an experiment has at most 16 seeds."""


@dataclass(frozen=True)
class OverSeeds:
    """A number over seeds.

    Attributes:
        value: The mean, or for a ratio the geometric mean.
        low: The interval's lower end at 95 %; None with one seed, which says nothing of others.
        high: Its upper end.
        seeds: How many pairs of twins it rests on.
    """

    value: float
    low: float | None
    high: float | None
    seeds: int


def mean(values: Sequence[float]) -> OverSeeds:
    """The mean of one number for each seed, with its interval; the same numbers give the same.

    A value that is not finite leaves no interval, and survives in the mean.
    """
    count = len(values)
    array = np.array(values, np.float64)
    with np.errstate(invalid="ignore"):  # ∞ − ∞
        value = float(array.mean())
    if count < 2 or not math.isfinite(value):
        return OverSeeds(value, None, None, count)
    low, high = np.quantile(array[_drawn(count)].mean(1), [OUTSIDE, 1 - OUTSIDE]) - value
    stretch = _stretch(count)
    return OverSeeds(value, value + stretch * float(low), value + stretch * float(high), count)


def means(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`mean` of each column, (values, columns): the means, and both ends of their intervals.

    An end is NaN where there is no interval.
    """
    count = len(values)
    with np.errstate(invalid="ignore"):  # ∞ − ∞
        value = values.mean(0)
    low, high = np.full_like(value, np.nan), np.full_like(value, np.nan)
    known = np.isfinite(value)
    if count < 2 or not known.any():
        return value, low, high
    shares, times = _distinct(count)
    resampled = shares @ values[:, known]
    order = resampled.argsort(0)
    resampled = np.take_along_axis(resampled, order, 0)
    until = times[order].cumsum(0)
    for end, outside in ((low, OUTSIDE), (high, 1 - OUTSIDE)):
        quantile = _at_rank(resampled, until, outside * (RESAMPLES - 1))
        end[known] = value[known] + _stretch(count) * (quantile - value[known])
    return value, low, high


def _at_rank(sorted_means: np.ndarray, until: np.ndarray, rank: float) -> np.ndarray:
    """What is at a rank among all resamples, between two of them interpolated, by column.

    Args:
        sorted_means: Distinct means of resamples, each column ascending.
        until: How many resamples there are up to each of them.
        rank: From 0 to the number of resamples − 1.
    """
    lower, upper = (
        np.take_along_axis(sorted_means, (until <= at).sum(0, keepdims=True), 0)[0]
        for at in (math.floor(rank), math.ceil(rank))
    )
    return lower + (rank - math.floor(rank)) * (upper - lower)


def _drawn(count: int) -> np.ndarray:
    """The resamples, always the same: indices of values, (RESAMPLES, count)."""
    return np.random.default_rng(0).integers(count, size=(RESAMPLES, count))


@cache
def _distinct(count: int) -> tuple[np.ndarray, np.ndarray]:
    """The resamples that differ, as the share of each value in them, and how often each comes."""
    chosen = np.sort(_drawn(count), 1)
    distinct, times = np.unique(chosen, axis=0, return_counts=True)
    shares = (distinct[:, :, None] == np.arange(count)).mean(1)
    return shares, times


def _stretch(count: int) -> float:
    student = STUDENT[min(count - 1, len(STUDENT)) - 1]
    return student / NORMAL * math.sqrt(count / (count - 1))


def geometric_mean(values: Sequence[float]) -> OverSeeds:
    """The geometric mean of one number for each seed, with its interval, in logarithms.

    With a 0 it is 0, with an infinity infinite, without an interval; NaN with both, or where a
    number is negative or none.
    """
    found = mean([_log(value) for value in values])
    if found.low is None or found.high is None:
        return OverSeeds(math.exp(found.value), None, None, found.seeds)
    return OverSeeds(math.exp(found.value), _exp(found.low), _exp(found.high), found.seeds)


def _log(value: float) -> float:
    """The natural logarithm; −∞ of 0, NaN of what has none."""
    if value > 0:
        return math.log(value)
    return -math.inf if value == 0 else math.nan


def _exp(value: float) -> float:
    """e to the power of value; infinite where it is larger than a float."""
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf
