"""What is computed of a layer: pure functions, arrays in, one number for each record out.

Arrays carry the records of a stretch of steps along their first axis, n. Statistics are computed
over finite elements, in float64 where float32 could lose them; docs/statistics.md defines each.
"""

import math

import numpy as np

PERCENTILES = {
    "p01": 1, "p05": 5, "p15": 15, "p25": 25, "p50": 50, "p75": 75, "p85": 85, "p95": 95, "p99": 99,
}  # fmt: skip
SAFE_LOW, SAFE_HIGH = 1e-12, 1e15
"""Magnitudes whose squares float32 holds."""
EXACT_UP_TO = 65_536
"""Elements of a record up to which percentiles are exact."""

FLAT_BELOW: dict[str, tuple[float, float]] = {
    # |f'(z)| < 5 % of its maximum exactly where z is below the first or above the second bound
    "sigmoid": (-math.log(39 + math.sqrt(39**2 - 1)), math.log(39 + math.sqrt(39**2 - 1))),
    "tanh": (-math.acosh(math.sqrt(20)), math.acosh(math.sqrt(20))),
    "relu": (0.0, math.inf),
    "none": (-math.inf, math.inf),
}
ZERO_UP_TO = {
    # f(z) is exactly 0 in float32 for z up to this bound; None: only where z is 0
    "sigmoid": -math.log(np.finfo(np.float32).max),  # below it exp(−z) overflows
    "tanh": None,
    "relu": 0.0,
    "none": None,
}

Columns = dict[str, np.ndarray]


def preactivation(z: np.ndarray, activation: str) -> tuple[Columns, np.ndarray]:
    """Moments, percentiles and saturation of the preactivations of one layer.

    Args:
        z: float32, (n, batch, …, units).
        activation: Name of the nonlinearity that z enters.

    Returns:
        The columns from `mean` to `dead` and `nonfinite`, each (n,), and the sorted values
        (n, m) that percentiles and shift rest on, non-finite ones at the ends.
    """
    flat = z.reshape(len(z), -1)
    ordered = np.sort(subsample(flat, z.shape[-1]), axis=1)
    low, high = flat.min(axis=1), flat.max(axis=1)  # NaN if there is one
    finite = np.isfinite(low) & np.isfinite(high)
    columns = _of_finite(flat, ordered, activation)
    columns["min"], columns["max"] = low.astype(np.float64), high.astype(np.float64)
    columns["dead"] = dead(z, activation)
    columns["nonfinite"] = np.zeros(len(z), np.int64)
    for row in np.flatnonzero(~finite):
        _replace_by_finite(columns, int(row), flat[row], ordered[row], activation)
    return columns, ordered


def _of_finite(flat: np.ndarray, ordered: np.ndarray, activation: str) -> Columns:
    mean, variance = moments(flat, axis=1)
    below, above = FLAT_BELOW[activation]
    columns = {"mean": mean, "std": np.sqrt(variance)}
    columns |= dict(zip(PERCENTILES, percentiles(ordered, list(PERCENTILES.values())), strict=True))
    if math.isinf(above):  # one-sided: ReLU is flat up to and with 0
        saturated = np.count_nonzero(flat <= below, axis=1)
    else:
        saturated = np.count_nonzero(np.abs(flat) > above, axis=1)
    columns["saturated"] = saturated / flat.shape[1]
    return columns


def _replace_by_finite(
    columns: Columns, row: int, flat: np.ndarray, ordered: np.ndarray, activation: str
) -> None:
    """Recompute one record over its finite elements; NaN where there are none."""
    kept = flat[np.isfinite(flat)]
    columns["nonfinite"][row] = len(flat) - len(kept)
    names = [name for name in columns if name not in {"dead", "nonfinite"}]
    if len(kept) == 0:
        for name in names:
            columns[name][row] = np.nan
        return
    alone = _of_finite(kept[None], finite_part(ordered)[None], activation)
    alone["min"], alone["max"] = kept.min(keepdims=True), kept.max(keepdims=True)
    for name in names:
        columns[name][row] = alone[name][0]


