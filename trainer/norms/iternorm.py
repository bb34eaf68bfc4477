"""IterNorm: whitening by Newton's iteration instead of an eigendecomposition.

    Σ_N = (Σ + εI)/tr(Σ + εI),  P₀ = I,  Pₖ = ½(3Pₖ₋₁ − Pₖ₋₁³ Σ_N),  W = P_T/√tr(Σ + εI)

with T = 5, and otherwise as `whitening`. P_T goes to Σ_N^(−1/2); directions of little variance, for
which 5 iterations do not suffice, are whitened in part, which is what makes it stable with small
batches. Huang et al. (2019), Iterative Normalization, arXiv:1904.03441, Algorithm 1, here over all
units at once; the gradient is autograd's.
"""

from typing import ClassVar

import torch
from torch import Tensor

from .norm import Norm
from .whitening import Whitening


class IterNorm(Whitening):
    """Whitening by T Newton iterations: (rows, units) → the same shape."""

    norm_name = "iternorm"
    iterations: ClassVar[int] = 5

    def whitening(self, covariance: Tensor) -> Tensor:
        """W of a covariance, (units, units), symmetric."""
        eye = torch.eye(len(covariance), dtype=covariance.dtype, device=covariance.device)
        covariance = covariance + self.eps * eye
        trace = covariance.diagonal().sum()
        normalized, power = covariance / trace, eye
        for _ in range(self.iterations):
            power = 1.5 * power - 0.5 * power @ power @ power @ normalized
        return power * trace.rsqrt()


NORM = Norm(IterNorm.made, cancels_bias=True)
