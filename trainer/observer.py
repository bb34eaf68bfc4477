"""Where to look: hooks on the blocks of networks, which fill a slot of the ring at each step.

Nothing here waits for the device, changes a value or keeps the graph alive: hooks remember
tensors, and fused calls over all networks copy and measure them once the gradients are there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import (  # torch's own names for its fused calls, missing from its type stubs
    Tensor,
    _foreach_copy_,  # pyright: ignore[reportPrivateImportUsage]
    _foreach_norm,  # pyright: ignore[reportPrivateImportUsage]
    nn,
)

from .networks.mlp import MLP
from .ring import LayerShape, Slot
from .sgd import SGD
from .twins import blocks_of

TINY, HUGE = 1e-12, 1e15
"""Norms outside these bounds are computed again in float64: float32 squares may have been lost."""


@dataclass(frozen=True)
class NormPlaces:
    """Where a network's norms are among those of a slot: for each layer, and of all gradients.

    The update of SGD is Δw = −lr · d, where the direction d is the gradient or, with momentum, the
    momentum buffer; so ‖Δw‖ = lr · ‖d‖ needs no copy of the weights.
    """

    preactivation_gradient: list[int]
    weight: list[int]
    weight_gradient: list[int]
    direction: list[int]
    gradients: slice
    first: int
    end: int


class _Lens:
    """The hooks of one network, and what they saw in the current step."""

    def __init__(self, network: MLP, optimizer: SGD, batch_size: int, first_place: int) -> None:
        blocks = blocks_of(network)
        self.optimizer = optimizer
        self.weights = [block.linear.weight for block in blocks]
        self.batch_norms = [b.norm for b in blocks if isinstance(b.norm, nn.BatchNorm1d)]
        self.layers = [LayerShape((batch_size, b.units), b.norm is not None) for b in blocks]
        self.places = _find_places(self.weights, optimizer, first_place)
        self.running: list[Tensor] = []
        """Where the current slot wants running means, then running variances."""
        self.preactivations: list[Tensor] = []
        self.norm_inputs: list[Tensor] = []
        self.is_open = False
        self.hooks = [
            block.activation.register_forward_pre_hook(self._see_preactivation) for block in blocks
        ] + [norm.register_forward_pre_hook(self._see_norm_input) for norm in self.batch_norms]

    def _see_preactivation(self, _module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if self.is_open:
            inputs[0].retain_grad()
            self.preactivations.append(inputs[0])

    def _see_norm_input(self, norm: Any, inputs: tuple[Any, ...]) -> None:
        if self.is_open:
            # Copied now, since the forward pass mixes this batch into them.
            at = len(self.norm_inputs)
            self.running[at].copy_(norm.running_mean)
            self.running[len(self.batch_norms) + at].copy_(norm.running_var)
            self.norm_inputs.append(inputs[0])

    def close(self) -> None:
        self.is_open = False
        self.preactivations.clear()
        self.norm_inputs.clear()


class Observer:
    """Looks into all networks of a run while they train.

    Call `begin` before the forward passes, `before_update` once all gradients are there and
    `after_update` after the optimizers' steps. Without a slot, between records, they do nothing.
    """

    def __init__(self, networks: Sequence[MLP], optimizers: Sequence[SGD], batch_size: int) -> None:
        self._lenses: list[_Lens] = []
        for network, optimizer in zip(networks, optimizers, strict=True):
            first_place = self._lenses[-1].places.end if self._lenses else 0
            self._lenses.append(_Lens(network, optimizer, batch_size, first_place))
        self._active = list(range(len(self._lenses)))
        self._index_places(self._lenses[0].weights[0].device)
        self._slot: Slot | None = None

    @property
    def layers(self) -> list[list[LayerShape]]:
        """By network the shape of each observed layer, in the order of the blocks."""
        return [lens.layers for lens in self._lenses]

    @property
    def places(self) -> list[NormPlaces]:
        """By network which norms a slot holds."""
        return [lens.places for lens in self._lenses]

    def begin(self, slot: Slot | None) -> None:
        """Look at the next step and fill this slot; without one, do not look."""
        self._slot = slot
        if slot is None:
            return
        for index in self._active:
            lens = self._lenses[index]
            lens.running = slot.stretch.networks[index].running_of_slot[slot.index]
            lens.is_open = True

    @torch.no_grad()
    def before_update(self, losses: Sequence[Tensor]) -> None:
        """Take what the forward and backward passes left; losses of the active networks."""
        if self._slot is None:
            return
        targets: list[Tensor] = []
        sources: list[Tensor] = []
        measured: list[Any] = []
        for index, loss in zip(self._active, losses, strict=True):
            lens = self._lenses[index]
            targets += self._slot.stretch.networks[index].after_backward[self._slot.index]
            sources += lens.preactivations
            sources += lens.norm_inputs
            sources += [norm.weight for norm in lens.batch_norms]
            sources += [norm.bias for norm in lens.batch_norms]
            sources.append(loss)
            measured += [preactivation.grad for preactivation in lens.preactivations]
            measured += lens.weights
            measured += [parameter.grad for parameter in lens.optimizer.parameters]
            lens.close()
        _foreach_copy_(targets, sources)
        self._keep(norms(measured), self._before_update)

    @torch.no_grad()
    def after_update(self) -> None:
        """Take the norms of the momentum buffers, which only the optimizers' steps bring up."""
        if self._slot is None:
            return
        lenses = [self._lenses[index] for index in self._active]
        buffers = [
            lens.optimizer.direction(at - lens.places.gradients.start)
            for lens in lenses
            if lens.optimizer.momentum
            for at in lens.places.weight_gradient
        ]
        if buffers:
            self._keep(norms(buffers), self._after_update)

    def _keep(self, found: Tensor, columns: Tensor) -> None:
        if self._slot is not None:
            row = self._slot.stretch.norms[self._slot.index]
            row.index_copy_(0, columns, found.to(row.dtype))

    def _index_places(self, device: torch.device) -> None:
        """Where the norms of the active networks go, before and after the update."""
        before: list[int] = []
        after: list[int] = []
        for index in self._active:
            places = self._lenses[index].places
            before += range(places.first, places.gradients.stop)
            after += range(places.gradients.stop, places.end)
        self._before_update = torch.tensor(before, dtype=torch.int64, device=device)
        self._after_update = torch.tensor(after, dtype=torch.int64, device=device)

    def drop(self, index: int) -> None:
        """Look at this network no more."""
        self._active.remove(index)
        self._index_places(self._lenses[0].weights[0].device)
        for hook in self._lenses[index].hooks:
            hook.remove()


