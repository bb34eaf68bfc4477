"""Reading what a study measured, as criteria need it."""

import math
from collections.abc import Sequence

from .claims import Evidence
from .intervals import OverSeeds, mean


def values(evidence: Evidence, quantity: str, series: str) -> dict[tuple[int, float], float]:
    """One line of a chart: (seed, x) → value, in the order in which it was measured."""
    return {
        (m.seed, m.x): m.value
        for m in evidence.measurements
        if (m.quantity, m.series) == (quantity, series)
    }


def by_seed(evidence: Evidence, quantity: str, series: str, x: float) -> list[float]:
    """The value at one x with each seed."""
    return [value for (_, at), value in values(evidence, quantity, series).items() if at == x]


def largest(evidence: Evidence, quantity: str, *series: str) -> float:
    """The largest value of these series, whatever the seed and x; NaN where one of them is NaN."""
    found = [value for name in series for value in values(evidence, quantity, name).values()]
    return math.nan if any(map(math.isnan, found)) else max(found)


def at_end(evidence: Evidence, quantity: str, series: str) -> list[float]:
    """The value at the largest x with each seed."""
    found = values(evidence, quantity, series)
    return by_seed(evidence, quantity, series, max(x for _, x in found))


def gap(one: Sequence[float], other: Sequence[float]) -> OverSeeds:
    """The mean of one − other, seed by seed, with its interval."""
    return mean([a - b for a, b in zip(one, other, strict=True)])
