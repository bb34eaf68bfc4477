"""The paper's own network for ImageNet: Figure 5 of Ioffe & Szegedy (2015), every filter of it.

The first convolution is separable: 7×7/2 on each channel by itself, 8 filters each, then 1×1. A 5×5
is two 3×3; 3c and 4e halve the image. 11.2 million parameters with 1,000 classes, where the paper
says 13.6; it does not say of what the rest is. Made for 224×224, it takes images of any size, since
nothing depends on it up to the mean over all positions.
"""

from collections import OrderedDict

from torch import nn

from ...db.arm import Arm
from ...db.layouts import INCEPTION, INCEPTION_STEM, SEPARABLE_MULTIPLIER, scaled
from ...db.network import Network
from .block import Blocks
from .inception_module import InceptionModule, lrn


def inception(
    channels: int, classes: int, network: Network, arm: Arm, seed: int = 0
) -> nn.Sequential:
    """(batch, channels, h, w) → logits (batch, classes).

    LRN is where GoogLeNet has it: behind the first pooling, and ahead of the second.
    """
    blocks = Blocks(network, arm, seed)
    first, reduced, last = (scaled(filters, network) for filters in INCEPTION_STEM)
    deep = SEPARABLE_MULTIPLIER * channels
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    parts["depthwise"] = nn.Conv2d(
        channels, deep, 7, stride=2, padding=3, groups=channels, bias=False
    )
    parts["pointwise"] = blocks.block(deep, first, 1)
    parts["pool1"] = nn.MaxPool2d(3, 2, 1)
    if arm.lrn:
        parts["lrn1"] = lrn()
    parts["conv2_reduced"] = blocks.block(first, reduced, 1)
    parts["conv2"] = blocks.block(reduced, last, 3)
    if arm.lrn:
        parts["lrn2"] = lrn()
    parts["pool2"] = nn.MaxPool2d(3, 2, 1)
    channels = last
    for row in INCEPTION:
        module = parts[f"inception{row.name}"] = InceptionModule(blocks, channels, row)
        channels = module.units
    parts.update(blocks.head(channels, classes))
    return nn.Sequential(parts)


NETWORK = inception
