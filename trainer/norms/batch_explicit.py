"""Our own Batch Normalization, with the backward pass written out.

    forward   μ = 1/m Σ xᵢ,  σ² = 1/m Σ (xᵢ − μ)²,  r = 1/√(σ² + ε),  x̂ = (x − μ)r,  y = γx̂ + β
    backward  dβ = Σ dyᵢ,  dγ = Σ dyᵢx̂ᵢ,  dxᵢ = γr/m · (m dyᵢ − dβ − x̂ᵢ dγ)

Sums go over the m examples of the batch, for each unit: O(m), from x̂, σ² and γ alone. Ioffe &
Szegedy (2015), arXiv:1502.03167, Algorithm 1, and the chain rule of its §3 simplified.
"""

from typing import Any

import torch
from torch import Tensor

from .norm import Norm
from .running import RunningNorm


class BatchNormFunction(torch.autograd.Function):
    """(x (m, units), γ, β, ε) → y, x̂, μ, σ²; only y has a gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Algorithm 1."""
        mean = x.mean(0)
        centred = x - mean
        variance = (centred * centred).mean(0)
        normalized = centred * (variance + epsilon).rsqrt()
        return normalized * gamma + beta, normalized, mean, variance

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep x̂, σ² and γ."""
        _, gamma, _, ctx.epsilon = inputs
        _, normalized, mean, variance = output
        ctx.mark_non_differentiable(normalized, mean, variance)
        ctx.save_for_backward(normalized, variance, gamma)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """The formulas above."""
        dy, (normalized, variance, gamma) = grads[0], ctx.saved_tensors
        examples = len(dy)
        dbeta, dgamma = dy.sum(0), (dy * normalized).sum(0)
        factor = gamma * (variance + ctx.epsilon).rsqrt() / examples
        return factor * (examples * dy - dbeta - normalized * dgamma), dgamma, dbeta, None


class BatchExplicit(RunningNorm):
    """BatchNorm by `BatchNormFunction`."""

    norm_name = "batch_explicit"

    def normalize(self, x: Tensor) -> Tensor:
        """Algorithm 1."""
        gamma, beta = self.weight, self.bias
        if not self.affine:
            gamma, beta = x.new_ones(x.shape[1]), x.new_zeros(x.shape[1])
        y, _, mean, variance = BatchNormFunction.apply(x, gamma, beta, self.eps)
        self.mix_in(mean, variance, len(x))
        return y


NORM = Norm(BatchExplicit.made, cancels_bias=True)
