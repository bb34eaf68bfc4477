"""Dropout (Srivastava et al. 2014), whose masks belong to a seed, a layer and a step."""

import torch
from torch import Tensor, nn

from ..norms.hashed_noise import uniform


class Dropout(nn.Module):
    """In training sets each value to 0 with probability p, and divides the others by 1 − p.

    The same shape comes out as goes in. Unlike `torch.nn.Dropout` it draws from no generator that
    networks share, but a hash of its key and the number of its forward passes (`hashed_noise.py`).

    Attributes:
        p: The share that is dropped.
        key: int64, a buffer: what sets it apart from everything else that draws.
        passes: int64, a buffer: forward passes in training so far.
    """

    key: Tensor
    passes: Tensor

    def __init__(self, p: float, key: int) -> None:
        super().__init__()
        self.p = p
        self.register_buffer("key", torch.tensor(key))
        self.register_buffer("passes", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        """In inference x as it is."""
        if not self.training:
            return x
        self.passes.add_(1)
        kept = uniform(tuple(x.shape), self.key, self.passes) >= self.p
        return x * (kept.to(x.dtype) / (1 - self.p))

    def extra_repr(self) -> str:
        """p, as torch's own says it."""
        return f"p={self.p}"
