"""Where to look: hooks on the blocks of a network, which fill a slot of the ring at each step.

Nothing here waits for the device, changes a value or keeps the graph alive: hooks remember
tensors, one fused call copies them into the ring once the gradients are there.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .networks.mlp import MLP
from .ring import LayerShape, NetworkSlots
from .twins import blocks_of

TINY, HUGE = 1e-12, 1e15
"""Norms outside these bounds are computed again in float64: float32 squares may have been lost."""


class Observer:
    """Looks into one network while it trains.

    Call `begin` before the forward pass, `before_update` once the gradients are there and
    `after_update` after the optimizer's step; between records, `begin(None, 0)` makes all three
    do nothing.

    Attributes:
        layers: The shape of each observed layer, in the order of the blocks.
        norms: How many norms a slot holds: for each layer those of the preactivation's gradient,
            the weight before the update, and the update; then one for each parameter's gradient.
        weight_gradients: For each layer the place of its weight among the parameters.
    """

    def __init__(self, network: MLP, optimizer: Optimizer, batch_size: int) -> None:
        self._optimizer = optimizer
        self._blocks = blocks_of(network)
        self._weights = [block.linear.weight for block in self._blocks]
        self._weights_before = [torch.empty_like(weight) for weight in self._weights]
        self._parameters = list(network.parameters())
        self._batch_norms = [b.norm for b in self._blocks if isinstance(b.norm, nn.BatchNorm1d)]
        self.layers = [
            LayerShape((batch_size, block.units), block.norm is not None) for block in self._blocks
        ]
        self.norms = 3 * len(self._blocks) + len(self._parameters)
        place = {id(parameter): index for index, parameter in enumerate(self._parameters)}
        self.weight_gradients = [place[id(weight)] for weight in self._weights]
        self._room: NetworkSlots | None = None
        self._slot = 0
        self._preactivations: list[Tensor] = []
        self._norm_inputs: list[Tensor] = []
        self._hooks = [
            block.activation.register_forward_pre_hook(self._see_preactivation)
            for block in self._blocks
        ] + [norm.register_forward_pre_hook(self._see_norm_input) for norm in self._batch_norms]

    def begin(self, room: NetworkSlots | None, slot: int) -> None:
        """Look at the next step and fill this slot; without room, do not look."""
        self._room, self._slot = room, slot
        self._preactivations.clear()
        self._norm_inputs.clear()

    def _see_preactivation(self, _module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if self._room is not None:
            inputs[0].retain_grad()
            self._preactivations.append(inputs[0])

    def _see_norm_input(self, norm: nn.Module, inputs: tuple[Any, ...]) -> None:
        if self._room is not None:
            # Copied now, since the forward pass mixes this batch into them.
            at = len(self._norm_inputs)
            self._room.running_means[at][self._slot].copy_(norm.running_mean)
            self._room.running_vars[at][self._slot].copy_(norm.running_var)
            self._norm_inputs.append(inputs[0])

    @torch.no_grad()
    def before_update(self, loss: Tensor) -> None:
        """Take what the forward and backward pass left."""
        if self._room is None:
            return
        torch._foreach_copy_(
            self._room.after_backward[self._slot],
            [
                *self._preactivations,
                *self._norm_inputs,
                *(norm.weight for norm in self._batch_norms),
                *(norm.bias for norm in self._batch_norms),
                loss,
            ],
        )
        torch._foreach_copy_(self._weights_before, self._weights)

    @torch.no_grad()
    def after_update(self) -> None:
        """Take the norms of gradients, weights and updates."""
        if self._room is None:
            return
        gradients = [z.grad for z in self._preactivations] + [p.grad for p in self._parameters]
        updates = torch._foreach_sub(self._weights, self._weights_before)
        measured = [
            *gradients[: len(self._blocks)],
            *self._weights_before,
            *updates,
            *gradients[len(self._blocks) :],
        ]
        self._room.norms[self._slot].copy_(_norms(measured))
        self._preactivations.clear()
        self._norm_inputs.clear()

    def detach(self) -> None:
        """Remove every hook."""
        for hook in self._hooks:
            hook.remove()


def _norms(tensors: list[Any]) -> Tensor:
    """The Euclidean norm of each tensor, (len(tensors),), whatever its scale.

    Squares of float32 below 1e-22 or above 1e19 underflow or overflow. On the CPU that is seen and
    mended; elsewhere a look would wait for the device, so float64 is used throughout.
    """
    if tensors[0].device.type == "cpu":
        norms = torch.stack(torch._foreach_norm(tensors))
        low, high = norms.aminmax()
        if low > TINY and high < HUGE:
            return norms
    elif tensors[0].device.type == "mps":  # has no float64
        return torch.stack(torch._foreach_norm(tensors))
    return torch.stack(torch._foreach_norm(tensors, 2, torch.float64))
