"""The weights' gradients of the record before, to multiply those of the next one with."""

from collections.abc import Callable, Mapping

import torch
from torch import (  # torch's own names for its fused calls, missing from its type stubs
    Tensor,
    _foreach_copy_,  # pyright: ignore[reportPrivateImportUsage]
)

from .euclidean import products


class EarlierGradients:
    """Inner products of consecutive records' gradients, from which `gradient_signal.py` follows.

    Its state is the gradients of the latest record, by the name of their weight.
    """

    def __init__(
        self,
        multiply: Callable[[list[Tensor], list[Tensor]], Tensor] = products,
        *,
        copies: bool,
    ) -> None:
        """Args:
        multiply: Gives the inner products of pairs.
        copies: Whether the next step writes into the tensors that this one gave.
        """
        self._multiply = multiply
        self._copies = copies
        self._earlier: dict[str, Tensor] = {}

    @torch.no_grad()
    def multiply(self, gradients: Mapping[str, Tensor]) -> tuple[list[str], Tensor | None]:
        """The names that have a product, and the products; then these gradients are the earlier.

        A name has none at its first record, or when its gradient is not like the one before.
        """
        earlier = self._earlier
        names = [n for n, now in gradients.items() if n in earlier and _alike(earlier[n], now)]
        found = None
        if names:
            found = self._multiply([gradients[n] for n in names], [earlier[n] for n in names])
        if not self._copies:
            earlier.update(gradients)
            return names, found
        for name in gradients.keys() - set(names):
            earlier[name] = torch.empty_like(gradients[name])
        if gradients:
            _foreach_copy_([earlier[name] for name in gradients], list(gradients.values()))
        return names, found

    def state_dict(self) -> dict[str, Tensor]:
        """The gradients of the latest record, by name."""
        return dict(self._earlier)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state_dict` gave."""
        self._earlier = {name: tensor.clone() for name, tensor in state.items()}


def _alike(one: Tensor, other: Tensor) -> bool:
    return (one.shape, one.dtype, one.device) == (other.shape, other.dtype, other.device)
