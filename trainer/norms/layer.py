"""Layer Normalization: BatchNorm's formula, with μ and σ² of each example over the layer's units.

    y = γ(x − μ) / √(σ² + ε) + β

γ and β are of each unit; of images, μ and σ² go over all channels and positions, and γ and β are of
each channel. Ba, Kiros & Hinton (2016), arXiv:1607.06450. No batch is needed, and
inference does what training does. As PyTorch computes it.
"""

from torch import nn

from .norm import NamedNorm, Norm, NormSettings


class LayerNormOfImages(NamedNorm, nn.GroupNorm):
    """LayerNorm of (batch, channels, height, width): GroupNorm with a single group."""

    norm_name = "layer"


def _make(units: int, settings: NormSettings) -> nn.LayerNorm | LayerNormOfImages:
    if settings.of_images:
        return LayerNormOfImages(1, units, settings.epsilon, settings.affine)
    return nn.LayerNorm(units, settings.epsilon, settings.affine)


NORM = Norm(_make)
