"""Full whitening: units are decorrelated too, by the covariance of the batch (ZCA).

    Σ = 1/m Σᵢ (xᵢ − μ)(xᵢ − μ)ᵀ = U Λ Uᵀ,  W = U (Λ + ε)^(−1/2) Uᵀ,  x̂ = W(x − μ),  y = γx̂ + β

Inference takes the moving averages of μ and W. What the paper calls costly and not everywhere
differentiable (Ioffe & Szegedy 2015, arXiv:1502.03167, §2); as a layer: Huang et al. (2018),
Decorrelated Batch Normalization, arXiv:1804.08450, here over all units at once. The covariance of m
examples has the rank min(m − 1, units) at most; where that is less than the units, ε = 0 gives NaN.

The gradient is that of the matrix function (Daleckii & Krein 1965): dW = U (K ∘ Uᵀ dΣ U) Uᵀ with
Kᵢⱼ = −1/(sᵢsⱼ(sᵢ + sⱼ)), s = √(λ + ε). It is finite where eigenvalues coincide, as the zeros of a
small batch do, and where the derivatives of U, which others use, are not.
"""

from typing import Any

import torch
from torch import Tensor

from .norm import Norm
from .running import RunningNorm


class InverseRoot(torch.autograd.Function):
    """(Σ (d, d) symmetric, ε) → (Σ + εI)^(−1/2), U, √(λ + ε); only the first has a gradient.

    Eigenvalues that are zeros but for rounding are taken for zeros. Where Σ is not finite, the
    result is NaN: a network that diverges is no error.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(covariance: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
        """By eigendecomposition."""
        units = covariance.shape[-1]
        is_finite = covariance.isfinite().all()
        eye = torch.eye(units, dtype=covariance.dtype, device=covariance.device)
        values, vectors = torch.linalg.eigh(torch.where(is_finite, covariance, eye))
        noise = units * torch.finfo(values.dtype).eps * values.amax(-1, keepdim=True)
        roots = (torch.where(values > noise, values, 0) + epsilon).sqrt()
        inverse = (vectors / roots) @ vectors.mT
        return torch.where(is_finite, inverse, torch.nan), vectors, roots

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep U and √(λ + ε)."""
        _, vectors, roots = output
        ctx.mark_non_differentiable(vectors, roots)
        ctx.save_for_backward(vectors, roots)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        """The formula above, which is its own adjoint."""
        vectors, roots = ctx.saved_tensors
        rows, columns = roots[:, None], roots[None, :]
        kernel = -1 / (rows * columns * (rows + columns))
        found = vectors @ (kernel * (vectors.mT @ grads[0] @ vectors)) @ vectors.mT
        return (found + found.mT) / 2, None


class Whitening(RunningNorm):
    """Decorrelated BatchNorm: (rows, units) → the same shape.

    Attributes:
        running_whitening: (units, units), the moving average of W.
    """

    norm_name = "whitening"
    running_whitening: Tensor

    def __init__(
        self, units: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True
    ) -> None:
        super().__init__(units, eps, momentum, affine)
        self.register_buffer("running_whitening", torch.eye(units))

    def reset_running_stats(self) -> None:
        """μ = 0, σ² = 1, W = I, as it begins."""
        super().reset_running_stats()
        if hasattr(self, "running_whitening"):  # the first time it is not there yet
            torch.nn.init.eye_(self.running_whitening)

    def normalize(self, x: Tensor) -> Tensor:
        """The formula above."""
        mean = x.mean(0)
        centred = x - mean
        covariance = centred.mT @ centred / len(x)
        matrix = self.whitening(covariance)
        self.mix_in(mean, covariance.diagonal(), len(x))
        if self.track_running_stats:
            self.average(self.running_whitening, matrix)
        return self.scale_and_shift(centred @ matrix)

    def infer(self, x: Tensor) -> Tensor:
        """With the moving averages of μ and W."""
        return self.scale_and_shift((x - self.running_mean) @ self.running_whitening)

    def whitening(self, covariance: Tensor) -> Tensor:
        """W of a covariance, (units, units), symmetric."""
        return InverseRoot.apply(covariance, self.eps)[0]


NORM = Norm(Whitening.made, cancels_bias=True)
