"""Buckets: what statistics came to over aligned stretches of steps, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Buckets:
    """Statistics over stretches of steps: a column for each stretch that holds a record.

    Attributes:
        step: First recorded step of each bucket, int64, ascending.
        last_step: Last recorded step.
        low: Minimum of the values that are numbers, infinities among them; NaN where there is
            none. Statistics × buckets, as are the following.
        high: Maximum.
        nan: Whether a value was NaN.
        null: Whether the statistic applies nowhere in the bucket.
    """

    step: np.ndarray
    last_step: np.ndarray
    low: np.ndarray
    high: np.ndarray
    nan: np.ndarray
    null: np.ndarray

    def __len__(self) -> int:
        return len(self.step)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """What it is made of, in order."""
        return (self.step, self.last_step, self.low, self.high, self.nan, self.null)

    def where(self, chosen: np.ndarray | slice) -> "Buckets":
        """Some of the buckets."""
        return Buckets(
            self.step[chosen],
            self.last_step[chosen],
            self.low[:, chosen],
            self.high[:, chosen],
            self.nan[:, chosen],
            self.null[:, chosen],
        )


def of_records(step: np.ndarray, values: np.ndarray, null: np.ndarray) -> Buckets:
    """Each record as a bucket of its own.

    Args:
        step: Their steps.
        values: Statistics × records.
        null: Where a statistic does not apply; the value there is NaN.
    """
    values = values + 0.0  # of two zeros which is the minimum? SQLite has no negative one
    return Buckets(step, step, values, values, np.isnan(values) & ~null, null)


def joined(parts: Sequence[Buckets]) -> Buckets:
    """One behind the other."""
    if len(parts) == 1:
        return parts[0]
    return Buckets(
        np.concatenate([part.step for part in parts]),
        np.concatenate([part.last_step for part in parts]),
        *(
            np.concatenate([getattr(part, name) for part in parts], axis=1)
            for name in ("low", "high", "nan", "null")
        ),
    )


def merged(parts: Sequence[Buckets], width: int) -> Buckets:
    """All of them as buckets of `width` steps, a multiple of their own width.

    Args:
        parts: At least one, of the same statistics; in any order, and two may share a bucket.
        width: Steps in a bucket.
    """
    one = joined(parts)
    if (np.diff(one.step) < 0).any():
        one = one.where(np.argsort(one.step, kind="stable"))
    if not len(one):
        return one
    starts = np.flatnonzero(np.diff(one.step // width, prepend=-1))
    return Buckets(
        one.step[starts],
        one.last_step[np.append(starts[1:], len(one)) - 1],
        np.fmin.reduceat(one.low, starts, axis=1),
        np.fmax.reduceat(one.high, starts, axis=1),
        np.logical_or.reduceat(one.nan, starts, axis=1),
        np.logical_and.reduceat(one.null, starts, axis=1),
    )
