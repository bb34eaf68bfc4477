"""BatchNorm of each activation by itself in the last module of an Inception (paper §4.2.3).

    x̂ = (x − μ) / √(σ² + ε),  y = γx̂ + β

with μ, σ², γ and β for each channel at each position, over the examples of the batch alone; that of
a convolution (§3.2) takes a channel's positions together. Ioffe & Szegedy (2015).
"""

from collections import OrderedDict

from torch import nn

from .inception_module import InceptionModule


def norm_each_activation(network: nn.Module, side: int) -> None:
    """Put it in the place of every BatchNorm of the network's last module.

    Each becomes (batch, channels, side, side) → rows of activations → the same shape, so that an
    activation is a unit of its records.

    Args:
        network: An Inception; changed in place.
        side: Height and width of the last module's images.
    """
    last = [module for module in network.modules() if isinstance(module, InceptionModule)][-1]
    for block in last.children():
        old = getattr(block, "norm", None)
        if isinstance(old, nn.BatchNorm2d):
            shape = (old.num_features, side, side)
            each = nn.BatchNorm1d(old.num_features * side**2, old.eps, old.momentum, old.affine)
            parts = OrderedDict[str, nn.Module](
                flat=nn.Flatten(), each=each, image=nn.Unflatten(1, shape)
            )
            block.add_module("norm", nn.Sequential(parts))
