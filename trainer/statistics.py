"""What is computed of a layer: pure functions, arrays in, one number for each record out.

Arrays are numpy's or torch's, on any device; results are of the same kind and place, in float64
(float32 on Apple's MPS, which has no other). They carry the records of a stretch of steps along
their first axis, n. Statistics are computed over finite elements; docs/statistics.md defines each.

On a GPU nothing here waits for the device but one look, in `preactivation` and in `shift`, whether
anything is not finite; only such records are finished on the host. `of_finite` does without it.
"""

import functools
import math
from typing import Any, Literal

import array_api_compat
import numpy as np

from .nonlinearities import NONLINEARITIES, Intervals
from .sampling import Sampling

PERCENTILES = {
    "p01": 1, "p05": 5, "p15": 15, "p25": 25, "p50": 50, "p75": 75, "p85": 85, "p95": 95, "p99": 99,
}  # fmt: skip

MODERATE = 40
"""Up to which power of two, either way, sums of squares of values are at ease in float32."""

Array = Any
"""A numpy array or a torch tensor."""
Columns = dict[str, Array]


@np.errstate(all="ignore")
def preactivation(z: Array, activation: str, sampling: Sampling) -> tuple[Columns, Array]:
    """Moments, percentiles and saturation of the preactivations of one layer.

    Args:
        z: float32, (n, sampling.size): what `sampling` keeps of each record, in its order.
        activation: Name of the nonlinearity that z enters; of one that `NONLINEARITIES` does not
            have, `saturated` and `dead` do not apply and are not among the columns.
        sampling: Which elements z holds.

    Returns:
        The columns from `mean` to `dead` and `nonfinite`, each (n,), and z sorted, (n, size), on
        which percentiles and shift rest: −∞ at the start, ∞ and NaN at the end.
    """
    xp = namespace(z)
    columns, finite, ordered = of_finite(z, activation, sampling)
    nonfinite = xp.zeros_like(finite, dtype=xp.int64)
    if not bool(xp.all(finite)):
        for row in np.flatnonzero(~on_host(finite)).tolist():
            kept = finite_part(on_host(ordered[row]))
            nonfinite[row] = ordered.shape[1] - len(kept)
            alone = _of_ordered(kept[None], activation) if len(kept) else {}
            for name in columns.keys() - {"dead"}:  # which takes infinite values as they are
                columns[name][row] = float(alone[name][0]) if alone else np.nan
    return columns | {"nonfinite": nonfinite}, ordered


@np.errstate(all="ignore")
def of_finite(z: Array, activation: str, sampling: Sampling) -> tuple[Columns, Array, Array]:
    """`preactivation` without a look at the values, for records that are finite.

    Returns:
        Its columns but for `nonfinite`, as `finite_columns` names them; which records are finite,
        (n,), the columns of others being arbitrary but for `dead`; and z sorted.
    """
    xp = namespace(z)
    ordered = xp.sort(z, axis=1, stable=False)
    columns = _of_ordered(ordered, activation)
    nonlinearity = NONLINEARITIES.get(activation)
    if nonlinearity and sampling.unit_axis is not None:
        columns["dead"] = _dead(z, nonlinearity.zero, sampling)
    finite = xp.isfinite(ordered[:, 0]) & xp.isfinite(ordered[:, -1])
    return columns, finite, ordered


def finite_columns(activation: str, sampling: Sampling) -> tuple[str, ...]:
    """What `of_finite` computes of a layer."""
    is_known = activation in NONLINEARITIES
    has_units = sampling.unit_axis is not None
    return (
        *("mean", "std", "min", "max", *PERCENTILES),
        *(["saturated"] if is_known else []),
        *(["dead"] if is_known and has_units else []),
    )


def _of_ordered(ordered: Array, activation: str) -> Columns:
    """The statistics of sorted, finite (n, m); order is no loss, and its ends are known."""
    mean, variance = moments(ordered)
    columns = {"mean": mean, "std": variance**0.5}
    columns |= {"min": _real(ordered[:, 0]), "max": _real(ordered[:, -1])}
    found = percentiles(ordered)
    columns |= {name: found[:, at] for at, name in enumerate(PERCENTILES)}
    if activation in NONLINEARITIES:
        columns["saturated"] = _share_of_ordered(ordered, NONLINEARITIES[activation].flat)
    return columns


