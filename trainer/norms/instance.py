"""Instance Normalization: μ and σ² of each channel of each example, over its positions.

    y = γ(x − μ) / √(σ² + ε) + β

Of images only: a unit of a multilayer perceptron has one position, and its output would be β.
Ulyanov, Vedaldi & Lempitsky (2016), arXiv:1607.08022. Inference does what training does. As PyTorch
computes it, but by GroupNorm with groups of one channel, which takes a single position too.
"""

from torch import nn

from .norm import NamedNorm, Norm, NormSettings


class InstanceNormOfImages(NamedNorm, nn.GroupNorm):
    """InstanceNorm of (batch, channels, height, width): GroupNorm with groups of one channel."""

    norm_name = "instance"


def _make(units: int, settings: NormSettings) -> nn.Module:
    return InstanceNormOfImages(units, units, settings.epsilon, settings.affine)


NORM = Norm(_make)
