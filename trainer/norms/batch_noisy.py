"""BatchNorm, and then noise that moves each unit's mean and scale at every step.

    per step and unit     μⱼ ~ U(−n_μ, n_μ),  σⱼ ~ U(1, n_σ)
    per example and unit  mᵢⱼ ~ U(μⱼ − r_μ, μⱼ + r_μ),  sᵢⱼ ~ N(σⱼ, r_σ)
    output                sᵢⱼ · yᵢⱼ + mᵢⱼ,  y = BatchNorm(x) with γ and β

n_μ = 0.5, n_σ = 1.25, r_μ = r_σ = 0.1; r_σ is taken for a standard deviation, which the source
leaves open. Its inputs shift more than without any norm, and yet such a network trains like one
with BatchNorm. Inference has no noise. Santurkar et al. (2018), arXiv:1805.11604, Algorithm 1.
"""

import torch
from torch import Tensor

from .hashed_noise import normal, uniform
from .norm import Norm, NormSettings
from .running import RunningNorm

MEAN_SPREAD, SCALE_END, MEAN_JITTER, SCALE_JITTER = 0.5, 1.25, 0.1, 0.1
"""n_μ, n_σ, r_μ and r_σ."""


class BatchNoisy(RunningNorm):
    """BatchNorm with noise behind it: (rows, units) → the same shape.

    Attributes:
        key: int64, a buffer: the seed of the noise.
    """

    norm_name = "batch_noisy"
    key: Tensor

    def __init__(
        self, units: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True,
        *, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(units, eps, momentum, affine)
        self.register_buffer("key", self.num_batches_tracked.new_tensor(seed))

    def normalize(self, x: Tensor) -> Tensor:
        """The formula above."""
        variance, mean = torch.var_mean(x, 0, correction=0)
        self.mix_in(mean, variance, len(x))
        y = self.scale_and_shift((x - mean) * self.inverse_std(variance))
        if not self.track_running_stats:  # by the batch's statistics alone
            return y
        scale, shift = (noise.to(x.dtype) for noise in self.noise(*x.shape))
        return scale * y + shift

    def noise(self, examples: int, units: int) -> tuple[Tensor, Tensor]:
        """s and m of this step, (examples, units)."""
        keys, step = [4 * self.key + number for number in range(4)], self.num_batches_tracked
        mean = MEAN_SPREAD * (2 * uniform((units,), keys[0], step) - 1)
        scale = 1 + (SCALE_END - 1) * uniform((units,), keys[1], step)
        shift = mean + MEAN_JITTER * (2 * uniform((examples, units), keys[2], step) - 1)
        return scale + SCALE_JITTER * normal((examples, units), keys[3], step), shift


def _make(units: int, settings: NormSettings) -> BatchNoisy:
    return BatchNoisy(
        units, settings.epsilon, settings.momentum, settings.affine, seed=settings.seed
    )


NORM = Norm(_make, cancels_bias=True)
