"""What a norm gives to a network that is built: its modules, and what it is told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from torch import nn


class NamedNorm:
    """A module that is one of our norms.

    Attributes:
        norm_name: What documents and records call it.
    """

    norm_name: ClassVar[str]


@dataclass(frozen=True)
class NormSettings:
    """What an arm asks of its norm in one layer.

    Attributes:
        epsilon: Added to variances.
        momentum: Weight of the newest batch in running statistics.
        affine: Whether the output is scaled by γ and shifted by β.
        groups: Of units, where the norm has groups.
        seed: Of what the norm draws; no two layers of a run have the same.
        of_images: Whether it normalizes (batch, channels, height, width): its units are channels.
    """

    epsilon: float = 1e-5
    momentum: float = 0.1
    affine: bool = True
    groups: int = 2
    seed: int = 0
    of_images: bool = False


@dataclass(frozen=True)
class Norm:
    """How a norm comes into a layer.

    Attributes:
        make: From the layer's units and the settings to the module that normalizes
            (batch, units), or (batch, channels, height, width), to the same shape; None: there is
            none.
        cancels_bias: Whether the output stays the same whatever is added to a unit, so that right
            before the norm the layer needs no bias: β takes its part (paper §3.2).
        linear: The class of the layer's linear map.
        conv: The class of its convolution.
    """

    make: Callable[[int, NormSettings], nn.Module | None]
    cancels_bias: bool = False
    linear: type[nn.Linear] = nn.Linear
    conv: type[nn.Conv2d] = nn.Conv2d
