"""Adam in fused calls: Kingma & Ba (2015), arXiv:1412.6980, Algorithm 1."""

from collections.abc import Iterable
from typing import Any

from torch import (  # torch's own names for its fused calls, missing from its type stubs
    Tensor,
    _foreach_add_,  # pyright: ignore[reportPrivateImportUsage]
    _foreach_addcmul_,  # pyright: ignore[reportPrivateImportUsage]
    _foreach_div,  # pyright: ignore[reportPrivateImportUsage]
    _foreach_div_,  # pyright: ignore[reportPrivateImportUsage]
    _foreach_lerp_,  # pyright: ignore[reportPrivateImportUsage]
    _foreach_mul_,  # pyright: ignore[reportPrivateImportUsage]
    _foreach_sqrt,  # pyright: ignore[reportPrivateImportUsage]
    zeros_like,
)

from .descent import Descent


class Adam(Descent):
    """d = m̂ / (√v̂ + ε), then w ← w − lr · d.

    m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ) at step t from 1.
    """

    _remembered = ("_means", "_squares")

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        **others: Any,
    ) -> None:
        """`others`: what every `Descent` takes."""
        super().__init__(parameters, lr, **others)
        self._betas = betas
        self._epsilon = epsilon
        self._means = [zeros_like(parameter) for parameter in self.parameters]
        self._squares = [zeros_like(parameter) for parameter in self.parameters]
        self.follows_gradients = False

    def _direct(self, gradients: list[Tensor], step: int) -> list[Tensor]:
        first, second = self._betas
        _foreach_lerp_(self._means, gradients, 1 - first)
        _foreach_mul_(self._squares, second)
        _foreach_addcmul_(self._squares, gradients, gradients, 1 - second)
        divisors = _foreach_sqrt(self._squares)
        _foreach_div_(divisors, (1 - second**step) ** 0.5)
        _foreach_add_(divisors, self._epsilon)
        _foreach_mul_(divisors, 1 - first**step)
        return list(_foreach_div(self._means, divisors))