def moments(ordered: Array) -> tuple[Array, Array]:
    """Mean and (biased) variance of sorted float32 (n, m).

    Two passes in float32 with a correction for the rounded mean (Chan, Golub & LeVeque 1983),
    several times faster than float64 and as good as the values themselves. Records of extreme
    magnitude are first brought to 1 by a power of two, which is exact, so that no square overflows
    or vanishes.
    """
    xp = namespace(ordered)
    largest = xp.maximum(xp.abs(ordered[:, 0]), xp.abs(ordered[:, -1]))
    exponent = xp.clip(xp.floor(xp.log2(_real(largest))), -126, 126)
    factor = 2.0 ** -xp.where(xp.abs(exponent) < MODERATE, 0.0, exponent)
    is_numpy = isinstance(ordered, np.ndarray)  # a GPU would have to be waited for
    if not is_numpy or (factor != 1).any():
        ordered = ordered * xp.astype(factor, ordered.dtype)[:, None]
    centre = xp.mean(ordered, axis=1)
    rest = ordered - centre[:, None]
    correction = _real(xp.mean(rest, axis=1))
    # for tensors vecdot is a matrix product, which adds up one by one, on a GPU perhaps in TF32
    squares = xp.vecdot(rest, rest, axis=1) if is_numpy else xp.sum(rest * rest, axis=1)
    variance = _real(squares) / rest.shape[1] - correction**2
    return (_real(centre) + correction) / factor, xp.clip(variance, 0, None) / factor**2


def percentiles(ordered: Array) -> Array:
    """`PERCENTILES` of sorted (n, m), linear between the two nearest order statistics: (n, 9).

    The definition is numpy's default (Hyndman & Fan 1996, type 7).
    """
    xp = namespace(ordered)
    at, weight = _order_statistics(ordered.shape[1], xp, array_api_compat.device(ordered))
    nearest = _real(xp.take(ordered, at, axis=1))
    below, above = nearest[:, : len(PERCENTILES)], nearest[:, len(PERCENTILES) :]
    return below + (above - below) * weight


@functools.lru_cache(maxsize=1024)
def _order_statistics(size: int, xp: Any, device: Any) -> tuple[Array, Array]:
    """Where in a sorted record the values below all percentiles are, then those above; and how far
    the percentiles are from the former."""
    places = np.array(list(PERCENTILES.values())) / 100 * (size - 1)
    below = places.astype(np.int64)
    at = np.concatenate([below, np.minimum(below + 1, size - 1)])
    weight = (places - below).astype(np.float32 if _is_mps(device) else np.float64)
    return xp.asarray(at, device=device), xp.asarray(weight, device=device)


def _dead(z: Array, zero: Intervals, sampling: Sampling) -> Array:
    """Share of units whose output is 0 in every kept element, of those that have one."""
    xp = namespace(z)
    of_cycle = _all_of_cycles(_within(z, zero), sampling.cycle)
    members = _members(sampling, xp, array_api_compat.device(z))
    return _share(xp.all(of_cycle[:, members], axis=2), axis=1)


