"""What our own norms over a batch share: when they train, their running statistics, γ and β."""

from typing import Self

import torch
from torch import Tensor, nn

from .norm import NamedNorm, NormSettings


class RunningNorm(NamedNorm, nn.BatchNorm1d):
    """A relative of BatchNorm: PyTorch's parameters and buffers, other formulas.

    It takes (batch, units). Of images, (batch, channels, height, width), every position of every
    example is a row of channels, so that statistics go over m' = m · height · width rows (paper
    §3.2). A subclass says in `normalize` what training computes, and may change how it infers.
    Statistics are always there; without `track_running_stats` they stay as they are.
    """

    running_mean: Tensor  # pyright: ignore[reportIncompatibleVariableOverride]
    running_var: Tensor  # pyright: ignore[reportIncompatibleVariableOverride]
    num_batches_tracked: Tensor  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self, units: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True
    ) -> None:
        super().__init__(units, eps, momentum, affine)

    @classmethod
    def made(cls, units: int, settings: NormSettings) -> Self:
        """What an arm asks for."""
        return cls(units, settings.epsilon, settings.momentum, settings.affine)

    def forward(self, input: Tensor) -> Tensor:
        """(batch, units) or (batch, channels, height, width) → the same shape.

        Raises:
            ValueError: The input is neither, or in training there is one row only.
        """
        if input.ndim == 4:
            last = input.movedim(1, -1)
            return self.of_rows(last.reshape(-1, last.shape[-1])).view(last.shape).movedim(-1, 1)
        if input.ndim != 2:
            raise ValueError(
                f"{type(self).__name__} normalizes (batch, units) or (batch, channels, height, "
                f"width), got {tuple(input.shape)}; flatten what has other axes."
            )
        return self.of_rows(input)

    def of_rows(self, input: Tensor) -> Tensor:
        """(rows, units) → the same shape, in the module's mode."""
        if not self.training:
            return self.infer(input)
        if len(input) < 2:  # torch's own words
            raise ValueError(
                f"Expected more than 1 value per channel when training, got input size "
                f"{tuple(input.shape)}: give batches of at least 2 examples."
            )
        if self.track_running_stats:
            self.num_batches_tracked.add_(1)
        return self.normalize(input)

    def normalize(self, x: Tensor) -> Tensor:
        """What training computes; it calls `mix_in` with the batch's statistics."""
        raise NotImplementedError

    def infer(self, x: Tensor) -> Tensor:
        """Algorithm 2, step 11: y = γ/√(Var + ε) · x + (β − γE/√(Var + ε)), a fixed line."""
        return self.scale_and_shift((x - self.running_mean) * self.inverse_std(self.running_var))

    def inverse_std(self, variance: Tensor) -> Tensor:
        """1/√(σ² + ε)."""
        return (variance + self.eps).rsqrt()

    def scale_and_shift(self, normalized: Tensor) -> Tensor:
        """γx̂ + β, or x̂ as it is."""
        return normalized * self.weight + self.bias if self.affine else normalized

    def mix_in(self, mean: Tensor, variance: Tensor, examples: int) -> None:
        """Move the running statistics towards a batch's mean and biased variance, (units,).

        running ← (1 − a) · running + a · batch, the variance with the factor m/(m−1); a is the
        momentum or, where that is None, 1/batches so far, which makes them averages.
        """
        if self.track_running_stats:
            self.average(self.running_mean, mean)
            self.average(self.running_var, variance * (examples / (examples - 1)))

    @torch.no_grad()
    def average(self, running: Tensor, batch: Tensor) -> None:
        """Move one running statistic towards the batch's."""
        share: Tensor | float = self.num_batches_tracked.to(running.dtype).reciprocal()
        if self.momentum is not None:
            share = self.momentum
        running.add_((batch.detach() - running) * share)
