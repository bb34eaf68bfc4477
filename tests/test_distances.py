"""Distances between two looks at one unit: against slow twins, with their floors, and with NaN."""

import math

import numpy as np
import pytest

from shiftscope.trainer.distances import (
    BINS,
    DISTANCES,
    REACH,
    null_floor,
    unit_distances,
    unit_sample,
)

FLOORS = {  # experiments.md, from 400 trials of its own: W1/σ, KS (32 bins), PSI, JS
    250: (0.115, 0.060, 0.159, 0.019),
    1000: (0.057, 0.031, 0.049, 0.006),
    2000: (0.040, 0.022, 0.026, 0.003),
}


def slow(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """The same of one unit, by the formulas of docs/statistics.md in float64."""
    edges = (y.mean() + y.std() * np.linspace(-REACH, REACH, BINS + 1)[1:-1]).astype(np.float32)
    counts = [
        np.bincount(np.searchsorted(edges, values, side="left"), minlength=BINS)
        for values in (x, y)
    ]
    ks = max(abs(np.mean(x <= edge) - np.mean(y <= edge)) for edge in edges)
    p, q = ((count + 0.5) / (len(x) + BINS / 2) for count in counts)
    m = (p + q) / 2
    (_, x50, _), (y15, y50, y85) = (np.percentile(values, [15, 50, 85]) for values in (x, y))
    return {
        "w1": np.abs(np.sort(x) - np.sort(y)).mean() / y.std(),
        "ks": ks,
        "psi": ((p - q) * np.log(p / q)).sum(),
        "js": (p * np.log(p / m) + q * np.log(q / m)).sum() / 2,
        "mean_shift": abs(x.mean() - y.mean()) / y.std(),
        "scale_shift": abs(math.log(x.std() / y.std())),
        "median_shift": abs(x50 - y50) / ((y85 - y15) / 2),
    }


def test_distances_are_those_of_the_formulas() -> None:
    generator = np.random.default_rng(1)
    now = generator.normal(0.3, 1.4, (7, 501)).astype(np.float32)
    reference = generator.standard_t(3, (7, 501)).astype(np.float32)
    found = unit_distances(unit_sample(now), unit_sample(reference))
    assert tuple(found) == DISTANCES
    for unit in range(7):
        wanted = slow(now[unit].astype(np.float64), reference[unit].astype(np.float64))
        for name, value in wanted.items():
            assert found[name][unit] == pytest.approx(value, rel=1e-6), name


def test_nothing_moved_is_no_distance() -> None:
    values = np.random.default_rng(0).standard_normal((3, 100)).astype(np.float32)
    sample = unit_sample(values)
    assert all(not of_units.any() for of_units in unit_distances(sample, sample).values())


@pytest.mark.parametrize("examples", FLOORS)
def test_null_floors_are_those_of_the_reference_table(examples: int) -> None:
    floor = null_floor(examples)
    for name, wanted in zip(DISTANCES, FLOORS[examples], strict=False):
        assert floor[name] == pytest.approx(wanted, rel=0.06, abs=6e-4), name


def test_null_floors_of_the_shifts_are_those_of_theory() -> None:
    """A difference of two means has std √(2/n), of two log stds √(1/n); E|N(0, 1)| is √(2/π)."""
    floor, n = null_floor(2_000), 2_000
    mean = math.sqrt(2 / math.pi)
    assert floor["mean_shift"] == pytest.approx(mean * math.sqrt(2 / n), rel=0.1)
    assert floor["scale_shift"] == pytest.approx(mean * math.sqrt(1 / n), rel=0.1)
    half_spread = 1.0364
    median_shift = mean * math.sqrt(2) * 1.2533 / math.sqrt(n) / half_spread
    assert floor["median_shift"] == pytest.approx(median_shift, rel=0.1)


def test_what_is_not_finite_is_left_out_and_counted() -> None:
    generator = np.random.default_rng(2)
    now, reference = generator.standard_normal((2, 3, 200)).astype(np.float32)
    broken = now.copy()
    broken[0, :3] = np.nan, np.inf, -np.inf
    broken[1] = np.nan
    sample = unit_sample(broken)
    assert sample.nonfinite == 203 and sample.finite.tolist() == [197, 0, 200]
    found = unit_distances(sample, unit_sample(reference))
    whole = unit_distances(unit_sample(now), unit_sample(reference))
    left = unit_distances(unit_sample(now[:1, 3:]), unit_sample(reference[:1]))
    for name in DISTANCES:
        assert math.isnan(found[name][1]), name
        assert found[name][2] == pytest.approx(whole[name][2], rel=1e-12), name
        if name != "w1":
            assert found[name][0] == left[name][0], name
    assert found["w1"][0] == pytest.approx(whole["w1"][0], abs=0.05)
    assert sample.percentiles[:, 0] == pytest.approx(np.percentile(now[0, 3:], [15, 50, 85]))


def test_a_constant_reference_is_infinitely_far_from_what_moved() -> None:
    constant, moved = np.zeros((1, 50), np.float32), np.ones((1, 50), np.float32)
    found = unit_distances(unit_sample(moved), unit_sample(constant))
    for name in ("w1", "mean_shift", "median_shift"):
        assert found[name][0] == math.inf, name
    assert found["scale_shift"][0] == 0 and found["ks"][0] == 1
