"""Reading what a study measured, as criteria need it.

What is missing raises `MissingEvidence`, which leaves a claim inconclusive; NaN and infinities are
results like any other, and no criterion holds of them.
"""

import math
from collections.abc import Iterable, Sequence
from statistics import linear_regression

import numpy as np

from .claims import Evidence
from .errors import MissingEvidence
from .intervals import OverSeeds, mean


def values(evidence: Evidence, quantity: str, series: str) -> dict[tuple[int, float], float]:
    """One line of a chart: (seed, x) → value, in the order in which it was measured.

    Raises:
        MissingEvidence: It was not measured.
    """
    found = {
        (m.seed, m.x): m.value
        for m in evidence.measurements
        if (m.quantity, m.series) == (quantity, series)
    }
    if not found:
        raise MissingEvidence(f"{quantity} of {series} was not measured.")
    return found


def by_seed(evidence: Evidence, quantity: str, series: str, x: float) -> list[float]:
    """The value at one x with each seed.

    Raises:
        MissingEvidence: It was not measured there.
    """
    found = [value for (_, at), value in values(evidence, quantity, series).items() if at == x]
    if not found:
        raise MissingEvidence(f"{quantity} of {series} was not measured at {x:,g}.")
    return found


def greatest(numbers: Iterable[float]) -> float:
    """The largest of them; NaN where one is NaN, which Python's max would drop."""
    found = list(numbers)
    return math.nan if any(map(math.isnan, found)) else max(found)


def least(numbers: Iterable[float]) -> float:
    """The smallest of them; NaN where one is NaN."""
    return -greatest(-number for number in numbers)


def largest(evidence: Evidence, quantity: str, *series: str) -> float:
    """The largest value of these series, whatever the seed and x; NaN where one of them is NaN.

    Raises:
        MissingEvidence: One of them was not measured.
    """
    return greatest(v for name in series for v in values(evidence, quantity, name).values())


def at_end(evidence: Evidence, quantity: str, series: str) -> list[float]:
    """The value at the largest x with each seed.

    Raises:
        MissingEvidence: It was not measured.
    """
    found = values(evidence, quantity, series)
    return by_seed(evidence, quantity, series, max(x for _, x in found))


def gap(one: Sequence[float], other: Sequence[float]) -> OverSeeds:
    """The mean of one − other, seed by seed, with its interval.

    Raises:
        MissingEvidence: One has a seed that the other has not.
    """
    return mean([a - b for a, b in _twins(one, other)])


def quotients(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """One ÷ other, seed by seed; by 0 it is infinite, and 0 ÷ 0 is NaN.

    Raises:
        MissingEvidence: One has a seed that the other has not.
    """
    with np.errstate(all="ignore"):
        return [float(np.float64(a) / b) for a, b in _twins(one, other)]


def exponents(evidence: Evidence, quantity: str, series: str) -> list[float]:
    """With each seed the slope of log value against log x; NaN where a value has no logarithm.

    Raises:
        MissingEvidence: A seed has values at fewer than two x.
    """
    found = values(evidence, quantity, series)
    slopes: list[float] = []
    for seed in dict.fromkeys(seed for seed, _ in found):
        line = {x: value for (of, x), value in found.items() if of == seed}
        if len(line) < 2:
            raise MissingEvidence(f"{quantity} of {series} was measured at {len(line)} x alone.")
        drawn = all(0 < value < math.inf for value in line.values())
        logs = [(math.log(x), math.log(value)) for x, value in line.items()] if drawn else []
        slopes.append(linear_regression(*zip(*logs, strict=True)).slope if logs else math.nan)
    return slopes


def _twins(one: Sequence[float], other: Sequence[float]) -> list[tuple[float, float]]:
    if len(one) != len(other):
        raise MissingEvidence("Not every seed measured both of what is compared.")
    return list(zip(one, other, strict=True))
