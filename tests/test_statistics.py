"""Every statistic against a slow, independent twin in float64, as numpy's and as torch's arrays."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn import functional

from shiftscope.trainer import statistics
from shiftscope.trainer.nonlinearities import NONLINEARITIES
from shiftscope.trainer.sampling import Sampling
from shiftscope.trainer.shift import shift, wasserstein

DEVICES = ["numpy", "cpu"]
FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "none": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": functional.relu,
    "relu6": functional.relu6,
    "hardtanh": functional.hardtanh,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "softplus": functional.softplus,
    "gelu": functional.gelu,
    "silu": functional.silu,
}


def given(values: np.ndarray, device: str) -> Any:
    """Values as a numpy array or as a tensor on a device."""
    return values if device == "numpy" else torch.from_numpy(values).to(device)


def host(columns: statistics.Columns) -> dict[str, np.ndarray]:
    """Columns as numpy's arrays, in float64 but for counts."""
    found = {name: statistics.on_host(column) for name, column in columns.items()}
    assert all(c.dtype == (np.int64 if n == "nonfinite" else np.float64) for n, c in found.items())
    return found


def half(values: np.ndarray, dtype: torch.dtype) -> np.ndarray:
    """What a preactivation in half precision is, once it is float32."""
    return torch.from_numpy(values).to(dtype).float().numpy()


