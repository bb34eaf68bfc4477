"""BatchNorm's backward pass, three ways and against finite differences (E20).

The chain rule as §3 of Ioffe & Szegedy (2015) prints it, its simplified form, which
`norms/batch_explicit.py` computes, and autograd's of Algorithm 1 as it stands.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.autograd import gradcheck

from ...db.study import Measurement, Study
from ..norms.batch_explicit import BatchNormFunction
from . import Load

UNITS, EPSILON = 10, 1e-5
BATCHES = (2, 4, 8, 16, 32, 60, 128, 256)
CHECKED = (2, 4, 8, 16)
"""Batch sizes for gradcheck, whose cost grows with the square of the inputs."""
TOLERANCE = 1e-7
DISTANCES = tuple(10.0 ** (-exponent / 2) for exponent in range(2, 23))
Gradients = tuple[Tensor, Tensor, Tensor]
"""Of x (m, units), γ and β (units,)."""


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """By batch size: differences of dx, dγ and dβ, as shares of autograd's, and gradcheck's word.

    By the distance h of central differences in float64: what they miss the formula by.
    """
    generator = torch.Generator().manual_seed(seed)
    for size in BATCHES:
        drawn = [
            torch.randn(*shape, generator=generator, dtype=torch.float64)
            for shape in ((size, UNITS), (size, UNITS), (UNITS,), (UNITS,))
        ]
        for dtype in (torch.float64, torch.float32):
            x, dy, gamma, beta = (tensor.to(dtype) for tensor in drawn)
            reference = _by_autograd(_algorithm_1, x, dy, gamma, beta)
            for form, gradients in (
                ("simplified", _by_autograd(_ours, x, dy, gamma, beta)),
                ("as printed", _as_printed(x, dy, gamma)),
            ):
                error = max(
                    ((one - other).abs().max() / other.abs().max()).item()
                    for one, other in zip(gradients, reference, strict=True)
                )
                series = f"{form}, {str(dtype).removeprefix('torch.')}"
                yield Measurement(seed, "difference", series, size, error)
        if size in CHECKED:
            x, _, gamma, beta = (tensor.requires_grad_() for tensor in drawn)
            passed = gradcheck(_ours, (x, gamma, beta), atol=TOLERANCE, raise_exception=False)
            yield Measurement(seed, "gradcheck", "simplified, float64", size, float(passed))
    yield from _finite_differences(seed, generator)


def _algorithm_1(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    mean = x.mean(0)
    variance = (x - mean).square().mean(0)
    return gamma * (x - mean) / (variance + EPSILON).sqrt() + beta


def _ours(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    return BatchNormFunction.apply(x, gamma, beta, EPSILON)[0]


def _by_autograd(
    norm: Callable[[Tensor, Tensor, Tensor], Tensor],
    x: Tensor,
    dy: Tensor,
    gamma: Tensor,
    beta: Tensor,
) -> Gradients:
    entering = tuple(tensor.detach().clone().requires_grad_() for tensor in (x, gamma, beta))
    dx, dgamma, dbeta = torch.autograd.grad(norm(*entering), entering, dy)
    return dx, dgamma, dbeta


def _as_printed(x: Tensor, dy: Tensor, gamma: Tensor) -> Gradients:
    """The six equations of the paper's §3, in its order."""
    size, mean = len(x), x.mean(0)
    variance = (x - mean).square().mean(0)
    root = (variance + EPSILON).sqrt()
    normalized = (x - mean) / root
    dnormalized = dy * gamma
    dvariance = (dnormalized * (x - mean) * -0.5 * (variance + EPSILON) ** -1.5).sum(0)
    dmean = (-dnormalized / root).sum(0) + dvariance * (-2 * (x - mean)).mean(0)
    dx = dnormalized / root + dvariance * 2 * (x - mean) / size + dmean / size
    return dx, (dy * normalized).sum(0), dy.sum(0)


def _finite_differences(seed: int, generator: torch.Generator) -> Iterator[Measurement]:
    """(L(x + hv) − L(x − hv))/2h beside ⟨∂L/∂x, v⟩, L = Σ tanh(y) and v a random direction."""
    x, v = (torch.randn(60, UNITS, generator=generator, dtype=torch.float64) for _ in range(2))
    gamma, beta = torch.ones(UNITS, dtype=x.dtype), torch.zeros(UNITS, dtype=x.dtype)

    def loss(x: Tensor) -> Tensor:
        return _ours(x, gamma, beta).tanh().sum()

    entering = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(entering), entering)
    exact = (gradient * v).sum().item()
    for h in DISTANCES:
        slope = (loss(x + h * v) - loss(x - h * v)).item() / (2 * h)
        error = abs(slope - exact) / abs(exact)
        yield Measurement(seed, "finite_difference", "central difference", h, error)
