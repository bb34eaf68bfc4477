"""The weights' gradients of one record in ten, to multiply those of the next record with."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from .euclidean import products

EVERY = 10
"""Records from one pair to the next: keeping gradients at each would cost the loop over a tenth."""


class EarlierGradients:
    """Inner products of consecutive records' gradients, from which `gradient_signal.py` follows.

    Of every `EVERY` records the first one's gradients are kept, the second's multiplied with them,
    and then they are let go. Its state is how many records were, and what is kept by name.
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
        self._records = 0
        self._kept: dict[str, Tensor] = {}

    @property
    def takes_part(self) -> bool:
        """Whether the current record is one of a pair."""
        return self._records % EVERY < 2

    @torch.no_grad()
    def multiply(self, gradients: Mapping[str, Tensor]) -> tuple[list[str], Tensor | None]:
        """The names that have a product at the current record, and the products; None if no name.

        Of a pair's first record there are none, nor where a gradient is not like the one before.
        May be called several times at a record, with gradients of different names.
        """
        if self._records % EVERY == 0:
            self._kept |= {n: g.clone() if self._copies else g for n, g in gradients.items()}
        if self._records % EVERY != 1:
            return [], None
        kept = self._kept
        names = [n for n, now in gradients.items() if n in kept and _alike(kept[n], now)]
        if not names:
            return [], None
        return names, self._multiply([gradients[n] for n in names], [kept[n] for n in names])

    def advance(self) -> None:
        """The current record is over."""
        if self._records % EVERY == 1:
            self._kept = {}
        self._records += 1

    def state_dict(self) -> dict[str, Any]:
        """How many records were, and the gradients that are kept."""
        return {"records": self._records, "kept": dict(self._kept)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self._records = int(state["records"])
        self._kept = {name: tensor.clone() for name, tensor in state["kept"].items()}


def _alike(one: Tensor, other: Tensor) -> bool:
    return (one.shape, one.dtype, one.device) == (other.shape, other.dtype, other.device)
