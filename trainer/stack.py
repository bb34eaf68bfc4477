"""Networks of one arm that train together: one program and one update for all of them.

With one seed a stack holds one network. With several, their parameters lie stacked in one tensor
each, and every operation does all networks at once: on a GPU, where small operations cost what
launching them costs, sixteen networks take little longer than one.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..db.arm import Arm
from ..db.optimizer import Optimizer
from .graphs import GraphedProgram, graphed
from .layers import Layer
from .optimizing import descent
from .program import Program, Seen


class Stack:
    """The networks of one arm, one for each of some seeds.

    Attributes:
        arm: The treatment.
        networks: They are evaluated one by one; their parameters are those that train.
        draws: By network which of the run's batches it sees: those of its seed, or its own.
        positions: Their places in the run.
        layers: Their layers, the same for all.
        parameters: By name; of several networks stacked along the first axis. `buffers` likewise.
        optimizer: Their optimizer.
        active: By network, whether it still trains.
    """

    def __init__(
        self,
        arm: Arm,
        networks: Sequence[nn.Module],
        draws: Sequence[int],
        positions: Sequence[int],
        layers: Sequence[Layer],
        example: tuple[Tensor, Tensor],
        *,
        optimizer: Optimizer,
        steps: int,
    ) -> None:
        """Args:
        arm: The treatment.
        networks: On the training device, of one shape, in training mode.
        draws: By network which of the run's batches it sees.
        positions: Their places in the run.
        layers: Of the first network.
        example: Inputs (batch, …) and labels (batch,) of a batch like those to come.
        optimizer: How they are updated; `steps` of the whole run.
        """
        self.arm = arm
        self.networks = list(networks)
        self.draws = list(draws)
        self.positions = list(positions)
        self.layers = list(layers)
        self.active = [True] * len(networks)
        self.parameters = _together([dict(n.named_parameters()) for n in networks])
        self.buffers = _together([dict(n.named_buffers()) for n in networks])
        matrices = [at for at, p in enumerate(networks[0].parameters()) if p.ndim > 1]
        self.optimizer = descent(optimizer, self.parameters.values(), matrices, steps)
        inputs, labels = (self.gather([tensor] * len(networks)) for tensor in example)
        program = Program(
            networks[0],
            [layer.output for layer in layers],
            self.parameters,
            self.buffers,
            inputs,
            labels,
            stacked=self.is_stacked,
        )
        self._program: Program | GraphedProgram = program
        if inputs.is_cuda:
            self._program = graphed(program, list(self.buffers.values()), inputs, labels)

    @property
    def is_stacked(self) -> bool:
        """Whether tensors have the networks as their first axis."""
        return len(self.networks) > 1

    def gather(self, tensors: Sequence[Tensor]) -> Tensor:
        """One tensor for each network → what the program takes."""
        return torch.stack(list(tensors)) if self.is_stacked else tensors[0]

    def look(self, inputs: Tensor, labels: Tensor) -> Seen:
        """Forward and backward pass on one batch, as `gather` gives it.

        What is returned is true until the next call: on a GPU it lies in the same tensors.
        """
        return self._program(inputs, labels)

    def update(self, seen: Seen) -> None:
        """One step of the optimizer."""
        self.optimizer.step(seen.gradients)

    def drop(self, position: int) -> None:
        """Train this network no more; in a stack it goes on unseen until all are dropped."""
        if position in self.positions:
            self.active[self.positions.index(position)] = False

    def state_dict(self) -> dict[str, Any]:
        """Copies of all that changes while it trains."""
        return {
            "parameters": {name: tensor.clone() for name, tensor in self.parameters.items()},
            "buffers": {name: tensor.clone() for name, tensor in self.buffers.items()},
            "optimizer": self.optimizer.state_dict(),
            "active": list(self.active),
        }

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there, in the same tensors, to which the program is bound.

        Raises:
            ValueError: It is of a network of another shape.
        """
        for kind, own in (("parameters", self.parameters), ("buffers", self.buffers)):
            shapes = {name: tensor.shape for name, tensor in own.items()}
            if shapes != {name: tensor.shape for name, tensor in state[kind].items()}:
                raise ValueError(f"the {kind} of the arm {self.arm.name} have other shapes")
            for name, tensor in own.items():
                tensor.copy_(state[kind][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.active = list(state["active"])


def _together(tensors: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """By name the tensors of all networks in one, which the networks' own then are views of."""
    first = tensors[0]
    if len(tensors) == 1:
        return {name: tensor.detach() for name, tensor in first.items()}
    together: dict[str, Tensor] = {}
    for name in first:
        together[name] = torch.stack([of_network[name].detach() for of_network in tensors])
        for index, of_network in enumerate(tensors):
            of_network[name].data = together[name][index]
    return together