def moments(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and (biased) variance along an axis, in float64.

    Two passes in float32 with a correction for the rounded mean (Chan, Golub & LeVeque 1983),
    several times faster than float64 and as good as the values themselves; where squares would
    leave float32's range, in float64.
    """
    with np.errstate(all="ignore"):
        scale = np.abs(values).max(axis=axis)
        if np.any((scale < SAFE_LOW) & (scale > 0)) or not np.all(scale < SAFE_HIGH):
            values = values.astype(np.float64)
        centre = values.mean(axis=axis, keepdims=True)
        rest = values - centre
        correction = rest.mean(axis=axis).astype(np.float64)
        rest *= rest
        variance = rest.mean(axis=axis).astype(np.float64) - correction**2
        return centre.squeeze(axis).astype(np.float64) + correction, np.maximum(variance, 0)


def subsample(flat: np.ndarray, units: int) -> np.ndarray:
    """Every k-th element of (n, m) where m is above `EXACT_UP_TO`, else all of them.

    k shares no factor with the number of units, so that no unit is left out; at least 16,384
    elements remain.
    """
    stride = -(-flat.shape[1] // EXACT_UP_TO)
    while math.gcd(stride, units) > 1 and stride > 1:
        stride += 1
    return flat[:, ::stride]


def finite_part(ordered: np.ndarray) -> np.ndarray:
    """The finite values of a sorted (m,): without −∞ at its start, ∞ and NaN at its end."""
    return ordered[np.isfinite(ordered)]


def percentiles(ordered: np.ndarray, percents: list[int]) -> np.ndarray:
    """Percentiles of sorted (n, m), as (len(percents), n), linear between the order statistics.

    The definition is numpy's default (Hyndman & Fan 1996, type 7).
    """
    at = np.asarray(percents, np.float64) / 100 * (ordered.shape[1] - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, ordered.shape[1] - 1)
    below = ordered[:, low].astype(np.float64)
    with np.errstate(invalid="ignore"):
        return (below + (ordered[:, high] - below) * (at - low)).T


def dead(z: np.ndarray, activation: str) -> np.ndarray:
    """Share of units whose output is 0 for the whole batch, (n,)."""
    bound = ZERO_UP_TO[activation]
    if bound is None:
        units = z.reshape(len(z), -1, z.shape[-1])
        return (units == 0).all(axis=1).mean(axis=1)
    highest = z.reshape(len(z), -1, z.shape[-1]).max(axis=1)
    return (highest <= bound).mean(axis=1)


def drift(
    x: np.ndarray, running_mean: np.ndarray, running_var: np.ndarray, epsilon: float
) -> Columns:
    """How far BatchNorm's running statistics are from the batch's own.

    mean_drift is the root mean square over channels of |running_mean − batch_mean| /
    √(running_var + ε); var_drift that of |ln((running_var + ε) / (batch_var + ε))|, with the
    unbiased batch variance, which is what the running one averages.

    Args:
        x: float32, (n, batch, …, channels): what enters BatchNorm.
        running_mean: float32, (n, channels): before this batch was mixed in.
        running_var: float32, (n, channels): likewise.
        epsilon: BatchNorm's ε.
    """
    rows = x.reshape(len(x), -1, x.shape[-1])
    mean, biased = moments(rows, axis=1)
    var = biased * (rows.shape[1] / (rows.shape[1] - 1))
    known = running_var.astype(np.float64) + epsilon
    with np.errstate(all="ignore"):
        mean_distance = (running_mean - mean) / np.sqrt(known)
        log_ratio = np.log(known / (var + epsilon))
    return {"mean_drift": _rms(mean_distance), "var_drift": _rms(log_ratio)}


def affine(gamma: np.ndarray, beta: np.ndarray) -> Columns:
    """BatchNorm's scale and shift over channels: (n, channels) each."""
    with np.errstate(all="ignore"):
        return {
            "gamma_mean": gamma.mean(axis=1, dtype=np.float64),
            "gamma_min": gamma.min(axis=1).astype(np.float64),
            "gamma_max": gamma.max(axis=1).astype(np.float64),
            "beta_mean": beta.mean(axis=1, dtype=np.float64),
            "beta_std": beta.std(axis=1, dtype=np.float64),
        }


def accuracy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Share of examples whose largest logit is their label's: (n, batch, classes) → (n,).

    An example with a logit that is NaN counts as wrong.
    """
    right = logits.argmax(axis=2) == labels
    right &= ~np.isnan(logits).any(axis=2)
    return right.mean(axis=1)


def _rms(values: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.sqrt(np.mean(values**2, axis=1))
