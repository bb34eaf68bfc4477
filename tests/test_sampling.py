"""Which elements a record rests on: all of a small layer, evenly spread ones of a large one."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest

from shiftscope.trainer.sampling import EXACT_UP_TO, KEPT_AT_LEAST, Sampling
from shiftscope.trainer.statistics import PERCENTILES, preactivation

LARGE = [
    Sampling((32, 64, 28, 28), 1),
    Sampling((1, 64, 256, 256), 1),  # the largest coprime stride, 255, would walk on diagonals
    Sampling((2, 128, 256, 256), 1),
    Sampling((4, 3, 224, 224), 1),
    Sampling((8, 64, 32, 32), 1),
    Sampling((8, 128, 256), 2),
    Sampling((32, 197, 192), -1),
    Sampling((1024, 1000), 1),
    Sampling((16_548, 100), 1),
]
NAMES = [str(sampling.shape) for sampling in LARGE]
DKW = math.sqrt(math.log(2 / 0.05) / (2 * KEPT_AT_LEAST))
"""What a random sample's distribution function is off by at most, with 95 %: 1.06 points."""


def unit_of_kept(sampling: Sampling) -> np.ndarray:
    """By numpy's own indices, what `Sampling` finds by division."""
    kept = np.arange(0, sampling.elements, sampling.stride)
    assert sampling.unit_axis is not None
    return np.unravel_index(kept, sampling.shape)[sampling.unit_axis]


def columns_of(values: np.ndarray, sampling: Sampling) -> dict[str, float]:
    """The statistics of one record, given whole."""
    kept = values.astype(np.float32).reshape(1, -1)[:, :: sampling.stride]
    columns, _ = preactivation(kept, "relu", sampling)
    return {name: float(column[0]) for name, column in columns.items()}


def rank_error(value: float, percent: float, ordered: np.ndarray) -> float:
    """How far a value's rank among sorted ones is from the percentile that it is to be."""
    near = 1e-6 * (ordered[-1] - ordered[0])
    low = np.searchsorted(ordered, value - near, "left") / len(ordered)
    high = np.searchsorted(ordered, value + near, "right") / len(ordered)
    return max(0.0, low - percent / 100, percent / 100 - high)


@pytest.mark.parametrize("shape", [(60, 100), (EXACT_UP_TO,), (8, 32, 16, 16), (1, 1)])
def test_small_layers_are_kept_whole(shape: tuple[int, ...]) -> None:
    sampling = Sampling(shape, -1)
    assert (sampling.stride, sampling.size) == (1, math.prod(shape))


@pytest.mark.parametrize("sampling", LARGE, ids=NAMES)
def test_large_layers_keep_little_more_than_the_least(sampling: Sampling) -> None:
    assert KEPT_AT_LEAST <= sampling.size < 1.2 * KEPT_AT_LEAST
    assert sampling.size == len(np.zeros(sampling.elements, np.bool_)[:: sampling.stride])


@pytest.mark.parametrize("sampling", LARGE, ids=NAMES)
def test_every_unit_is_visited_evenly(sampling: Sampling) -> None:
    counts = np.bincount(unit_of_kept(sampling), minlength=sampling.units)
    assert counts.max() - counts.min() <= max(2, 0.02 * counts.mean())


def test_every_position_is_visited_evenly() -> None:
    sampling = Sampling((512, 16, 14, 14), 1)
    kept = np.arange(0, sampling.elements, sampling.stride)
    positions = np.bincount(kept % (14 * 14), minlength=14 * 14)
    assert positions.max() - positions.min() <= 2


