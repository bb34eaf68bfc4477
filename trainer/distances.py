"""How far each unit's preactivation moved between two looks at one probe, and what chance gives.

Nothing here needs torch. Formulas and floors: docs/statistics.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .shift import wasserstein
from .statistics import finite_part

DISTANCES = ("w1", "ks", "psi", "js", "mean_shift", "scale_shift", "median_shift")
BINS = 32
REACH = 4.0
"""Bins are equally wide from −4 to 4 stds around the reference's mean; the outermost are open."""
SMOOTHING = 0.5
"""Added to the count of each bin, so that an empty one makes no distance infinite."""
FLOOR_PAIRS = 400


@dataclass(frozen=True)
class UnitSample:
    """What the units of one layer were on the probe.

    Attributes:
        ordered: float32, (units, examples): each unit's finite values, ascending; NaN behind them.
        finite: How many each unit has, (units,).
        mean: Of them, float64, (units,); NaN where there are none. `std` (divided by n) likewise.
        percentiles: The 15th, 50th and 85th, linear between order statistics, (3, units).
        edges: float32, (units, BINS − 1): between the bins that this sample has as a reference.
        below: How many values are not above each edge, (units, BINS − 1).
    """

    ordered: np.ndarray
    finite: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    percentiles: np.ndarray
    edges: np.ndarray
    below: np.ndarray

    @property
    def nonfinite(self) -> int:
        """How many values are NaN or infinite."""
        return int(self.ordered.size - self.finite.sum())

    @property
    def spread(self) -> np.ndarray:
        """From the 15th percentile to the 85th, (units,)."""
        return self.percentiles[2] - self.percentiles[0]


@np.errstate(all="ignore")
def unit_sample(values: np.ndarray) -> UnitSample:
    """Values of shape (units, examples), those that are not finite left out."""
    is_finite = np.isfinite(values)
    finite = is_finite.sum(1)
    ordered = np.sort(np.where(is_finite, values, np.float32(np.nan)), axis=1)
    wide = np.where(is_finite, values, 0).astype(np.float64)
    mean = wide.sum(1) / finite
    std = np.sqrt((np.where(is_finite, wide - mean[:, None], 0) ** 2).sum(1) / finite)
    inner = np.linspace(-REACH, REACH, BINS + 1)[1:-1]
    edges = (mean[:, None] + std[:, None] * inner).astype(np.float32)
    percentiles = _percentiles(ordered, finite)
    below = _below(ordered, finite, edges)
    return UnitSample(ordered, finite, mean, std, percentiles, edges, below)


@np.errstate(all="ignore")
def unit_distances(sample: UnitSample, reference: UnitSample) -> dict[str, np.ndarray]:
    """Each of `DISTANCES` of every unit from its reference, (units,).

    NaN where a unit has no finite value in one of the two. A reference that is constant has no std
    to measure by: what moved away from it is infinitely far in all but `ks`, `psi` and `js`.
    """
    p, q = (sample.finite[:, None], reference.finite[:, None])
    below, reference_below = _below(sample.ordered, sample.finite, reference.edges), reference.below
    ks = np.abs(below / p - reference_below / q).max(1)
    shares, reference_shares = _shares(below, p), _shares(reference_below, q)
    middle = (shares + reference_shares) / 2
    psi = ((shares - reference_shares) * np.log(shares / reference_shares)).sum(1)
    js = (_relative_entropy(shares, middle) + _relative_entropy(reference_shares, middle)) / 2
    found = {
        "w1": _in_units_of(_apart(sample, reference), reference.std),
        "ks": ks,
        "psi": psi,
        "js": js,
        "mean_shift": _in_units_of(np.abs(sample.mean - reference.mean), reference.std),
        "scale_shift": np.where(
            sample.std == reference.std, 0.0, np.abs(np.log(sample.std / reference.std))
        ),
        "median_shift": _in_units_of(
            np.abs(sample.percentiles[1] - reference.percentiles[1]), reference.spread / 2
        ),
    }
    is_empty = (sample.finite == 0) | (reference.finite == 0)
    return {name: np.where(is_empty, np.nan, values) for name, values in found.items()}


@lru_cache
def null_floor(examples: int) -> Mapping[str, float]:
    """What each distance is on average between two samples of one normal distribution.

    The mean of 400 pairs that are the same whenever it is asked, each sample of that many values.
    """
    drawn = np.random.default_rng(0).standard_normal((2, FLOOR_PAIRS, examples)).astype(np.float32)
    found = unit_distances(unit_sample(drawn[0]), unit_sample(drawn[1]))
    return {name: float(values.mean()) for name, values in found.items()}


def _percentiles(ordered: np.ndarray, finite: np.ndarray) -> np.ndarray:
    last = np.maximum(finite - 1, 0)
    at = np.array([[0.15], [0.5], [0.85]]) * last
    lower = np.floor(at).astype(int)
    units = np.arange(len(last))
    low = ordered[units, lower].astype(np.float64)
    high = ordered[units, np.minimum(lower + 1, last)].astype(np.float64)
    return low + (high - low) * (at - lower)


def _below(ordered: np.ndarray, finite: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many values of each unit are not above each of its edges: (units, edges)."""
    return np.stack(
        [
            np.searchsorted(values[:count], at, side="right")
            for values, count, at in zip(ordered, finite, edges, strict=True)
        ]
    )


def _shares(below: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Smoothed shares of the bins: (units, BINS)."""
    counts = np.diff(np.concatenate([np.zeros_like(count), below, count], axis=1), axis=1)
    return (counts + SMOOTHING) / (count + SMOOTHING * BINS)


def _relative_entropy(shares: np.ndarray, others: np.ndarray) -> np.ndarray:
    return (shares * np.log(shares / others)).sum(1)


def _apart(sample: UnitSample, reference: UnitSample) -> np.ndarray:
    """W1 between the values of each unit, (units,)."""
    is_alike = sample.ordered.shape == reference.ordered.shape
    if not is_alike or sample.nonfinite or reference.nonfinite:
        pairs = zip(sample.ordered, reference.ordered, strict=True)
        return np.array([wasserstein(finite_part(a), finite_part(b)) for a, b in pairs])
    apart = sample.ordered.astype(np.float64)
    apart -= reference.ordered
    return np.abs(apart, out=apart).mean(1)


def _in_units_of(distance: np.ndarray, size: np.ndarray) -> np.ndarray:
    return np.where((distance == 0) & (size == 0), 0.0, distance / size)
