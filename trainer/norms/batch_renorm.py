"""Batch Renormalization: BatchNorm, corrected towards the running statistics.

    x̂ = (x − μ_B)/σ_B · r + d,  y = γx̂ + β,  σ_B = √(σ²_B + ε),  σ = √(running variance + ε)
    r = clip(σ_B/σ, 1/r_max, r_max),  d = clip((μ_B − μ)/σ, −d_max, d_max)

r and d are constants to the gradient, taken from the running statistics as they were before the
batch; unclipped, x̂ = (x − μ)/σ, which is what inference computes. Bounds open as in the paper:
r_max = 1 and d_max = 0 (BatchNorm) for 5,000 batches, then linearly to r_max = 3 at 40,000 and
d_max = 5 at 25,000. Ioffe (2017), arXiv:1702.03275. Unlike there, the running average is that of
the variance, as in BatchNorm, not that of its root.
"""

import torch
from torch import Tensor

from .norm import Norm
from .running import RunningNorm

BEGIN, R_END, D_END = 5_000, 40_000, 25_000
"""Batches after which the bounds begin to open, and after which each is as wide as it gets."""
R_MAX, D_MAX = 3.0, 5.0


class BatchRenorm(RunningNorm):
    """BatchNorm corrected by r and d: (rows, units) → the same shape."""

    norm_name = "batch_renorm"

    def normalize(self, x: Tensor) -> Tensor:
        """The formula above."""
        variance, mean = torch.var_mean(x, 0, correction=0)
        if not self.track_running_stats:  # by the batch's statistics alone
            return self.scale_and_shift((x - mean) * self.inverse_std(variance))
        r, d = self.correction(mean, variance)
        self.mix_in(mean, variance, len(x))
        return self.scale_and_shift((x - mean) * self.inverse_std(variance) * r + d)

    @torch.no_grad()
    def correction(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """r and d of a batch, (units,)."""
        r_max, d_max = self.bounds()
        inverse = self.inverse_std(self.running_var)
        r = (variance + self.eps).sqrt() * inverse
        d = (mean - self.running_mean) * inverse
        return r.clamp(1 / r_max, r_max), d.clamp(-d_max, d_max)

    def bounds(self) -> tuple[Tensor, Tensor]:
        """r_max and d_max of this batch, as tensors: how far they are open is decided on the device
        at every step."""
        past = self.num_batches_tracked - BEGIN
        r = (past / (R_END - BEGIN)).clamp(0, 1)
        d = (past / (D_END - BEGIN)).clamp(0, 1)
        return 1 + (R_MAX - 1) * r, D_MAX * d


NORM = Norm(BatchRenorm.made, cancels_bias=True)
