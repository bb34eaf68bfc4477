"""Every statistic against a slow, independent twin in float64."""

import math

import numpy as np
import pytest
from scipy import stats

from shiftscope.trainer import statistics
from shiftscope.trainer.shift import shift, wasserstein

DERIVATIVES = {
    "sigmoid": (lambda z: np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))) ** 2, 0.25),
    "tanh": (lambda z: 1 - np.tanh(z) ** 2, 1.0),
    "relu": (lambda z: (z > 0).astype(float), 1.0),
    "none": (np.ones_like, 1.0),
}
CASES = {
    "normal": lambda rng: rng.normal(0.3, 2.0, (5, 60, 40)),
    "far from zero": lambda rng: rng.normal(1e4, 1.0, (3, 60, 10)),
    "heavy tails": lambda rng: rng.standard_cauchy((4, 60, 10)),
    "tiny": lambda rng: rng.normal(0, 1e-25, (2, 60, 10)),
    "huge": lambda rng: rng.normal(0, 1e30, (2, 60, 10)),
    "constant": lambda rng: np.full((2, 60, 10), -3.0),
    "zero": lambda rng: np.zeros((2, 60, 10)),
    "one element": lambda rng: rng.normal(0, 1, (2, 1, 1)),
    "convolution": lambda rng: rng.normal(0, 1, (2, 8, 5, 5, 6)),
}


@pytest.mark.parametrize("activation", DERIVATIVES)
@pytest.mark.parametrize("case", CASES)
def test_preactivation_equals_its_float64_twin(case: str, activation: str) -> None:
    z = CASES[case](np.random.default_rng(0)).astype(np.float32)
    columns, _ = statistics.preactivation(z, activation)
    for row, values in enumerate(z.reshape(len(z), -1).astype(np.float64)):
        expected = {
            "mean": math.fsum(values) / len(values),
            "std": np.sqrt(np.mean((values - values.mean()) ** 2)),
            "min": min(values),
            "max": max(values),
            "saturated": np.mean(
                DERIVATIVES[activation][0](values) < 0.05 * DERIVATIVES[activation][1]
            ),
            "nonfinite": 0,
        } | {
            name: np.quantile(values, percent / 100)
            for name, percent in statistics.PERCENTILES.items()
        }
        scale = np.abs(values).max() or 1.0
        for name, value in expected.items():
            tolerance = 1e-6 * scale if name in ("mean", "std") else 1e-7 * scale
            assert columns[name][row] == pytest.approx(value, rel=1e-5, abs=tolerance), name


def test_moments_keep_a_small_spread_around_a_large_mean() -> None:
    values = (1000 + np.random.default_rng(1).normal(0, 0.01, (1, 6000))).astype(np.float32)
    _, variance = statistics.moments(values, axis=1)
    assert np.sqrt(variance[0]) == pytest.approx(values.astype(np.float64).std(), rel=1e-4)


def test_nonfinite_elements_are_counted_and_left_out() -> None:
    z = np.random.default_rng(0).normal(0, 1, (3, 60, 10)).astype(np.float32)
    z[1, :3, 0] = np.nan, np.inf, -np.inf
    columns, _ = statistics.preactivation(z, "sigmoid")
    finite = z[1][np.isfinite(z[1])].astype(np.float64)
    assert columns["nonfinite"].tolist() == [0, 3, 0]
    assert columns["mean"][1] == pytest.approx(finite.mean(), rel=1e-5)
    assert columns["max"][1] == finite.max()
    assert columns["p50"][1] == pytest.approx(np.quantile(finite, 0.5), rel=1e-5)
    assert np.isfinite(columns["mean"]).all()


def test_a_layer_without_a_finite_element_is_nan_not_an_error() -> None:
    z = np.full((2, 6, 4), np.nan, np.float32)
    columns, ordered = statistics.preactivation(z, "relu")
    assert np.isnan(columns["p50"]).all() and np.isnan(columns["std"]).all()
    assert columns["nonfinite"].tolist() == [24, 24]
    assert np.isnan(shift(ordered, columns["std"], ordered, columns["std"])).all()


def test_statistics_do_not_depend_on_the_order_of_the_batch() -> None:
    rng = np.random.default_rng(3)
    z = rng.normal(0, 1, (2, 60, 10)).astype(np.float32)
    columns, _ = statistics.preactivation(z, "tanh")
    shuffled, _ = statistics.preactivation(z[:, rng.permutation(60)], "tanh")
    for name in columns:
        np.testing.assert_allclose(columns[name], shuffled[name], rtol=1e-5, atol=1e-7)


