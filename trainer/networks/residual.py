"""A small residual network, with its nonlinearities behind or ahead of the convolutions.

    post  x ← g(norm(W₂ g(norm(W₁x))) + s(x))     He et al. (2015), arXiv:1512.03385
    pre   x ← W₂ g(norm(W₁ g(norm(x)))) + s(x)     He et al. (2016), arXiv:1603.05027

s is the identity, or a 1×1 convolution where the shape changes (with a norm behind it in post).
"""

from collections import OrderedDict

from torch import Tensor, nn

from ...db.arm import Arm
from ...db.network import Network
from .block import Blocks


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut: (batch, channels, h, w) → (batch, units, h/s, w/s)."""

    def __init__(self, blocks: Blocks, channels: int, units: int, stride: int) -> None:
        super().__init__()
        is_post = blocks.network.residual_order == "post"
        self.norm1 = None if is_post else blocks.norm(channels)
        self.conv1 = blocks.convolution(channels, units, 3, stride, normalized=True)
        self.norm2 = blocks.norm(units)
        self.conv2 = blocks.convolution(units, units, 3, normalized=is_post)
        self.norm3 = blocks.norm(units) if is_post else None
        self.shortcut: nn.Conv2d | None = None
        self.shortcut_norm: nn.Module | None = None
        if stride > 1 or channels != units:
            self.shortcut = blocks.convolution(channels, units, 1, stride, normalized=is_post)
            self.shortcut_norm = blocks.norm(units) if is_post else None
        self.activation1, self.activation2 = blocks.activation(), blocks.activation()
        self.is_post = is_post

    def forward(self, x: Tensor) -> Tensor:
        """One of the formulas above."""
        inner = x if self.is_post else self.activation1(_normed(self.norm1, x))
        passed = x if self.shortcut is None else self.shortcut(inner)
        passed = _normed(self.shortcut_norm, passed)
        inner = _normed(self.norm2, self.conv1(inner))
        inner = self.activation1(inner) if self.is_post else self.activation2(inner)
        total = _normed(self.norm3, self.conv2(inner)) + passed
        return self.activation2(total) if self.is_post else total


def residual(
    channels: int, classes: int, network: Network, arm: Arm, seed: int = 0
) -> nn.Sequential:
    """(batch, channels, h, w) → logits (batch, classes).

    A convolution `stem`; stages of `network.channels`, each of `network.blocks` residual blocks
    `stage1_1`, `stage1_2`, …, the first of each stage but the first with a stride of 2; in pre a
    last norm and nonlinearity; the mean over all positions; `output`.
    """
    blocks = Blocks(network, arm, seed)
    is_post = network.residual_order == "post"
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    units = network.channels[0]
    parts["stem"] = (
        blocks.block(channels, units, 3)
        if is_post
        else blocks.convolution(channels, units, 3, normalized=False)
    )
    channels = units
    for stage, units in enumerate(network.channels):
        for number in range(network.blocks):
            stride = 2 if stage and not number else 1
            parts[f"stage{stage + 1}_{number + 1}"] = ResidualBlock(blocks, channels, units, stride)
            channels = units
    if not is_post:
        parts["end"] = nn.Sequential(blocks.behind(channels))
    parts.update(blocks.head(channels, classes))
    return nn.Sequential(parts)


def _normed(norm: nn.Module | None, x: Tensor) -> Tensor:
    return x if norm is None else norm(x)


NETWORK = residual
