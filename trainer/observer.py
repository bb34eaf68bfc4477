"""What is taken of a stack at each step: one fused copy into a slot of the ring, and norms.

Nothing here waits for the device or changes a value. `lens.py`, for other people's models and
loops, fills the same slots by hooks.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import (  # torch's own names for its fused calls, missing from its type stubs
    Tensor,
    _foreach_copy_,  # pyright: ignore[reportPrivateImportUsage]
)

from .earlier_gradients import EarlierGradients
from .euclidean import norms, norms_of_each, products, products_of_each
from .feeder import Slot
from .layers import Layer
from .plan import LayerPlan, NormPlaces, StackPlan
from .program import Seen
from .ring import LOSS, LR, NOT_GIVEN
from .stack import Stack


@dataclass
class _Targets:
    """Where in a slot things go: what is seen before the forward pass and after the backward.

    `has_products` says whether there may be some in the slot, of an earlier step.
    """

    before: list[Tensor]
    after: list[Tensor]
    norms: Tensor
    products: Tensor
    directions: Tensor
    lr: Tensor
    has_products: bool = True


class StackObserver:
    """Looks into the networks of one stack.

    Call `before` ahead of the forward pass, `after_backward` ahead of the update and `after_update`
    behind it, each with the step's slot.

    Attributes:
        layers: What is recorded of each layer.
        earlier: The weights' gradients of the record before, where the two are a pair.
        seconds: What looking has cost in this step.
    """

    def __init__(self, stack: Stack, index: int) -> None:
        """`index` is the stack's place among those of the run."""
        self._stack = stack
        self._index = index
        names = {id(p): name for name, p in stack.networks[0].named_parameters()}
        self._layer_weights = [[names[id(w)] for w in layer.weights] for layer in stack.layers]
        self._weights = [name for of_layer in self._layer_weights for name in of_layer]
        self._first_gradient = len(stack.layers) + len(self._weights)
        self._first_product = self._first_gradient + len(stack.parameters)
        self._first_direction = self._first_product + len(self._weights)
        self.layers = [self._plan_layer(at, layer) for at, layer in enumerate(stack.layers)]
        self._samples = [
            (plan.sampling.stride, _is_image(layer))
            for plan, layer in zip(self.layers, stack.layers, strict=True)
        ]
        places = {name: at for at, name in enumerate(stack.parameters)}
        self._weight_places = [(name, places[name]) for name in self._weights]
        self.earlier = EarlierGradients(
            products_of_each if stack.is_stacked else products,
            # a program on a GPU leaves its results where they were the step before
            copies=any(p.device.type != "cpu" for p in stack.parameters.values()),
        )
        self._weight_tensors = [stack.parameters[name] for name in self._weights]
        path = {id(module): name for name, module in stack.networks[0].named_modules()}
        normalized = [
            (path[id(layer.normalization)], plan)
            for layer, plan in zip(stack.layers, self.layers, strict=True)
            if layer.normalization is not None
        ]
        self._running = [
            stack.buffers[f"{name}.{statistic}"]
            for statistic in ("running_mean", "running_var")
            for name, plan in normalized
            if plan.running
        ]
        self._affine = [stack.parameters[f"{name}.weight"] for name, p in normalized if p.gamma]
        self._affine += [stack.parameters[f"{name}.bias"] for name, p in normalized if p.beta]
        self.seconds = 0.0
        self._targets: dict[tuple[int, int], _Targets] = {}

    def plan(self, networks: Sequence[dict[str, Any]], labels: int) -> StackPlan:
        """What is recorded of the stack; `networks` are rows, `labels` the examples of a batch."""
        stack = self._stack
        first = self._first_gradient
        return StackPlan(
            networks=list(networks),
            positions=stack.positions,
            layers=self.layers,
            norms=self._first_direction
            + (0 if stack.optimizer.follows_gradients else len(self._weights)),
            gradients=(first, self._first_product),
            labels=labels,
            steps_by_lr=True,
        )

    @torch.no_grad()
    def before(self, slot: Slot) -> None:
        """Keep the running statistics, which the forward pass changes, and the learning rate."""
        self.seconds = 0.0
        with self._measured():
            targets = self._targets_of(slot)
            if self._running:
                _foreach_copy_(targets.before, self._running)
            if not self._stack.optimizer.is_constant:
                targets.lr.fill_(self._stack.optimizer.lr)

    @torch.no_grad()
    def after_backward(self, slot: Slot, seen: Seen, labels: Tensor) -> None:
        """Take what the forward and backward passes left."""
        with self._measured():
            targets = self._targets_of(slot)
            samples = map(self._sample, seen.preactivations, self._samples)
            sources = [*samples, *self._running, *self._affine, seen.losses, labels]
            _foreach_copy_(targets.after, sources)
            measured = [*seen.preactivation_gradients, *self._weight_tensors, *seen.gradients]
            targets.norms.copy_(self._norms(measured))
            self._multiply(targets, seen.gradients)

    @torch.no_grad()
    def after_update(self, slot: Slot) -> None:
        """Take the norms of the update's directions, where they are not the gradients."""
        with self._measured():
            optimizer = self._stack.optimizer
            if not optimizer.follows_gradients:
                directions = dict(zip(self._stack.parameters, optimizer.directions, strict=True))
                found = self._norms([directions[name] for name in self._weights])
                self._targets_of(slot).directions.copy_(found)

    def state_dict(self) -> dict[str, Any]:
        """What of one step it needs at the next. Checkpoints keep it."""
        return {"earlier": self.earlier.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        device = next(iter(self._stack.parameters.values())).device
        earlier = state["earlier"]
        kept = {name: tensor.to(device) for name, tensor in earlier["kept"].items()}
        self.earlier.load_state_dict(earlier | {"kept": kept})

    def _multiply(self, targets: _Targets, gradients: Sequence[Tensor]) -> None:
        found = None
        if self.earlier.takes_part:
            of_weights = {name: gradients[at] for name, at in self._weight_places}
            _, found = self.earlier.multiply(of_weights)
        self.earlier.advance()
        if found is not None:
            targets.products.copy_(found)
        elif targets.has_products:
            targets.products.fill_(NOT_GIVEN)
        targets.has_products = found is not None

    def _norms(self, tensors: list[Tensor]) -> Tensor:
        return norms_of_each(tensors) if self._stack.is_stacked else norms(tensors)

    @contextmanager
    def _measured(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - began

    def _plan_layer(self, index: int, layer: Layer) -> LayerPlan:
        """Places: of preactivations' gradients, weights, gradients, products, directions."""
        names, gradients = self._layer_weights[index], list(self._stack.parameters)
        weight_grad = [self._first_gradient + gradients.index(name) for name in names]
        if not self._stack.optimizer.follows_gradients:
            update = [self._first_direction + self._weights.index(name) for name in names]
        else:
            update = weight_grad
        plan = layer.plan()
        shape, unit_axis = plan.shape, plan.unit_axis
        if _is_image(layer):
            shape, unit_axis = (shape[0], *shape[2:], shape[1]), 3
        return replace(
            plan,
            shape=shape,
            unit_axis=unit_axis,
            places=NormPlaces(
                activation_grad=[index],
                weight=[len(self._stack.layers) + self._weights.index(name) for name in names],
                weight_grad=weight_grad,
                update=update,
                product=[self._first_product + self._weights.index(name) for name in names],
            ),
        )

    def _sample(self, preactivation: Tensor, how: tuple[int, bool]) -> Tensor:
        stride, is_image = how
        ordered = preactivation
        if is_image:  # as it lies in memory
            ordered = preactivation.movedim(1 + self._stack.is_stacked, -1)
        if stride == 1:
            return ordered
        return ordered.reshape(len(self._stack.networks), -1)[:, ::stride]

    def _targets_of(self, slot: Slot) -> _Targets:
        key = (slot.stretch.index, slot.index)
        if key not in self._targets:
            self._targets[key] = self._find_targets(slot)
        return self._targets[key]

    def _find_targets(self, slot: Slot) -> _Targets:
        room, at = slot.stretch.stacks[self._index], slot.index
        is_stacked = self._stack.is_stacked

        def of(array: Tensor) -> Tensor:
            return array[at] if is_stacked else array[at, 0]

        samples: list[Tensor] = []
        for slots, plan in zip(room.layers, self.layers, strict=True):
            whole = plan.sampling.stride == 1
            shape = (*slots.sample.shape[1 : 1 + is_stacked], *plan.shape)
            samples.append(of(slots.sample).view(shape) if whole else slots.sample[at])
        running = [of(slots.running) for slots in room.layers if slots.running is not None]
        before = [each[..., part, :] for part in (0, 1) for each in running]
        after = [each[..., part, :] for part in (2, 3) for each in running]
        gammas = [of(slots.gamma) for slots in room.layers if slots.gamma is not None]
        betas = [of(slots.beta) for slots in room.layers if slots.beta is not None]
        room.given[at, :, LR] = self._stack.optimizer.lr
        norms = of(room.norms)
        return _Targets(
            before=before,
            after=[*samples, *after, *gammas, *betas, of(room.given)[..., LOSS], of(room.labels)],
            norms=norms[..., : self._first_product],
            products=norms[..., self._first_product : self._first_direction],
            directions=norms[..., self._first_direction :],
            lr=room.given[at, :, LR],
        )


def _is_image(layer: Layer) -> bool:
    """Whether its preactivation is (examples, channels, height, width)."""
    return len(layer.shape) == 4 and layer.unit_axis == 1