def test_large_layers_are_subsampled_over_every_unit() -> None:
    units, examples = 128, 2048
    flat = np.tile(np.arange(units, dtype=np.float32), (1, examples))
    kept = statistics.subsample(flat, units)
    assert 16_384 <= kept.shape[1] <= statistics.EXACT_UP_TO
    assert len(np.unique(kept)) == units
    assert statistics.subsample(flat[:, : statistics.EXACT_UP_TO], units).shape[1] == 65_536


def test_dead_units_are_those_that_are_zero_for_the_whole_batch() -> None:
    z = np.ones((1, 60, 4), np.float32)
    z[0, :, 0] = -1
    z[0, 1:, 1] = -1
    assert statistics.preactivation(z, "relu")[0]["dead"][0] == 0.25
    assert statistics.preactivation(z * 200, "sigmoid")[0]["dead"][0] == 0.25
    assert statistics.preactivation(z * 80, "sigmoid")[0]["dead"][0] == 0.0


def test_drift_equals_its_twin() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(3, 2, (3, 60, 5)).astype(np.float32)
    mean, var = rng.normal(3, 1, (3, 5)), rng.uniform(1, 5, (3, 5))
    columns = statistics.drift(x, mean.astype(np.float32), var.astype(np.float32), 1e-5)
    for row in range(3):
        distances, ratios = [], []
        for channel in range(5):
            batch = x[row, :, channel].astype(np.float64)
            known = var[row, channel] + 1e-5
            distances.append(abs(mean[row, channel] - batch.mean()) / math.sqrt(known))
            ratios.append(abs(math.log(known / (batch.var(ddof=1) + 1e-5))))
        rms = [math.sqrt(sum(v * v for v in values) / 5) for values in (distances, ratios)]
        assert columns["mean_drift"][row] == pytest.approx(rms[0], rel=1e-5)
        assert columns["var_drift"][row] == pytest.approx(rms[1], rel=1e-5)


def test_affine_describes_gamma_and_beta() -> None:
    gamma = np.array([[1, 2, 6]], np.float32)
    beta = np.array([[-1, 0, 1]], np.float32)
    columns = statistics.affine(gamma, beta)
    assert {name: column[0] for name, column in columns.items()} == pytest.approx(
        {"gamma_mean": 3, "gamma_min": 1, "gamma_max": 6, "beta_mean": 0,
         "beta_std": math.sqrt(2 / 3)}
    )  # fmt: skip


def test_accuracy_takes_an_example_with_nan_for_wrong() -> None:
    logits = np.array([[[0, 1.0], [1, 0], [np.nan, 1], [0, 1]]], np.float32)
    assert statistics.accuracy(logits, np.array([[1, 1, 1, 1]])).tolist() == [0.5]


@pytest.mark.parametrize("sizes", [(60, 60), (60, 59), (7, 200), (1, 30)])
def test_wasserstein_equals_scipys(sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    a, b = np.sort(rng.normal(0, 1, sizes[0])), np.sort(rng.normal(1, 3, sizes[1]))
    assert wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(a, b), rel=1e-9)


def test_shift_of_a_moved_distribution_is_its_way_in_stds() -> None:
    z = np.random.default_rng(6).normal(0, 2, (1, 6000)).astype(np.float32)
    ordered = np.sort(z, axis=1)
    std = z.std(axis=1)
    assert shift(ordered + np.float32(1), std, ordered, std)[0] == pytest.approx(
        1 / std[0], rel=1e-4
    )


def test_shift_leaves_out_nonfinite_values() -> None:
    finite = np.sort(np.random.default_rng(7).normal(0, 1, 50)).astype(np.float32)
    broken = np.concatenate([[-np.inf], finite, [np.inf, np.nan]]).astype(np.float32)[None]
    reference = np.sort(np.random.default_rng(8).normal(0, 1, 53)).astype(np.float32)[None]
    one = np.ones(1)
    expected = stats.wasserstein_distance(finite, reference[0])
    assert shift(broken, one, reference, one)[0] == pytest.approx(expected, rel=1e-5)


def test_shift_between_constants_is_zero_or_infinite() -> None:
    zero = np.zeros(1)
    three, four = np.full((1, 9), 3, np.float32), np.full((1, 9), 4, np.float32)
    assert shift(three, zero, three, zero)[0] == 0
    assert shift(three, zero, four, zero)[0] == math.inf
