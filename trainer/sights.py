"""What is kept of one module's calls in one step, and how that becomes a sample in the ring."""

import functools
import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .layers import CHANNELS_FIRST, normalization_name
from .plan import LayerPlan
from .sampling import Sampling

MOST_CALLS = 1_024
"""Calls without a gradient that the first step may have."""


_sampling = functools.lru_cache(maxsize=4096)(Sampling)
"""The same objects again, since finding a stride takes a while."""


@dataclass(eq=False)
class Call:
    """One call of a module.

    Attributes:
        kept: Every stride-th element of its output from `start` on, float32.
        shape: Of the output.
        stride: Of the sample; `start` its first element.
        order: Counts what a lens sees; it tells this step's calls from the next one's.
        gradient: Norm of the gradient at the output, once it came.
    """

    kept: Tensor
    shape: tuple[int, ...]
    stride: int
    start: int
    order: int
    gradient: Tensor | None = None


@dataclass(eq=False)
class Sight:
    """One module that is looked at.

    A call counts once a gradient came back to it: what is only evaluated is not training. Where no
    gradient ever comes, as in frozen layers at the input, the latest calls count.

    Attributes:
        path: The module's.
        plan: Of its layer, once that is known.
        calls: Of the current step, as far as they count.
        running: Its running mean and variance before the latest call, then after it.
        is_fresh: Whether `running` is of this step.
        affine: Its γ and β as they were before the latest update, by `affine_names`.
    """

    path: str
    module: nn.Module
    plan: LayerPlan | None = None
    calls: list[Call] = field(default_factory=list)
    running: list[Tensor] = field(default_factory=list)
    is_fresh: bool = False
    affine: dict[str, Tensor] = field(default_factory=dict)
    is_left: bool = False
    """Whether it is no layer of its own, but a part of one or nothing at all."""
    sampling: Sampling | None = None
    """The plan's."""
    _issued: int = 0
    """Elements of the outputs of this step so far, counted or not."""

    @property
    def knows_batch(self) -> bool:
        """Whether `running` tells what this step's batch did to the running statistics."""
        assert self.plan is not None
        now = getattr(self.module, "momentum", None) or 0.0
        return self.is_fresh and now == self.plan.momentum

    @property
    def affine_names(self) -> list[str]:
        """Names of the parameters by which a normalization scales and shifts."""
        if self.plan is not None:
            return ["weight"] * self.plan.gamma + ["bias"] * self.plan.beta
        if normalization_name(self.module) == "none":
            return []
        return [name for name in ("weight", "bias") if getattr(self.module, name, None) is not None]

    def settle(self, plan: LayerPlan) -> None:
        """From now on the plan is known."""
        self.plan, self.sampling = plan, plan.sampling

    def take(self, tensor: Tensor, order: int) -> Call:
        """Copy what is kept of an output."""
        shape, start = tuple(tensor.shape), 0
        if self.sampling is None or self.plan is None or self.plan.calls == 1:
            stride = _sampling(shape, self._axis(shape)).stride
        else:  # the calls of a step are one array
            stride = self.sampling.stride
            start = -self._issued % stride
        self._issued += tensor.numel()
        kept = tensor.detach().reshape(-1)[start::stride].to(torch.float32, copy=True)
        return Call(kept, shape, stride, start, order)

    def count(self, call: Call) -> None:
        """A call belongs to the step; of those without gradients as many as a step has."""
        self.calls.append(call)
        if call.gradient is None:
            del self.calls[: -(self.plan.calls if self.plan is not None else MOST_CALLS)]

    def drop(self, before: int) -> None:
        """Forget the calls before an order: they came to nothing."""
        self.calls = [call for call in self.calls if call.order >= before]

    def forget(self, before: int) -> None:
        """Forget the calls before an order: their step is over."""
        self.drop(before)
        self.is_fresh, self._issued = False, 0

    def sample(self, before: int, capacity: int) -> tuple[Sampling, list[Tensor]]:
        """What the calls before an order hold together, and the pieces that it is made of.

        Args:
            before: The order.
            capacity: Elements that there is room for.
        """
        assert self.plan is not None
        calls = sorted((c for c in self.calls if c.order < before), key=lambda call: call.order)
        if not calls or capacity == 0:
            return _sampling((0, self.plan.shape[self.plan.unit_axis]), 1), []
        stride = max(call.stride for call in calls)
        pieces = [call.kept[:: stride // call.stride] for call in calls]
        shape, axis = self._together([call.shape for call in calls])
        done = 0
        for call in calls:  # units are known where the pieces are one array's every stride-th
            if call.stride != stride or call.start != -done % stride:
                axis = None
            done += math.prod(call.shape)
        size = sum(len(piece) for piece in pieces)
        if size > capacity:  # larger than the first step: thinner, so that it fits
            thinner = -(-size // capacity)
            units = _sampling(shape, axis, 1)
            while math.gcd(thinner, units.units * units.after_units) > 1:
                thinner += 1
            pieces, stride = [torch.cat(pieces)[::thinner]], stride * thinner
        if axis is None:
            shape = (sum(len(piece) for piece in pieces),)
            return Sampling(shape, None, 1), pieces
        natural = _sampling(shape, axis)
        return (natural if natural.stride == stride else _sampling(shape, axis, stride)), pieces

    def gradients(self, before: int) -> list[Tensor]:
        """Norms of the gradients at the outputs of the calls before an order."""
        return [c.gradient for c in self.calls if c.gradient is not None and c.order < before]

    def _axis(self, shape: tuple[int, ...]) -> int:
        """The axis of units in an output of this shape; the last where the planned one is not."""
        if self.plan is None:
            planned = 1 if isinstance(self.module, CHANNELS_FIRST) else len(shape)
        else:
            planned = self.plan.unit_axis
        return planned if planned < len(shape) else len(shape) - 1

    def _together(self, shapes: list[tuple[int, ...]]) -> tuple[tuple[int, ...], int | None]:
        """The shape of several outputs, one behind the other, and its axis of units."""
        assert self.plan is not None
        shape, axis = shapes[0], self._axis(shapes[0])
        if len(shapes) == 1 and self.plan.calls == 1:
            return shape, axis
        if all(other == shape for other in shapes):
            return (len(shapes), *shape), axis + 1
        units = shape[-1]
        if axis == len(shape) - 1 and all(other[-1:] == (units,) for other in shapes):
            return (sum(math.prod(other) for other in shapes) // max(1, units), units), 1
        if axis > 0 and all(other[1:] == shape[1:] for other in shapes):
            return (sum(other[0] for other in shapes), *shape[1:]), axis
        return (sum(math.prod(other) for other in shapes),), None
