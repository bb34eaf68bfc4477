"""What must hold of the statistics of any preactivation, whatever its values."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from shiftscope.trainer import statistics
from shiftscope.trainer.nonlinearities import NONLINEARITIES
from shiftscope.trainer.sampling import Sampling
from shiftscope.trainer.shift import shift

QUICK = settings(max_examples=60, deadline=None)
OF_Z = ("mean", "std", "min", "max", *statistics.PERCENTILES)
SHAPES = array_shapes(min_dims=3, max_dims=5, max_side=6)
ANY = st.floats(width=32)
MODERATE = st.sampled_from([-1, 0, 1]).flatmap(
    lambda sign: st.floats(2.0**-30, 2.0**30, width=32).map(lambda size: sign * size)
)
WHOLE = st.integers(-1000, 1000).map(float)
ACTIVATIONS = st.sampled_from(sorted(NONLINEARITIES))


def records(elements: st.SearchStrategy[Any]) -> st.SearchStrategy[np.ndarray]:
    """Whole records: (n, batch, …, units)."""
    return arrays(np.float32, SHAPES, elements=elements, fill=st.nothing())


def compute(z: np.ndarray, activation: str = "relu", unit_axis: int = -1) -> Any:
    return statistics.preactivation(
        z.reshape(len(z), -1), activation, Sampling(z.shape[1:], unit_axis)
    )


def shift_to_last(z: np.ndarray) -> np.ndarray:
    """Shift of each record against the last one."""
    columns, ordered = compute(z)
    last = np.full(len(z), len(z) - 1)
    return shift(ordered, columns["std"], ordered[last], columns["std"][last])


@QUICK
@given(records(ANY), ACTIVATIONS, st.randoms(use_true_random=False))
def test_the_order_of_the_batch_and_of_units_changes_nothing(
    z: np.ndarray, activation: str, random: Any
) -> None:
    columns, ordered = compute(z, activation)
    for axis in (1, z.ndim - 1):
        order = random.sample(range(z.shape[axis]), z.shape[axis])
        shuffled, again = compute(np.take(z, order, axis), activation)
        np.testing.assert_array_equal(ordered, again)
        for name in columns:
            np.testing.assert_array_equal(columns[name], shuffled[name], name)


@QUICK
@given(records(ANY), ACTIVATIONS)
def test_the_unit_axis_may_be_anywhere(z: np.ndarray, activation: str) -> None:
    last, _ = compute(z, activation)
    second, _ = compute(np.moveaxis(z, -1, 2), activation, unit_axis=1)
    for name in last:
        np.testing.assert_array_equal(last[name], second[name], name)


@QUICK
@given(records(MODERATE), st.integers(-20, 20))
def test_a_power_of_two_scales_exactly(z: np.ndarray, power: int) -> None:
    columns, _ = compute(z)
    scaled, _ = compute(z * np.float32(2.0**power))
    for name in OF_Z:
        np.testing.assert_array_equal(scaled[name], columns[name] * 2.0**power, name)
    for name in ("saturated", "dead", "nonfinite"):
        np.testing.assert_array_equal(scaled[name], columns[name], name)
    np.testing.assert_array_equal(shift_to_last(z), shift_to_last(z * np.float32(2.0**power)))


@QUICK
@given(records(WHOLE), WHOLE)
def test_a_constant_moves_what_has_a_place_and_nothing_else(z: np.ndarray, by: float) -> None:
    columns, _ = compute(z, "none")
    moved, _ = compute(z + np.float32(by), "none")
    for name in OF_Z:
        expected = columns[name] + (0 if name == "std" else by)
        np.testing.assert_allclose(moved[name], expected, rtol=1e-12, atol=1e-3, err_msg=name)
    spread = columns["std"] > 1
    np.testing.assert_allclose(shift_to_last(z)[spread], shift_to_last(z + np.float32(by))[spread],
                               rtol=1e-4, atol=1e-4)  # fmt: skip


@QUICK
@given(records(WHOLE))
def test_a_mirror_turns_percentiles_around(z: np.ndarray) -> None:
    columns, mirrored = compute(z)[0], compute(-z)[0]
    pairs = {"min": "max", "p01": "p99", "p05": "p95", "p15": "p85", "p25": "p75", "p50": "p50"}
    for low, high in pairs.items():
        np.testing.assert_allclose(columns[low], -mirrored[high], rtol=1e-12, atol=1e-9)


@QUICK
@given(records(ANY), ACTIVATIONS)
def test_percentiles_rise_between_min_and_max_and_shares_are_shares(
    z: np.ndarray, activation: str
) -> None:
    columns, ordered = compute(z, activation)
    ladder = np.stack([columns[name] for name in ("min", *statistics.PERCENTILES, "max")])
    counted = np.isfinite(ordered).sum(axis=1)
    np.testing.assert_array_equal(columns["nonfinite"], ordered.shape[1] - counted)
    known = counted > 0
    assert (np.diff(ladder[:, known], axis=0) >= 0).all() and np.isnan(ladder[:, ~known]).all()
    slack = 1e-6 * np.abs(ladder[[0, -1]]).max(axis=0)[known]
    assert (columns["mean"][known] >= ladder[0, known] - slack).all()
    assert (columns["mean"][known] <= ladder[-1, known] + slack).all()
    spread = ladder[-1, known] / 2 - ladder[0, known] / 2  # no std is above half the range
    assert (columns["std"][known] >= 0).all()
    assert (columns["std"][known] <= spread + slack).all()
    for name in ("saturated", "dead"):
        share = columns[name][known]
        assert ((share >= 0) & (share <= 1)).all(), name


@QUICK
@given(records(ANY))
def test_shift_is_a_distance(z: np.ndarray) -> None:
    columns, ordered = compute(z)
    std, other = columns["std"], np.roll(np.arange(len(z)), 1)
    there = shift(ordered, std, ordered[other], std[other])
    back = shift(ordered[other], std[other], ordered, std)
    np.testing.assert_allclose(there, back, rtol=1e-12)
    known = ~np.isnan(std)
    assert (there[known & known[other]] >= 0).all()
    assert (shift(ordered, std, ordered, std)[known] == 0).all()


def test_a_record_does_not_depend_on_those_beside_it() -> None:
    rng = np.random.default_rng(0)
    z = np.stack([scale * rng.normal(0, 1, (60, 10)) for scale in (1, 1e-30, 1e30, np.nan)])
    z = z.astype(np.float32)
    together, _ = compute(z, "tanh")
    for row in range(len(z)):
        alone, _ = compute(z[row : row + 1], "tanh")
        for name, column in together.items():
            np.testing.assert_array_equal(column[row : row + 1], alone[name], name)


def test_moments_keep_a_small_spread_around_a_large_mean() -> None:
    values = np.sort(1000 + np.random.default_rng(1).normal(0, 0.01, (1, 6000))).astype(np.float32)
    _, variance = statistics.moments(values)
    assert np.sqrt(variance[0]) == pytest.approx(values.astype(np.float64).std(), rel=1e-4)


def test_what_an_unknown_nonlinearity_decides_does_not_apply() -> None:
    z = np.random.default_rng(2).normal(0, 1, (2, 60, 10)).astype(np.float32)
    z[1, 0, 0] = np.nan
    columns, known = compute(z, "unknown")[0], compute(z, "relu")[0]
    assert set(known) - set(columns) == {"saturated", "dead"}
    assert all((columns[name] == known[name]).all() for name in columns)