def _all_of_cycles(mask: Array, cycle: int) -> Array:
    """Whether a mask is true in every cycle: (n, size) → (n, cycle), or (n, size) if shorter."""
    xp = namespace(mask)
    count, size = mask.shape
    cycles = size // cycle
    if cycles == 0:
        return mask
    together = math.gcd(cycles, 64)  # long rows, which both libraries are much faster on
    whole = xp.reshape(mask[:, : cycles * cycle], (count, cycles // together, -1))
    found = xp.all(xp.reshape(xp.all(whole, axis=1), (count, together, cycle)), axis=1)
    found[:, : size - cycles * cycle] &= mask[:, cycles * cycle :]
    return found


def _share_of_ordered(ordered: Array, intervals: Intervals) -> Array:
    """Share of sorted, finite (n, m) that lies in some closed intervals: (n,)."""
    xp = namespace(ordered)
    inside = xp.zeros_like(ordered[:, 0], dtype=xp.int64)
    for low, high in intervals:
        inside += _count(ordered, high, "right") - _count(ordered, low, "left")
    return _real(inside) / ordered.shape[1]


def _count(ordered: Array, bound: float, side: Literal["left", "right"]) -> Array:
    """How many values of sorted, finite (n, m) are below a bound, or (right) up to it: (n,)."""
    xp = namespace(ordered)
    if isinstance(ordered, np.ndarray):  # which searches one row at a time
        of_type = ordered.dtype.type(bound)
        return np.array([row.searchsorted(of_type, side) for row in ordered])
    bounds = xp.full_like(ordered[:, :1], bound)
    return xp.searchsorted(ordered, bounds, side=side)[:, 0]


@functools.lru_cache(maxsize=1024)
def _members(sampling: Sampling, xp: Any, device: Any) -> Array:
    """`sampling.members` where they are needed; copying them makes a GPU wait."""
    return xp.asarray(sampling.members, device=device)


def _within(values: Array, intervals: Intervals) -> Array:
    """Where values lie in one of some closed intervals; NaN lies in none."""
    xp = namespace(values)
    inside = None
    for low, high in intervals:
        if low == -np.inf:
            one = values <= high
        elif high == np.inf:
            one = values >= low
        else:
            one = (values >= low) & (values <= high)
        inside = one if inside is None else inside | one
    return xp.zeros_like(values, dtype=xp.bool) if inside is None else inside


@np.errstate(all="ignore")
def drift(
    mean_before: Array,
    var_before: Array,
    mean_after: Array,
    var_after: Array,
    momentum: float | Array,
    epsilon: float,
) -> Columns:
    """How far BatchNorm's running statistics are from the batch's own.

    mean_drift is the root mean square over channels of |running mean − batch mean| /
    √(running variance + ε); var_drift that of |ln((running variance + ε) / (batch variance + ε))|,
    with the unbiased batch variance, which is what the running one averages.

    The batch's statistics are solved for from what they did to the running ones,
    running ← (1 − momentum) · running + momentum · batch, so that nobody needs to keep a layer's
    input. That running statistics are float32 costs a batch mean about 2⁻²⁴ |running mean| /
    momentum and a batch variance 2⁻²⁴ running variance / momentum; one that this makes negative
    is taken for 0.

    Args:
        mean_before: float32, (n, channels): running mean before this batch was mixed in.
        var_before: Running variance, likewise.
        mean_after: Running mean once it was mixed in.
        var_after: Running variance, likewise.
        momentum: BatchNorm's, of all records or (n,) of each: 1 / (batches so far) where
            PyTorch's is None.
        epsilon: BatchNorm's ε.

    Returns:
        The columns, (n,). Drift does not apply where momentum is 0 or NaN, because the batch left
        no trace: there are no columns if it is one number, and NaN in such records if it is an
        array, whose caller knows which to leave out.
    """
    xp = namespace(mean_before)
    if getattr(momentum, "shape", ()):
        weight = xp.where(momentum > 0, momentum, xp.nan)[:, None]
    elif momentum > 0:
        weight = float(momentum)
    else:
        return {}
    mean, var = _real(mean_before), _real(var_before)
    batch_var = xp.clip(var + (_real(var_after) - var) / weight, 0, None)
    return {
        # running − batch is (before − after) / momentum
        "mean_drift": _rms((mean - _real(mean_after)) / weight / (var + epsilon) ** 0.5),
        "var_drift": _rms(xp.log((var + epsilon) / (batch_var + epsilon))),
    }


@np.errstate(all="ignore")
def scale(gamma: Array) -> Columns:
    """A norm's scale γ over units: (n, units)."""
    xp = namespace(gamma)
    gamma = _real(gamma)
    return {
        "gamma_mean": xp.mean(gamma, axis=1),
        "gamma_min": xp.min(gamma, axis=1),
        "gamma_max": xp.max(gamma, axis=1),
    }


def offset(beta: Array) -> Columns:
    """A norm's shift β over units: (n, units)."""
    xp = namespace(beta)
    beta = _real(beta)
    return {"beta_mean": xp.mean(beta, axis=1), "beta_std": xp.std(beta, axis=1)}


def accuracy(logits: Array, labels: Array) -> Array:
    """Share of examples whose largest logit is their label's: (n, batch, classes) → (n,).

    An example with a logit that is NaN counts as wrong.
    """
    xp = namespace(logits)
    right = xp.argmax(logits, axis=2) == labels
    return _share(right & ~xp.any(xp.isnan(logits), axis=2), axis=1)


def finite_part(ordered: np.ndarray) -> np.ndarray:
    """The finite values of a sorted (m,): without −∞ at its start, ∞ and NaN at its end."""
    return ordered[np.isfinite(ordered)]


def on_host(values: Array) -> np.ndarray:
    """Values as a numpy array; a GPU is waited for."""
    return np.asarray(array_api_compat.to_device(values, "cpu"))


def _share(mask: Array, axis: int) -> Array:
    """Share of an axis that is true."""
    xp = namespace(mask)
    return _real(xp.count_nonzero(mask, axis=axis)) / mask.shape[axis]


def namespace(array: Array) -> Any:
    """The library of an array, without the search that a host's many small calls would pay for."""
    return np if isinstance(array, np.ndarray) else array_api_compat.array_namespace(array)


def _is_mps(device: Any) -> bool:
    return getattr(device, "type", None) == "mps"


def _real(values: Array) -> Array:
    """Values in the precision of results."""
    if isinstance(values, np.ndarray):
        return values.astype(np.float64)
    precise = "float32" if _is_mps(array_api_compat.device(values)) else "float64"
    xp = namespace(values)
    return xp.astype(values, getattr(xp, precise))


def _rms(values: Array) -> Array:
    return namespace(values).mean(values**2, axis=1) ** 0.5
