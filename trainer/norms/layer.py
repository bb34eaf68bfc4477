"""Layer Normalization: BatchNorm's formula, with μ and σ² of each example over the layer's units.

    y = γ(x − μ) / √(σ² + ε) + β

γ and β are of each unit. Ba, Kiros & Hinton (2016), arXiv:1607.06450. No batch is needed, and
inference does what training does. As PyTorch computes it.
"""

from torch import nn

from .norm import Norm, NormSettings


def _make(units: int, settings: NormSettings) -> nn.LayerNorm:
    return nn.LayerNorm(units, settings.epsilon, settings.affine)


NORM = Norm(_make)
