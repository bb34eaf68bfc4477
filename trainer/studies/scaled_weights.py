"""BatchNorm does not see the scale of the weights before it: BN((aW)u) = BN(Wu) (E19).

§3.3 of Ioffe & Szegedy (2015): ∂BN((aW)u)/∂u is the same, ∂BN((aW)u)/∂(aW) = 1/a · ∂BN(Wu)/∂W.
It follows that ⟨W, ∂L/∂W⟩ = 0, for each unit's weights: a gradient step is orthogonal to them and
makes them longer, ‖W'‖² = ‖W‖² + η²‖∂L/∂W‖², and the effective learning rate η/‖W‖² smaller
(van Laarhoven 2017, arXiv:1706.05350). Float64; by our BatchNorm, since PyTorch's has no ε = 0.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from ...db.study import Measurement, Study
from ..norms.batch_explicit import BatchNormFunction
from . import Load

EXAMPLES, INPUTS, UNITS = 60, 40, 20
FACTORS = (0.001, 0.01, 0.1, 10.0, 100.0, 1000.0)
RATES = (0.1, 1.0, 10.0)
STEPS, EVERY = 200, 5


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """By a: what aW changes. By step: the length of weights that gradient descent trains."""
    generator = torch.Generator().manual_seed(seed)
    inputs, weights, target = (
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((EXAMPLES, INPUTS), (UNITS, INPUTS), (EXAMPLES, UNITS))
    )
    weights = weights / INPUTS**0.5
    for epsilon in (0.0, 1e-5):
        output, of_inputs, of_weights = _passes(inputs, weights, target, epsilon)
        for factor in FACTORS:
            scaled = _passes(inputs, factor * weights, target, epsilon)
            for part, one, other in (
                ("y", output, scaled[0]),
                ("∂L/∂u", of_inputs, scaled[1]),
                ("a · ∂L/∂(aW)", of_weights, factor * scaled[2]),
            ):
                error = ((other - one).norm() / one.norm()).item()
                series = f"{part}, ε = {epsilon:g}"
                yield Measurement(seed, "invariance_error", series, factor, error)
            size = (scaled[2].norm() / of_weights.norm()).item()
            yield Measurement(seed, "gradient_size", f"ε = {epsilon:g}", factor, size)
    for factor in FACTORS:
        yield Measurement(seed, "gradient_size", "1/a", factor, 1 / factor)
    for rate in RATES:
        yield from _descend(seed, rate, inputs, weights, target)


def _passes(
    inputs: Tensor, weights: Tensor, target: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """y = BN(Wu), and the gradients of mean((tanh(y) − t)²) for u and for W."""
    inputs, weights = (tensor.clone().requires_grad_() for tensor in (inputs, weights))
    gamma, beta = weights.new_ones(len(weights)), weights.new_zeros(len(weights))
    output = BatchNormFunction.apply(inputs @ weights.mT, gamma, beta, epsilon)[0]
    loss = (output.tanh() - target).square().mean()
    of_inputs, of_weights = torch.autograd.grad(loss, (inputs, weights))
    return output.detach(), of_inputs, of_weights


def _descend(
    seed: int, rate: float, inputs: Tensor, weights: Tensor, target: Tensor
) -> Iterator[Measurement]:
    """Gradient descent without ε, weight decay or momentum."""
    series = f"lr {rate:g}"
    begun = weights.norm()
    for step in range(STEPS + 1):
        _, _, gradient = _passes(inputs, weights, target, 0.0)
        if step % EVERY == 0:
            angle = ((weights * gradient).sum() / (weights.norm() * gradient.norm())).abs()
            for quantity, value in (
                ("weight_norm", weights.norm() / begun),
                ("alignment", angle),
                ("effective_rate", rate * begun.square() / weights.square().sum()),
            ):
                yield Measurement(seed, quantity, series, step, value.item())
        weights = weights - rate * gradient
