"""Group Normalization: the units are split into groups, and μ and σ² are of each example and group.

    y = γ(x − μ) / √(σ² + ε) + β

With one group it is LayerNorm; groups of one unit would leave nothing but β. Of images, statistics
go over the positions of a group's channels too, and groups of one channel are InstanceNorm. Wu & He
(2018), arXiv:1803.08494. As PyTorch computes it.
"""

from torch import nn

from .norm import Norm, NormSettings


def _make(units: int, settings: NormSettings) -> nn.GroupNorm:
    return nn.GroupNorm(settings.groups, units, settings.epsilon, settings.affine)


NORM = Norm(_make)