@pytest.mark.parametrize(
    "sampling", [*LARGE, Sampling((6, 4, 5, 5), 1), Sampling((6, 9), 1), Sampling((1, 200_000), 1)]
)
def test_members_are_the_places_of_each_unit_in_a_cycle(sampling: Sampling) -> None:
    unit = unit_of_kept(sampling)
    assert unit.tolist() == np.resize(unit[: sampling.cycle], sampling.size).tolist()
    unit = unit[: sampling.cycle]
    seen = np.unique(unit)
    assert len(sampling.members) == len(seen)
    for row in [0, len(seen) // 2, len(seen) - 1]:
        assert (
            np.unique(sampling.members[row]).tolist() == np.flatnonzero(unit == seen[row]).tolist()
        )


def test_a_sampling_comes_back_from_json() -> None:
    for sampling in LARGE:
        told = json.loads(json.dumps(asdict(sampling)))
        again = Sampling(tuple(told["shape"]), told["unit_axis"])
        assert again == sampling and again.stride == sampling.stride


def test_dead_counts_only_units_that_were_seen() -> None:
    sampling = Sampling((1, 200_000), 1)
    values = np.ones((1, 200_000))
    values[0, :: sampling.stride] = -1  # whatever is seen is dead, and most is not seen
    assert columns_of(values, sampling)["dead"] == 1.0
    values[0, :100_000] = 1
    assert columns_of(values, sampling)["dead"] == pytest.approx(0.5, abs=1e-4)
    values[0, 1 :: sampling.stride] = -1
    assert columns_of(values, sampling)["dead"] == pytest.approx(0.5, abs=1e-4)


def test_random_values_have_the_rank_error_of_a_random_sample() -> None:
    """Binomial: a percentile's rank is off by 1.96 √(p(1 − p)/n) at most in 95 of 100 layers."""
    sampling = Sampling((100, 64, 8, 8), 1)
    rng = np.random.default_rng(0)
    within, largest = [], 0.0
    for _ in range(30):
        values = rng.normal(0, 1, sampling.elements)
        columns, ordered = columns_of(values, sampling), np.sort(values)
        for name, percent in PERCENTILES.items():
            error = rank_error(columns[name], percent, ordered)
            share = percent / 100
            within.append(error <= 1.96 * math.sqrt(share * (1 - share) / sampling.size))
            largest = max(largest, error)
        assert columns["mean"] == pytest.approx(values.mean(), abs=4 / math.sqrt(sampling.size))
        assert columns["std"] == pytest.approx(values.std(), rel=4 / math.sqrt(sampling.size))
    assert 0.9 < np.mean(within) <= 1
    assert 1e-3 < largest < 1.5 * DKW


def structured(sampling: Sampling) -> dict[str, np.ndarray]:
    """Activations that follow channel, place and example, as an image's do; nothing random in a
    place, so that a stride in step with the structure would miss most of it."""
    rng = np.random.default_rng(1)
    axes = np.ix_(*(np.linspace(-0.5, 0.5, n) for n in sampling.shape))
    y, x = axes[-2:]
    assert sampling.unit_axis is not None
    units = [n if a == sampling.unit_axis % len(axes) else 1 for a, n in enumerate(sampling.shape)]
    examples = [n if a == 0 else 1 for a, n in enumerate(sampling.shape)]
    blob = np.exp(-12 * (x**2 + y**2))
    kinds = {
        "blob": blob,
        "ramp": x + y,
        "waves": np.sin(40 * x) + np.cos(25 * y),
        "units": rng.normal(0, 1, units),
        "units and blob": rng.normal(0, 1, units) + blob * rng.normal(0, 1, units),
        "examples": rng.normal(0, 1, examples) + blob,
    }
    return {name: np.broadcast_to(values, sampling.shape) for name, values in kinds.items()}


@pytest.mark.parametrize("sampling", LARGE, ids=NAMES)
def test_structure_does_not_fall_in_step_with_the_stride(sampling: Sampling) -> None:
    for kind, values in structured(sampling).items():
        columns, ordered = columns_of(values, sampling), np.sort(values, axis=None)
        for name, percent in PERCENTILES.items():
            assert rank_error(columns[name], percent, ordered) < DKW, (kind, name)
        assert abs(columns["mean"] - values.mean()) < values.std() / 64, kind
