"""Networks, one module for each kind, called as documents call them.

A module joins by being in this folder and having a `NETWORK`; `db/experiment.py` lists the names.
All are built of blocks that the observer can look into.
"""

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

from torch import nn

from ...db.arm import Arm
from ...db.network import Network

__all__ = ["Make", "networks"]

Make = Callable[[int, int, Network, Arm, int], nn.Module]
"""(inputs, classes, network, arm, seed of what its norms draw) → a network of logits.

`inputs` are the pixels of an image for the multilayer perceptron, which takes (batch, inputs), and
its channels for the others, which take (batch, channels, height, width)."""


@cache
def networks() -> dict[str, Make]:
    """What makes a network, by its kind, which is the name of its module."""
    found: dict[str, Make] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if hasattr(module, "NETWORK"):
            found[info.name] = module.NETWORK
    return found
