"""Whitening of a batch beside BatchNorm: what a batch's covariance allows, and what it costs (E7).

A batch of m examples has a covariance of rank min(m − 1, d) at most, so that Cov^(−1/2) exists for
m > d only: §3 of Ioffe & Szegedy (2015). Everything but the times is float64.
"""

import math
from collections.abc import Iterator
from statistics import median
from time import perf_counter

import torch
from torch import Tensor, nn

from ...db.study import Measurement, Study
from ..norms.batch_explicit import BatchExplicit
from ..norms.iternorm import IterNorm
from ..norms.whitening import Whitening
from . import Load

UNITS = 100
SMALLEST = 0.01
BATCHES = {
    "quick": (20, 60, 100, 128, 1000),
    "full": (20, 40, 60, 80, 90, 100, 110, 128, 150, 200, 500, 1000),
}
TIMED_UNITS = {"quick": (10, 100), "full": (10, 30, 100, 300, 784)}
TIMED_EXAMPLES, REPEATS = 1000, 5
ZCA, ITERNORM, BATCH = "ZCA", "IterNorm, T = 5", "BatchNorm"


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """By batch size m at d = 100: rank, eigenvalues, what is left of the covariance, gradients.

    The true covariance has eigenvalues from 0.01 to 10. By d at m = 1,000: milliseconds of a
    forward and backward pass in float32 on one thread, the median of five.
    """
    generator = torch.Generator().manual_seed(seed)
    turned = torch.randn(UNITS, UNITS, generator=generator, dtype=torch.float64)
    spectrum = torch.logspace(math.log10(SMALLEST), 1, UNITS, dtype=torch.float64)
    mixing = spectrum.sqrt()[:, None] * torch.linalg.qr(turned).Q
    for size in BATCHES[study.length]:
        batch = torch.randn(size, UNITS, generator=generator, dtype=torch.float64) @ mixing
        direction = torch.randn(size, UNITS, generator=generator, dtype=torch.float64)
        for quantity, series, value in _of_covariance(batch):
            yield Measurement(seed, quantity, series, size, value)
        for series, epsilon, norm in (
            (f"{ZCA}, ε = 0", 0.0, Whitening),
            (f"{ZCA}, ε = 1e-5", 1e-5, Whitening),
            (ITERNORM, 0.0, IterNorm),
            (BATCH, 0.0, BatchExplicit),
        ):
            layer = norm(UNITS, epsilon, affine=False).double()
            output, gradient = _passes(layer, batch, direction)
            error = (_covariance(output) - torch.eye(UNITS)).abs()
            finite = gradient.isfinite().double().mean().item()
            yield Measurement(seed, "whiteness_error", series, size, error.max().item())
            yield Measurement(seed, "finite_gradient", series, size, finite)
            if norm is BatchExplicit:
                diagonal = error.diagonal().max().item()
                yield Measurement(seed, "whiteness_error", f"{BATCH}, diagonal", size, diagonal)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield from _times(seed, TIMED_UNITS[study.length], generator)
    finally:
        torch.set_num_threads(threads)


def _of_covariance(batch: Tensor) -> Iterator[tuple[str, str, float]]:
    """Rank and eigenvalues, from the singular values s of the centred batch: λ = s²/m.

    Those that are zeros but for rounding, by the rank, are zeros.
    """
    centred = batch - batch.mean(0)
    rank = int(torch.linalg.matrix_rank(centred))
    eigenvalues = torch.linalg.svdvals(centred).square() / len(batch)
    yield "rank", "measured", rank
    yield "rank", "min(m − 1, d)", min(len(batch) - 1, UNITS)
    yield "eigenvalues", "largest", eigenvalues[0].item()
    yield "eigenvalues", "smallest", eigenvalues[-1].item() if rank == UNITS else 0.0
    yield "eigenvalues", "smallest of the distribution", SMALLEST


def _passes(layer: nn.Module, batch: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """A layer's output, and the gradient of ⟨output, direction⟩ with respect to the batch."""
    entering = batch.clone().requires_grad_()
    output = layer(entering)
    (gradient,) = torch.autograd.grad(output, entering, direction)
    return output.detach(), gradient


def _covariance(batch: Tensor) -> Tensor:
    centred = batch - batch.mean(0)
    return centred.mT @ centred / len(batch)


def _times(seed: int, widths: tuple[int, ...], generator: torch.Generator) -> Iterator[Measurement]:
    """The norms take turns, so that what else the machine does meets all of them."""
    for units in widths:
        batch = torch.randn(TIMED_EXAMPLES, units, generator=generator)
        direction = torch.randn(TIMED_EXAMPLES, units, generator=generator)
        layers = {ZCA: Whitening(units), ITERNORM: IterNorm(units), BATCH: nn.BatchNorm1d(units)}
        seconds: dict[str, list[float]] = {series: [] for series in layers}
        for _ in range(REPEATS + 1):
            for series, layer in layers.items():
                began = perf_counter()
                _passes(layer, batch, direction)
                seconds[series].append(perf_counter() - began)
        # the first one warms up
        taken = {series: median(each[1:]) for series, each in seconds.items()}
        for series, time in taken.items():
            yield Measurement(seed, "time", series, units, 1e3 * time)
        for series in (ZCA, ITERNORM):
            yield Measurement(seed, "time_ratio", series, units, taken[series] / taken[BATCH])
