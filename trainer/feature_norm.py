"""Layers whose outputs BatchNorm is made for, and what can stand behind them."""

from typing import cast

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class FeatureBatchNorm(nn.BatchNorm1d):
    """BatchNorm over the last axis, for what nn.Linear puts out: (…, features) of any rank.

    Each feature is normalized over all other axes: over the batch, and over tokens where there are
    any. On (batch, features) it is nn.BatchNorm1d.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(…, features) → the same shape."""
        return super().forward(input.reshape(-1, self.num_features)).reshape(input.shape)


class Affine(nn.Module):
    """weight·x + bias per channel: what a BatchNorm in inference mode computes.

    Attributes:
        weight: (channels,).
        bias: (channels,).
        axis: Of the channels: 1, or −1 where the last axis has the features.
    """

    def __init__(self, weight: nn.Parameter, bias: nn.Parameter, axis: int) -> None:
        super().__init__()
        self.weight = weight
        self.bias = bias
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        """The same shape and dtype as x, as with BatchNorm."""
        shape = [1] * x.dim()
        shape[self.axis] = -1
        return (self.weight.view(shape) * x + self.bias.view(shape)).to(x.dtype)


NORM_OF: dict[type[nn.Module], type[_BatchNorm]] = {
    nn.Linear: FeatureBatchNorm,
    nn.Conv1d: nn.BatchNorm1d,
    nn.Conv2d: nn.BatchNorm2d,
    nn.Conv3d: nn.BatchNorm3d,
    nn.ConvTranspose1d: nn.BatchNorm1d,
    nn.ConvTranspose2d: nn.BatchNorm2d,
    nn.ConvTranspose3d: nn.BatchNorm3d,
}
LAYERS = tuple(NORM_OF)


def units_of(layer: nn.Module) -> int:
    """The outputs of a Linear or the output channels of a convolution."""
    return cast(int, layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels)


def exact(tensor: Tensor) -> Tensor:
    """In float64, on the CPU: not every device has it."""
    return tensor.detach().cpu().double()
