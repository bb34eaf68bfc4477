"""The multilayer perceptron of the paper's §4.1, with or without BatchNorm."""

from collections import OrderedDict
from itertools import pairwise

from torch import nn

from ...db.experiment import Network, Norm

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
}


def mlp(inputs: int, classes: int, network: Network, norm: Norm) -> nn.Sequential:
    """Layers `hidden1`, `hidden2`, … and `output`, whose outputs are logits: z = g(BN(Wu)).

    (batch, inputs) → (batch, classes). With BatchNorm the bias of a hidden layer's linear map is
    dropped, since β takes its part (paper §3.2).
    """
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    for index, (before, units) in enumerate(pairwise([inputs, *network.hidden])):
        name = f"hidden{index + 1}"
        modules[name] = nn.Linear(before, units, bias=norm == "none")
        if norm == "batch":
            modules[f"{name}_norm"] = nn.BatchNorm1d(
                units, eps=network.bn_epsilon, momentum=network.bn_momentum
            )
        modules[f"{name}_activation"] = ACTIVATIONS[network.activation]()
    modules["output"] = nn.Linear(network.hidden[-1], classes)
    return nn.Sequential(modules)
