"""What convolutional networks are made of: convolution, norm and activation, as an arm asks."""

from collections import OrderedDict

from torch import Tensor, nn

from ...db.arm import Arm
from ...db.network import Network
from ..norms import NormSettings, norms
from ..norms.hashed_noise import APART
from .dropout import Dropout

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
}
MOST_NORMS = 1024
"""More norms than a convolutional network has: their seeds are that far apart."""


class Blocks:
    """Makes the blocks of one network; no two of its norms have the same seed."""

    def __init__(self, network: Network, arm: Arm, seed: int) -> None:
        """`seed` is that of what norms draw."""
        self.network = network
        self.arm = arm
        self._norm = norms()[arm.norm]
        self._next_seed = seed * MOST_NORMS

    def block(self, channels: int, units: int, size: int, stride: int = 1) -> nn.Sequential:
        """Convolution `conv`, `norm` and `activation`, the norm in the arm's place or nowhere.

        (batch, channels, h, w) → (batch, units, h/stride, w/stride), zeros around the border.
        Right before a norm that cancels it, the bias is left out (paper §3.2).
        """
        is_before = self.arm.norm_place == "before"
        convolution = self.convolution(channels, units, size, stride, normalized=is_before)
        parts = OrderedDict[str, nn.Module](conv=convolution)
        parts.update(self.behind(units))
        return nn.Sequential(parts)

    def behind(self, units: int) -> OrderedDict[str, nn.Module]:
        """`norm` and `activation`, in the arm's order."""
        normalization = self.norm(units)
        parts = [("activation", self.activation())]
        if normalization is not None:
            parts.insert(0 if self.arm.norm_place == "before" else 1, ("norm", normalization))
        return OrderedDict(parts)

    def convolution(
        self, channels: int, units: int, size: int, stride: int = 1, *, normalized: bool
    ) -> nn.Conv2d:
        """A convolution as the norm wants it; `normalized`: the norm comes right behind it."""
        bias = not (normalized and self._norm.cancels_bias)
        return self._norm.conv(channels, units, size, stride, padding=size // 2, bias=bias)

    def norm(self, units: int) -> nn.Module | None:
        """The arm's norm of some channels; None where it has none."""
        self._next_seed += 1
        return self._norm.make(
            units, norm_settings(self.network, self.arm, self._next_seed - 1, of_images=True)
        )

    def activation(self) -> nn.Module:
        """The nonlinearity."""
        return ACTIVATIONS[self.network.activation]()

    def head(self, channels: int, classes: int) -> OrderedDict[str, nn.Module]:
        """From (batch, channels, h, w) to logits: the `mean` over all positions, `dropout` if there
        is any, and `output`."""
        parts = OrderedDict[str, nn.Module](mean=Pooled())
        if self.network.dropout:
            parts["dropout"] = Dropout(self.network.dropout, APART + self._next_seed)
        parts["output"] = nn.Linear(channels, classes)
        return parts


def norm_settings(
    network: Network, arm: Arm, seed: int, *, of_images: bool = False
) -> NormSettings:
    """What is asked of a norm."""
    return NormSettings(
        epsilon=network.bn_epsilon,
        momentum=network.bn_momentum,
        affine=arm.affine,
        groups=network.norm_groups,
        seed=seed,
        of_images=of_images,
    )


class Pooled(nn.Module):
    """The mean over all positions: (batch, channels, h, w) → (batch, channels)."""

    def forward(self, x: Tensor) -> Tensor:
        """Of any height and width."""
        return x.mean((2, 3))
