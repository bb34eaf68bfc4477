"""Batch Normalization, as PyTorch computes it.

    x̂ = (x − μ) / √(σ² + ε),  y = γx̂ + β

μ and σ² (biased) are of each unit over the batch, of a channel over all positions too (§3.2); in
inference their moving averages take their
place, that of σ² with the factor m/(m−1). Ioffe & Szegedy (2015), arXiv:1502.03167, Algorithms 1
and 2.
"""

from torch import nn

from .norm import Norm, NormSettings


def _make(units: int, settings: NormSettings) -> nn.BatchNorm1d | nn.BatchNorm2d:
    kind = nn.BatchNorm2d if settings.of_images else nn.BatchNorm1d
    return kind(units, settings.epsilon, settings.momentum, settings.affine)


NORM = Norm(_make, cancels_bias=True)