def mixed(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Magnitudes from the smallest to nearly the largest of float32, with both signs."""
    return rng.choice([-1, 1], shape) * 10 ** rng.uniform(-44, 37, shape)


def broken(rng: np.random.Generator, shape: tuple[int, ...], *words: float) -> np.ndarray:
    """Normal values with some that are not finite, one record untouched."""
    values = rng.normal(0, 3, shape)
    for row in range(1, len(values)):
        at = rng.choice(values[row].size, 7, replace=False)
        values[row].ravel()[at] = rng.choice(words, 7)
    return values


def one_finite(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    values = np.full(shape, np.nan)
    values[:, -1, -1] = rng.normal(0, 1, len(values))
    return values


def dead_channels(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Channels that are zero, far below zero for all, and far below for all but one element."""
    values = rng.normal(0, 1, shape)
    values[:, :, 0], values[:, :, 1], values[:, :, 2] = 0, -200, -200
    values[:, -1, 2, -1] = 0.5
    return values


Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
MLP = Sampling((60, 10), 1)
CONVOLUTION = Sampling((4, 6, 5, 7), 1)
TRANSFORMER = Sampling((3, 9, 8), 2)
CASES: dict[str, tuple[Sampling, Draw]] = {
    "normal": (MLP, lambda rng, shape: rng.normal(0.3, 2, shape)),
    "wide": (MLP, lambda rng, shape: rng.normal(0, 30, shape)),
    "far from zero": (MLP, lambda rng, shape: rng.normal(1e4, 1, shape)),
    "heavy tails": (MLP, lambda rng, shape: rng.standard_cauchy(shape)),
    "constant": (MLP, lambda _, shape: np.full(shape, -3.0)),
    "zero": (MLP, lambda _, shape: np.zeros(shape)),
    "one element": (Sampling((1, 1), 1), lambda rng, shape: rng.normal(0, 1, shape)),
    "two elements": (Sampling((2, 1), 1), lambda rng, shape: rng.normal(0, 1, shape)),
    "tiny": (MLP, lambda rng, shape: rng.normal(0, 1e-25, shape)),
    "denormal": (MLP, lambda rng, shape: rng.normal(0, 1e-41, shape)),
    "huge": (MLP, lambda rng, shape: rng.normal(0, 1e30, shape)),
    "largest": (MLP, lambda rng, shape: rng.choice([-3.4e38, 3.4e38], shape)),
    "mixed": (MLP, mixed),
    "NaN": (MLP, lambda rng, shape: broken(rng, shape, np.nan)),
    "infinite": (MLP, lambda rng, shape: broken(rng, shape, np.inf, -np.inf)),
    "NaN and infinite": (CONVOLUTION, lambda rng, shape: broken(rng, shape, np.nan, np.inf)),
    "nothing finite": (MLP, lambda rng, shape: rng.choice([np.nan, np.inf, -np.inf], shape)),
    "one finite": (MLP, one_finite),
    "convolution": (CONVOLUTION, lambda rng, shape: rng.normal(0, 1, shape)),
    "dead channels": (CONVOLUTION, dead_channels),
    "transformer": (TRANSFORMER, lambda rng, shape: rng.normal(0, 2, shape)),
    "half": (TRANSFORMER, lambda rng, shape: half(rng.normal(0, 2, shape), torch.half)),
    "bfloat16": (TRANSFORMER, lambda rng, shape: half(rng.normal(0, 9, shape), torch.bfloat16)),
    "sampled convolution": (Sampling((32, 16, 14, 14), 1),
                            lambda rng, shape: rng.normal(0, 2, shape)),
    "sampled transformer": (Sampling((8, 64, 256), -1), lambda rng, shape: broken(
        rng, shape, np.nan, -np.inf)),
}  # fmt: skip


def drawn(case: str) -> tuple[np.ndarray, Sampling]:
    """Kept values of three records, (3, size), and their sampling."""
    sampling, draw = CASES[case]
    values = draw(np.random.default_rng(0), (3, *sampling.shape)).astype(np.float32)
    return values.reshape(3, -1)[:, :: sampling.stride].copy(), sampling


def derivative(activation: str, z: np.ndarray) -> np.ndarray:
    """|f′| by automatic differentiation."""
    leaf = torch.from_numpy(z).double().requires_grad_()
    return torch.autograd.grad(FUNCTIONS[activation](leaf).sum(), leaf)[0].abs().numpy()


@functools.cache
def steepest(activation: str) -> float:
    return derivative(activation, np.linspace(-50, 50, 100_001)).max()


def twin(kept: np.ndarray, activation: str, sampling: Sampling) -> dict[str, float]:
    """The statistics of one record by their definitions."""
    assert sampling.unit_axis is not None
    values = kept[np.isfinite(kept)].astype(np.float64)
    unit = np.unravel_index(np.arange(0, sampling.elements, sampling.stride), sampling.shape)[
        sampling.unit_axis
    ]
    output = FUNCTIONS[activation](torch.from_numpy(kept)).numpy()
    found = {
        "nonfinite": len(kept) - len(values),
        "dead": np.mean([(output[unit == u] == 0).all() for u in np.unique(unit)]),
    }
    names = ["mean", "std", "min", "max", "saturated", *statistics.PERCENTILES]
    if len(values) == 0:
        return found | dict.fromkeys(names, math.nan)
    mean = math.fsum(values) / len(values)
    return found | {
        "mean": mean,
        "std": math.sqrt(math.fsum((values - mean) ** 2) / len(values)),
        "min": values.min(),
        "max": values.max(),
        "saturated": np.mean(derivative(activation, values) < 0.05 * steepest(activation)),
        **{
            name: np.quantile(values, percent / 100)
            for name, percent in statistics.PERCENTILES.items()
        },
    }


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("case", CASES)
def test_preactivation_equals_its_twin(case: str, activation: str, device: str) -> None:
    z, sampling = drawn(case)
    columns, ordered = statistics.preactivation(given(z, device), activation, sampling)
    np.testing.assert_array_equal(statistics.on_host(ordered), np.sort(z, axis=1))
    columns = host(columns)
    for row in range(len(z)):
        expected = twin(z[row], activation, sampling)
        assert set(columns) == set(expected)
        largest = float(np.abs(z[row][np.isfinite(z[row])]).max(initial=0))
        for name, value in expected.items():
            off = 1e-6 * largest if name in ("mean", "std") else 0
            assert columns[name][row] == pytest.approx(value, rel=1e-5 if off else 1e-12, abs=off,
                                                       nan_ok=True), name  # fmt: skip


def test_functions_are_all_that_are_known() -> None:
    assert set(FUNCTIONS) == set(NONLINEARITIES)


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_a_nonlinearity_is_flat_and_zero_where_it_is_said_to_be(activation: str) -> None:
    known = NONLINEARITIES[activation]
    ends = [end for pair in known.flat + known.zero for end in pair if math.isfinite(end)]
    z = np.concatenate([np.linspace(-120, 120, 400_001), [0, *ends]]).astype(np.float32)

    def inside(intervals: Any) -> np.ndarray:
        return sum(((z >= low) & (z <= high) for low, high in intervals), np.zeros(len(z), bool))

    slope = derivative(activation, z)
    slope /= slope.max()
    clear = np.abs(slope - 0.05) > 1e-6
    assert (inside(known.flat) == (slope < 0.05))[clear].all()
    output = FUNCTIONS[activation](torch.from_numpy(z)).numpy()
    assert (output[inside(known.zero)] == 0).all()
    # where exp or erf round to 0, one library does so a little before the other
    early = np.abs(z[(output == 0) & ~inside(known.zero)])
    assert early.min(initial=math.inf) > 0.98 * min(map(abs, known.zero[0]))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("case", CASES)
def test_shift_equals_scipys_distance_in_stds(case: str, device: str) -> None:
    z, sampling = drawn(case)
    columns, ordered = statistics.preactivation(given(z, device), "none", sampling)
    back = [1, 2, 0]  # each record against the next
    found = statistics.on_host(shift(ordered, columns["std"], ordered[back], columns["std"][back]))
    for row, reference in enumerate(back):
        a, b = (z[r][np.isfinite(z[r])].astype(np.float64) for r in (row, reference))
        if len(a) == 0 or len(b) == 0:
            assert math.isnan(found[row])
            continue
        with np.errstate(all="ignore"):
            expected = stats.wasserstein_distance(a, b) / np.sqrt((a.var() + b.var()) / 2)
        if np.isfinite(expected):
            assert found[row] == pytest.approx(expected, rel=2e-5, abs=2e-6)
        else:  # constants: nothing moved, or infinitely far in stds
            assert found[row] == (0 if (a == b).all() else math.inf)


@pytest.mark.parametrize("sizes", [(60, 60), (60, 59), (7, 200), (1, 30)])
def test_wasserstein_equals_scipys(sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    a, b = np.sort(rng.normal(0, 1, sizes[0])), np.sort(rng.normal(1, 3, sizes[1]))
    assert wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(a, b), rel=1e-9)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")
def test_a_gpu_computes_what_numpy_does() -> None:
    for case in CASES:
        for activation in FUNCTIONS:
            test_preactivation_equals_its_twin(case, activation, "cuda")
        test_shift_equals_scipys_distance_in_stds(case, "cuda")