def _find_places(weights: Sequence[Tensor], optimizer: SGD, first: int) -> NormPlaces:
    """Norms of a network, in order: preactivations' gradients, weights, gradients, directions."""
    layers = len(weights)
    start = first + 2 * layers
    place = {id(parameter): start + at for at, parameter in enumerate(optimizer.parameters)}
    weight_gradient = [place[id(weight)] for weight in weights]
    stop = start + len(optimizer.parameters)
    end = stop + (layers if optimizer.momentum else 0)
    return NormPlaces(
        preactivation_gradient=list(range(first, first + layers)),
        weight=list(range(first + layers, start)),
        weight_gradient=weight_gradient,
        direction=list(range(stop, end)) if optimizer.momentum else weight_gradient,
        gradients=slice(start, stop),
        first=first,
        end=end,
    )


def norms(tensors: list[Any]) -> Tensor:
    """The Euclidean norm of each tensor, (len(tensors),), whatever its scale.

    Squares of float32 below 1e-22 or above 1e19 underflow or overflow. On the CPU that is seen and
    mended; elsewhere a look would wait for the device, so float64 is used throughout.
    """
    if tensors[0].device.type == "cpu":
        found = torch.stack(_foreach_norm(tensors))
        values = found.tolist()
        if min(values) > TINY and max(values) < HUGE:
            return found
    elif tensors[0].device.type == "mps":  # has no float64
        return torch.stack(_foreach_norm(tensors))
    return torch.stack(_foreach_norm(tensors, 2, torch.float64))
