"""Modules of an Inception: branches side by side, their channels one after the other."""

import torch
from torch import Tensor, nn

from ...db.layouts import ModuleTable, scaled
from .block import Blocks


class InceptionModule(nn.Module):
    """1×1; 1×1 and 3×3; 1×1 and two 3×3; pooling and 1×1: (batch, channels, h, w) → their sum.

    With a stride of 2 there is no 1×1 branch, and the pooling passes its channels on.

    Attributes:
        units: Channels of the output.
    """

    def __init__(self, blocks: Blocks, channels: int, row: ModuleTable) -> None:
        super().__init__()
        one, project = (scaled(filters, blocks.network) for filters in (row.one, row.project))
        reduced, three = (scaled(filters, blocks.network) for filters in row.three)
        double_reduced, double = (scaled(filters, blocks.network) for filters in row.double)
        self.one = blocks.block(channels, one, 1) if one else None
        self.three_reduced = blocks.block(channels, reduced, 1)
        self.three = blocks.block(reduced, three, 3, row.stride)
        self.double_reduced = blocks.block(channels, double_reduced, 1)
        self.double_first = blocks.block(double_reduced, double, 3)
        self.double_second = blocks.block(double, double, 3, row.stride)
        self.pool = (
            nn.AvgPool2d(3, row.stride, 1, count_include_pad=False)
            if row.pool == "average"
            else nn.MaxPool2d(3, row.stride, 1)
        )
        self.projected = blocks.block(channels, project, 1) if project else None
        self.units = one + three + double + (project or channels)

    def forward(self, x: Tensor) -> Tensor:
        """The branches' outputs, joined along the channels."""
        found = [] if self.one is None else [self.one(x)]
        found.append(self.three(self.three_reduced(x)))
        found.append(self.double_second(self.double_first(self.double_reduced(x))))
        pooled = self.pool(x)
        found.append(pooled if self.projected is None else self.projected(pooled))
        return torch.cat(found, 1)


def lrn() -> nn.LocalResponseNorm:
    """Local response normalization over 5 channels, as GoogLeNet's public settings have it.

    x / (1 + 1e-4/5 · Σ x²)^0.75, the sum over the channel and two on each side. Krizhevsky,
    Sutskever & Hinton (2012), §3.3, with k = 1 in place of 2.
    """
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
