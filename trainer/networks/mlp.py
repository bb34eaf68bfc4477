"""The multilayer perceptron of the paper's §4.1, with any norm or none."""

from collections import OrderedDict
from itertools import pairwise

from torch import nn

from ...db.arm import Arm
from ...db.network import Network
from ..norms import norms
from ..norms.hashed_noise import APART
from .block import ACTIVATIONS, norm_settings
from .dropout import Dropout

MOST_LAYERS = 64
"""As many hidden layers as an experiment may have: seeds of norms are that far apart."""


def mlp(inputs: int, classes: int, network: Network, arm: Arm, seed: int = 0) -> nn.Sequential:
    """Layers `hidden1`, `hidden2`, … and `output`, whose outputs are logits: z = g(norm(Wu + b)).

    (batch, inputs) → (batch, classes). With the norm after the nonlinearity z = norm(g(Wu + b)).
    Right before a norm that cancels it, b is left out, since β takes its part (paper §3.2).
    Dropout comes last in a layer.

    Args:
        inputs: Of each example.
        classes: Units of `output`.
        network: With what the arm overrides.
        arm: Says which norm, and where.
        seed: Of what norms and dropout draw.
    """
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    norm = norms()[arm.norm]
    is_before = arm.norm_place == "before"
    for index, (before, units) in enumerate(pairwise([inputs, *network.hidden])):
        name = f"hidden{index + 1}"
        modules[name] = norm.linear(before, units, bias=not (is_before and norm.cancels_bias))
        key = seed * MOST_LAYERS + index
        normalization = norm.make(units, norm_settings(network, arm, key))
        if normalization is not None and is_before:
            modules[f"{name}_norm"] = normalization
        modules[f"{name}_activation"] = ACTIVATIONS[network.activation]()
        if normalization is not None and not is_before:
            modules[f"{name}_norm"] = normalization
        if network.dropout:
            modules[f"{name}_dropout"] = Dropout(network.dropout, APART + key)
    modules["output"] = nn.Linear(network.hidden[-1], classes)
    return nn.Sequential(modules)


NETWORK = mlp
