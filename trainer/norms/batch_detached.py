"""BatchNorm whose statistics are constants to the gradient: what the paper warns of in §2.

    y = γ(x − μ) / √(σ² + ε) + β,  with  ∂μ/∂x = ∂σ²/∂x = 0

so that dx = γ dy/√(σ² + ε), which no longer sums to 0 over a batch. The layer keeps its bias b: it
gets the gradient Σ dx, yet y does not depend on it, so that it grows without an end while the loss
stays; the weights are driven likewise. Ioffe & Szegedy (2015), arXiv:1502.03167, §2.
"""

import torch
from torch import Tensor

from .norm import Norm
from .running import RunningNorm


class BatchDetached(RunningNorm):
    """BatchNorm outside of the gradient: (rows, units) → the same shape."""

    norm_name = "batch_detached"

    def normalize(self, x: Tensor) -> Tensor:
        """The formula above."""
        variance, mean = torch.var_mean(x.detach(), 0, correction=0)
        self.mix_in(mean, variance, len(x))
        return self.scale_and_shift((x - mean) * self.inverse_std(variance))


NORM = Norm(BatchDetached.made)
