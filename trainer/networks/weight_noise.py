"""Gaussian noise on weights, new at each training step, which belongs to a seed and a layer."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from ..norms.hashed_noise import normal

MOST_WEIGHTS = 1024
"""As many weights as a network may have: keys of seeds are that far apart."""


class WeightNoise(nn.Module):
    """W → W + share · std(W) · N(0, 1) in training, element by element; W in inference.

    The noise is a constant to the gradient, its size included, so that ∂L/∂W is the gradient at the
    noisy weights.

    Attributes:
        share: Of the std of the weight matrix.
        key: int64, a buffer: what sets it apart from everything else that draws.
        passes: int64, a buffer: forward passes in training so far.
    """

    key: Tensor
    passes: Tensor

    def __init__(self, share: float, key: int) -> None:
        super().__init__()
        self.share = share
        self.register_buffer("key", torch.tensor(key))
        self.register_buffer("passes", torch.tensor(0))

    def forward(self, weight: Tensor) -> Tensor:
        """Weights of any shape."""
        if not self.training:
            return weight
        self.passes.add_(1)
        noise = normal(tuple(weight.shape), self.key, self.passes).to(weight.dtype)
        return weight + self.share * weight.detach().std() * noise


def add_weight_noise(network: nn.Module, share: float, key: int) -> None:
    """Put noise on every weight matrix and kernel of a network, its parameters staying as they are.

    Args:
        network: Changed in place, by torch's parametrizations.
        share: Of the std of each weight.
        key: Of the first weight; those of the others count up from it.
    """
    weighted = [
        module
        for module in network.modules()
        if isinstance(weight := getattr(module, "weight", None), nn.Parameter) and weight.ndim > 1
    ]
    for at, module in enumerate(weighted):
        register_parametrization(module, "weight", WeightNoise(share, key + at), unsafe=True)
