"""Which weight layers a network of each kind has: for its estimate, and for what a norm asks of it.

`trainer/networks/` builds them, the Inceptions from the tables here; a test holds the two equal.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from .network import Network

Pool = Literal["average", "max"]


@dataclass(frozen=True)
class LayerLayout:
    """One weight layer, linear or convolutional.

    Attributes:
        units: Or output channels.
        inputs: Inputs or input channels of each unit.
        size: Height and width of a convolution's kernel; None for a linear layer.
        side: Height and width of the output; 1 for a linear layer.
        stride: Of a convolution.
        is_hidden: Whether a norm and a nonlinearity come with it.
    """

    units: int
    inputs: int
    size: int | None = None
    side: int = 1
    stride: int = 1
    is_hidden: bool = True

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """(units, inputs), or (units, inputs, size, size)."""
        kernel = () if self.size is None else (self.size, self.size)
        return (self.units, self.inputs, *kernel)

    @property
    def products(self) -> int:
        """Products of a weight and an input that one example takes."""
        return math.prod(self.weight_shape) * self.side**2


@dataclass(frozen=True)
class ModuleTable:
    """A row of an Inception's table: the filters of a module's branches.

    Attributes:
        name: Of the module.
        one: Of the 1×1 branch; 0: there is none.
        three: Of the 1×1 reduction and of the 3×3 behind it.
        double: Of the 1×1 reduction and of each of the two 3×3 behind it.
        pool: Of which kind the pooling branch is.
        project: Of the 1×1 behind the pooling; 0: it passes its channels on.
        stride: 2 halves the image, in the last 3×3 and in the pooling.
    """

    name: str
    one: int
    three: tuple[int, int]
    double: tuple[int, int]
    pool: Pool
    project: int
    stride: int = 1


SEPARABLE_MULTIPLIER = 8
INCEPTION_STEM = (64, 64, 192)
"""Filters of the separable 7×7/2, of the 1×1 reduction and of the 3×3."""
INCEPTION = (
    ModuleTable("3a", 64, (64, 64), (64, 96), "average", 32),
    ModuleTable("3b", 64, (64, 96), (64, 96), "average", 64),
    ModuleTable("3c", 0, (128, 160), (64, 96), "max", 0, 2),
    ModuleTable("4a", 224, (64, 96), (96, 128), "average", 128),
    ModuleTable("4b", 192, (96, 128), (96, 128), "average", 128),
    ModuleTable("4c", 160, (128, 160), (128, 160), "average", 96),
    ModuleTable("4d", 96, (128, 192), (160, 192), "average", 96),
    ModuleTable("4e", 0, (128, 192), (192, 256), "max", 0, 2),
    ModuleTable("5a", 352, (192, 320), (160, 224), "average", 128),
    ModuleTable("5b", 352, (192, 320), (192, 224), "max", 128),
)
"""Figure 5 of Ioffe & Szegedy (2015). Its rows 4c and 4d print 128 for the projection, with which
their channels would be 608, not the 576 printed beside; with 96, as in TF-slim's inception_v2, they
are 576."""
MICRO_STEM = (8, 16)
"""Filters of the 5×5/2 and of the 3×3."""
MICRO_INCEPTION = (
    ModuleTable("a", 8, (8, 8), (8, 12), "average", 4),
    ModuleTable("to_b", 0, (8, 16), (8, 12), "max", 0, 2),
    ModuleTable("b", 16, (8, 12), (12, 16), "average", 16),
    ModuleTable("to_c", 0, (16, 24), (24, 32), "max", 0, 2),
    ModuleTable("c", 32, (24, 40), (20, 28), "max", 16),
)
MODULE_LAYERS = 7
"""Convolutions of a module that has all branches, as the last one of either table does."""


def layers(network: Network, shape: tuple[int, int, int], classes: int = 10) -> list[LayerLayout]:
    """Every weight layer of a network, in the order in which it is built.

    Args:
        network: Its kind and sizes.
        shape: Channels, height and width of an image, which is a square.
        classes: Units of the output.
    """
    channels, _, side = shape
    match network.kind:
        case "mlp":
            widths = [math.prod(shape), *network.hidden]
            hidden = [LayerLayout(units, inputs) for inputs, units in pairwise(widths)]
        case "convolutional":
            hidden = list(_convolutional(network, side, channels))
        case "residual":
            hidden = list(_residual(network, side, channels))
        case "micro_inception":
            hidden = list(_micro_inception(network, side, channels))
        case "inception":
            hidden = list(_inception(network, side, channels))
    return [*hidden, LayerLayout(classes, _features(network, hidden), is_hidden=False)]


def scaled(filters: int, network: Network) -> int:
    """Filters of an Inception's table times the network's width, at least 1; 0 stays 0."""
    return max(1, round(filters * network.width)) if filters else 0


def halved(side: int) -> int:
    """The side of an image after a stride of 2, the border being padded."""
    return math.ceil(side / 2)


def _convolutional(network: Network, side: int, channels: int) -> Iterator[LayerLayout]:
    for stage, units in enumerate(network.channels):
        for block in range(network.blocks):
            stride = 2 if stage and not block else 1
            side = halved(side) if stride == 2 else side
            yield LayerLayout(units, channels, 3, side, stride)
            channels = units


def _residual(network: Network, side: int, channels: int) -> Iterator[LayerLayout]:
    yield LayerLayout(network.channels[0], channels, 3, side)
    channels = network.channels[0]
    for stage, units in enumerate(network.channels):
        for block in range(network.blocks):
            stride = 2 if stage and not block else 1
            side = halved(side) if stride == 2 else side
            yield LayerLayout(units, channels, 3, side, stride)
            yield LayerLayout(units, units, 3, side)
            if stride == 2 or units != channels:
                yield LayerLayout(units, channels, 1, side, stride)
            channels = units


def _micro_inception(network: Network, side: int, channels: int) -> Iterator[LayerLayout]:
    first, second = (scaled(filters, network) for filters in MICRO_STEM)
    side = halved(side)
    yield LayerLayout(first, channels, 5, side, 2)
    yield LayerLayout(second, first, 3, side)
    yield from _modules(MICRO_INCEPTION, network, side, second)


def _inception(network: Network, side: int, channels: int) -> Iterator[LayerLayout]:
    first, reduced, last = (scaled(filters, network) for filters in INCEPTION_STEM)
    deep = SEPARABLE_MULTIPLIER * channels
    side = halved(side)
    yield LayerLayout(deep, 1, 7, side, 2, is_hidden=False)
    yield LayerLayout(first, deep, 1, side)
    side = halved(side)
    yield LayerLayout(reduced, first, 1, side)
    yield LayerLayout(last, reduced, 3, side)
    yield from _modules(INCEPTION, network, halved(side), last)


def _modules(
    table: tuple[ModuleTable, ...], network: Network, side: int, channels: int
) -> Iterator[LayerLayout]:
    for row in table:
        one, project = scaled(row.one, network), scaled(row.project, network)
        (reduce, three), (double_reduce, double) = (
            (scaled(first, network), scaled(second, network))
            for first, second in (row.three, row.double)
        )
        after = halved(side) if row.stride == 2 else side
        if one:
            yield LayerLayout(one, channels, 1, side)
        yield LayerLayout(reduce, channels, 1, side)
        yield LayerLayout(three, reduce, 3, after, row.stride)
        yield LayerLayout(double_reduce, channels, 1, side)
        yield LayerLayout(double, double_reduce, 3, side)
        yield LayerLayout(double, double, 3, after, row.stride)
        if project:
            yield LayerLayout(project, channels, 1, side)
        channels, side = one + three + double + (project or channels), after


def _features(network: Network, hidden: list[LayerLayout]) -> int:
    """What the output takes: the last layer's units, or all that a last module concatenates."""
    if network.kind not in ("inception", "micro_inception"):
        return hidden[-1].units
    row = (INCEPTION if network.kind == "inception" else MICRO_INCEPTION)[-1]
    return sum(
        scaled(filters, network) for filters in (row.one, row.three[1], row.double[1], row.project)
    )
