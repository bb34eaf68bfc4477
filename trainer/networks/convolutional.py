"""A plain convolutional network: 3×3 convolutions in a row, the mean over all positions, logits."""

from collections import OrderedDict

from torch import nn

from ...db.arm import Arm
from ...db.network import Network
from .block import Blocks


def convolutional(
    channels: int, classes: int, network: Network, arm: Arm, seed: int = 0
) -> nn.Sequential:
    """(batch, channels, h, w) → logits (batch, classes).

    Stages of `network.channels`, each of `network.blocks` convolutions `stage1_1`, `stage1_2`, …;
    the first of each stage but the first has a stride of 2.
    """
    blocks = Blocks(network, arm, seed)
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for stage, units in enumerate(network.channels):
        for number in range(network.blocks):
            stride = 2 if stage and not number else 1
            parts[f"stage{stage + 1}_{number + 1}"] = blocks.block(channels, units, 3, stride)
            channels = units
    parts.update(blocks.head(channels, classes))
    return nn.Sequential(parts)


NETWORK = convolutional
