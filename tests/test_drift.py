"""Drift from running statistics alone, against what BatchNorm's own batches were in float64."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from shiftscope.trainer.statistics import drift

EPSILON = 1e-5
HALF_ULP = 2.0**-24
"""Relative error of rounding to float32."""


Running = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Running mean and variance before and after each batch, (n, channels) each."""


def train(norm: nn.BatchNorm1d | nn.BatchNorm2d, batches: torch.Tensor) -> Running:
    """What a BatchNorm's running statistics were around each batch."""
    assert norm.running_mean is not None and norm.running_var is not None
    around: list[list[np.ndarray]] = []
    for batch in batches:
        before = [norm.running_mean.numpy().copy(), norm.running_var.numpy().copy()]
        norm(batch)
        around.append([*before, norm.running_mean.numpy().copy(), norm.running_var.numpy().copy()])
    mean, var, mean_after, var_after = (np.stack(values) for values in zip(*around, strict=True))
    return mean, var, mean_after, var_after


def twin(
    batch: np.ndarray, mean: np.ndarray, var: np.ndarray
) -> tuple[float, float, np.ndarray, np.ndarray]:
    """Both drifts by their definitions, from the batch itself, (…, channels last)."""
    rows = batch.astype(np.float64).reshape(-1, batch.shape[-1])
    batch_mean, batch_var = rows.mean(axis=0), rows.var(axis=0, ddof=1)
    known = var.astype(np.float64) + EPSILON
    distances = (mean - batch_mean) / np.sqrt(known)
    ratios = np.log(known / (batch_var + EPSILON))
    rms = [math.sqrt(np.mean(values**2)) for values in (distances, ratios)]
    return rms[0], rms[1], batch_mean, batch_var


@pytest.mark.parametrize("kind", [np.asarray, torch.asarray])
@pytest.mark.parametrize("far", [0.0, 3.0, 100.0])
@pytest.mark.parametrize("momentum", [1.0, 0.1, 0.01, None])
def test_drift_is_off_by_no_more_than_running_statistics_are_rounded(
    momentum: float | None, far: float, kind: Callable[[Any], Any]
) -> None:
    """The mean stands `far` σ from 0: |error| ≤ 2⁻²⁴ (|running mean| + |batch mean|) / momentum."""
    torch.manual_seed(0)
    batches = far * 2 + 2 * torch.randn(40, 60, 5)
    norm = nn.BatchNorm1d(5, momentum=momentum)
    running = train(norm, batches)
    weight = 1 / np.arange(1.0, 41) if momentum is None else momentum
    a, b, c, d = (kind(values) for values in running)
    found = drift(a, b, c, d, kind(weight), EPSILON)
    for row, batch in enumerate(batches.numpy()):
        mean, var = running[0][row], running[1][row]
        mean_drift, var_drift, batch_mean, batch_var = twin(batch, mean, var)
        share = np.broadcast_to(weight, 40)[row]
        size = HALF_ULP * (np.abs(mean) / share + np.abs(running[2][row]) / share
                           + 4 * np.abs(batch_mean))  # fmt: skip
        off = (size / np.sqrt(var)).max()
        assert float(found["mean_drift"][row]) == pytest.approx(mean_drift, rel=1e-6, abs=off)
        off = (HALF_ULP * (var + running[3][row]) / share / batch_var).max()
        assert float(found["var_drift"][row]) == pytest.approx(var_drift, rel=2e-5, abs=off)


def test_the_error_is_as_large_as_it_is_said_to_be() -> None:
    """100 σ from 0 at momentum 0.01, 2⁻²⁴ · 100 / 0.01 = 6e-4 σ may be lost, and some is."""
    torch.manual_seed(0)
    batches = 100 + torch.randn(500, 60, 5)
    running = train(nn.BatchNorm1d(5, momentum=0.01), batches)
    found = drift(*running, 0.01, EPSILON)["mean_drift"]
    exact = [twin(b, m, v)[0] for b, m, v in zip(batches.numpy(), *running[:2], strict=True)]
    worst = np.abs(found - exact)[300:].max()  # when the running mean has arrived
    assert 1e-5 < worst < HALF_ULP * 100 / 0.01


def test_a_convolutions_channels_are_over_batch_and_positions() -> None:
    torch.manual_seed(1)
    batches = 1 + torch.randn(6, 4, 5, 7, 7)
    running = train(nn.BatchNorm2d(5), batches)
    found = drift(*running, 0.1, EPSILON)
    for row, batch in enumerate(batches.permute(0, 1, 3, 4, 2).numpy()):
        mean_drift, var_drift, *_ = twin(batch, running[0][row], running[1][row])
        assert found["mean_drift"][row] == pytest.approx(mean_drift, rel=1e-5)
        assert found["var_drift"][row] == pytest.approx(var_drift, rel=1e-5)


def test_a_variance_that_rounding_makes_negative_is_zero() -> None:
    mean, var = np.zeros((1, 1), np.float32), np.full((1, 1), 1e6, np.float32)
    after = np.nextafter(np.float32(0.9) * var, np.float32(0))  # of a batch that was constant
    assert 1e6 + (float(after[0, 0]) - 1e6) / 0.1 < 0
    found = drift(mean, var, mean, after, 0.1, EPSILON)["var_drift"]
    assert found[0] == pytest.approx(math.log((1e6 + EPSILON) / EPSILON), rel=1e-12)


@pytest.mark.parametrize("momentum", [0, 0.0, math.nan, np.float32(0)])
def test_drift_does_not_apply_where_a_batch_leaves_no_trace(momentum: float) -> None:
    ones = np.ones((2, 3), np.float32)
    assert drift(ones, ones, ones, ones, momentum, EPSILON) == {}
    found = drift(ones, ones, ones, ones, np.array([0.5, momentum]), EPSILON)
    for column in found.values():
        assert column[0] == 0 and math.isnan(column[1])


@pytest.mark.parametrize("word", [math.nan, math.inf])
def test_a_batch_that_is_not_finite_has_no_finite_drift(word: float) -> None:
    ones = np.ones((1, 3), np.float32)
    after = np.array([[1, word, 1]], np.float32)
    found = drift(ones, ones, after, after, 0.1, EPSILON)
    assert not np.isfinite(found["mean_drift"][0]) and not np.isfinite(found["var_drift"][0])


def test_equal_statistics_have_no_drift() -> None:
    ones = np.ones((1, 3), np.float32)
    assert drift(ones, ones, ones, ones, 0.1, EPSILON) == {"mean_drift": [0], "var_drift": [0]}
