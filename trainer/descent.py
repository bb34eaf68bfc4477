"""What optimizers share: weight decay, the learning rate's schedule, and one fused update."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import torch
from torch import (  # torch's own names for its fused calls, missing from its type stubs
    Tensor,
    _foreach_add,  # pyright: ignore[reportPrivateImportUsage]
    _foreach_add_,  # pyright: ignore[reportPrivateImportUsage]
)


def constant(step: int) -> float:
    """The schedule of a learning rate that stays as it is."""
    return 1.0


class Descent:
    """w ← w − lr · d; a subclass says what d makes of the gradients.

    Attributes:
        parameters: What it updates.
        directions: d of each parameter in the latest step.
        follows_gradients: Whether d is always the gradient itself.
    """

    _remembered: ClassVar[tuple[str, ...]] = ()
    """Names of its lists of tensors, one a parameter, that last from step to step."""

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        *,
        weight_decay: float = 0.0,
        decayed: Sequence[int] | None = None,
        schedule: Callable[[int], float] = constant,
    ) -> None:
        """Args:
        parameters: What it updates.
        lr: The learning rate.
        weight_decay: λ: the gradient of each decayed w is g + λw (L2, coupled).
        decayed: Which parameters decay, by place; None: those with two axes or more.
        schedule: By steps done so far, the factor of the learning rate.
        """
        self.parameters = list(parameters)
        self.directions: list[Tensor] = []
        self.follows_gradients = weight_decay == 0
        self._lr = lr
        self._schedule = schedule
        self._weight_decay = weight_decay
        if decayed is None:
            decayed = [at for at, p in enumerate(self.parameters) if p.ndim > 1]
        self._decayed = list(decayed) if weight_decay else []
        self._steps = 0

    @property
    def is_constant(self) -> bool:
        """Whether every step has the same learning rate."""
        return self._schedule is constant

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return self._lr * self._schedule(self._steps)

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Update every parameter by its gradient g."""
        lr = self.lr
        self._steps += 1
        self.directions = self._direct(self._decay(list(gradients)), self._steps)
        _foreach_add_(self.parameters, self.directions, alpha=-lr)

    def state_dict(self) -> dict[str, Any]:
        """Steps so far, and what lasts from step to step."""
        return {"steps": self._steps} | {
            name: [tensor.clone() for tensor in getattr(self, name)] for name in self._remembered
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._steps = state["steps"]
        for name in self._remembered:
            tensors = zip(state[name], self.parameters, strict=bool(state[name]))
            setattr(self, name, [tensor.to(like.device).clone() for tensor, like in tensors])

    def _direct(self, gradients: list[Tensor], step: int) -> list[Tensor]:
        """d of each parameter; steps count from 1."""
        raise NotImplementedError

    def _decay(self, gradients: list[Tensor]) -> list[Tensor]:
        if self._decayed:
            added = _foreach_add(
                [gradients[at] for at in self._decayed],
                [self.parameters[at] for at in self._decayed],
                alpha=self._weight_decay,
            )
            for at, gradient in zip(self._decayed, added, strict=True):
                gradients[at] = gradient
        return gradients
