"""Inception made small enough for a CPU, after the paper's Figure 5: for 28×28 and 32×32 images.

A stem of 5×5/2 and 3×3, three modules with a reduction of stride 2 between them, the mean over all
positions, and the output: 34 weight layers, 72 thousand parameters.
"""

from collections import OrderedDict

from torch import nn

from ...db.arm import Arm
from ...db.layouts import MICRO_INCEPTION, MICRO_STEM, scaled
from ...db.network import Network
from .block import Blocks
from .inception_module import InceptionModule, lrn


def micro_inception(
    channels: int, classes: int, network: Network, arm: Arm, seed: int = 0
) -> nn.Sequential:
    """(batch, channels, h, w) → logits (batch, classes). LRN is behind each block of the stem."""
    blocks = Blocks(network, arm, seed)
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for number, (units, size, stride) in enumerate(zip(MICRO_STEM, (5, 3), (2, 1), strict=True)):
        units = scaled(units, network)
        parts[f"stem{number + 1}"] = blocks.block(channels, units, size, stride)
        if arm.lrn:
            parts[f"lrn{number + 1}"] = lrn()
        channels = units
    for row in MICRO_INCEPTION:
        module = parts[row.name] = InceptionModule(blocks, channels, row)
        channels = module.units
    parts.update(blocks.head(channels, classes))
    return nn.Sequential(parts)


NETWORK = micro_inception
