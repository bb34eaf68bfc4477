"""The multilayer perceptron of the paper's §4.1, with or without BatchNorm."""

from torch import Tensor, nn

from ...db.experiment import Network, Norm

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "none": nn.Identity,
}


class Block(nn.Module):
    """One layer: linear, its norm if it has one, its nonlinearity: z = g(BN(Wu)).

    With BatchNorm the bias of the linear map is dropped, since β takes its part (paper §3.2).
    """

    def __init__(
        self, name: str, inputs: int, units: int, activation: str, norm: nn.Module | None
    ) -> None:
        super().__init__()
        self.name = name
        self.units = units
        self.activation_name = activation
        self.linear = nn.Linear(inputs, units, bias=norm is None)
        self.norm = norm
        self.activation = ACTIVATIONS[activation]()

    def forward(self, u: Tensor) -> Tensor:
        """(batch, inputs) → (batch, units)."""
        z = self.linear(u)
        if self.norm is not None:
            z = self.norm(z)
        return self.activation(z)


class MLP(nn.Module):
    """Hidden blocks `hidden1`, `hidden2`, … and the block `output`, whose outputs are logits."""

    def __init__(self, inputs: int, classes: int, network: Network, norm: Norm) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        widths = [inputs, *network.hidden]
        for index, units in enumerate(network.hidden):
            normalization = (
                nn.BatchNorm1d(units, eps=network.bn_epsilon, momentum=network.bn_momentum)
                if norm == "batch"
                else None
            )
            self.blocks.append(
                Block(f"hidden{index + 1}", widths[index], units, network.activation, normalization)
            )
        self.blocks.append(Block("output", widths[-1], classes, "none", None))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs) → logits (batch, classes)."""
        for block in self.blocks:
            x = block(x)
        return x
