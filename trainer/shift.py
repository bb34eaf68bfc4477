"""How far a layer's preactivation distribution moved between two records."""

from typing import Any

import numpy as np

from .statistics import Array, finite_part, namespace, on_host


def wasserstein(a: np.ndarray, b: np.ndarray) -> float:
    """1-Wasserstein distance between two samples, sorted, of any sizes: ∫₀¹ |Q_a − Q_b| du.

    NaN when one of them is empty. With equal sizes it is the mean of |a₍ᵢ₎ − b₍ᵢ₎|.
    """
    if len(a) == 0 or len(b) == 0:
        return float("nan")
    a, b = a.astype(np.float64), b.astype(np.float64)
    # both quantile functions are steps: they only change at i/len(a) and j/len(b)
    ends = np.union1d(np.arange(1, len(a) + 1) / len(a), np.arange(1, len(b) + 1) / len(b))
    widths = np.diff(ends, prepend=0)
    middle = ends - widths / 2
    a_at = a[np.minimum((middle * len(a)).astype(int), len(a) - 1)]
    b_at = b[np.minimum((middle * len(b)).astype(int), len(b) - 1)]
    return float(np.abs(a_at - b_at) @ widths)


Past = tuple[np.ndarray, float]
"""Sorted values (m,) and std of an earlier record."""


@np.errstate(all="ignore")
def shift(ordered: Array, std: Array, reference: Array, reference_std: Array) -> Array:
    """W1 between each record and its reference, in units of their pooled std: (n,).

    The pooled std is √((σ² + σ_ref²) / 2). Where it is 0 the shift is 0 if nothing moved and
    infinite otherwise. Only finite values count. Arrays are numpy's or torch's.

    Args:
        ordered: Sorted values of the records, (n, m).
        std: Their standard deviations, (n,).
        reference: Sorted values to compare with, (n, m), or (1, m) for all.
        reference_std: Their standard deviations, (n,) or (1,).
    """
    xp = namespace(ordered)
    distance = distances(ordered, reference, std.dtype)
    clear = xp.isfinite(distance)
    if not bool(xp.all(clear)):
        for row in np.flatnonzero(~on_host(clear)).tolist():
            values = finite_part(on_host(ordered[row]))
            past = finite_part(on_host(reference[min(row, len(reference) - 1)]))
            distance[row] = wasserstein(values, past)
    return in_stds(distance, std, reference_std)


@np.errstate(all="ignore")
def distances(ordered: Array, reference: Array, dtype: Any) -> Array:
    """W1 between sorted values along the last axis, without a look at them.

    Not finite where a value is not, and where float32 overflowed.
    """
    xp = namespace(ordered)
    apart = ordered - reference
    apart = xp.abs(apart, out=apart)  # not of the standard, but of both libraries
    # divided in float64, because what is left of denormal numbers would be rounded away
    return xp.astype(xp.sum(apart, axis=-1), dtype) / apart.shape[-1]


@np.errstate(all="ignore")
def in_stds(distance: Array, std: Array, reference_std: Array) -> Array:
    """Distances in units of the pooled std."""
    xp = namespace(distance)
    pooled = ((std**2 + reference_std**2) / 2) ** 0.5
    is_still = (distance == 0) & (pooled == 0)
    return xp.where(is_still, xp.zeros_like(distance), distance / pooled)


def shift_of_sizes(record: Past, reference: Past) -> float:
    """`shift` of one record whose reference may have another number of values."""
    if len(record[0]) == len(reference[0]):
        of_one = [np.array([std]) for std in (record[1], reference[1])]
        return float(shift(record[0][None], of_one[0], reference[0][None], of_one[1])[0])
    distance = wasserstein(finite_part(record[0]), finite_part(reference[0]))
    pooled = np.sqrt((record[1] ** 2 + reference[1] ** 2) / 2)
    if distance == 0 and pooled == 0:
        return 0.0
    with np.errstate(all="ignore"):
        return float(np.float64(distance) / pooled)
