"""Random numbers that belong to a network: of a key, a step and a place, whatever else is drawn.

A generator that several networks share would make their numbers depend on who comes first. Here
each number is a hash (SplitMix64's, Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195) of its
key, its step and its place, so that it is the same alone, in a stack and at a second try.
"""

import math

import torch
from torch import Tensor

APART = 2**40
"""Between the keys of one kind of noise and those of the next: norms, dropout, weights."""
_GOLDEN = 0x9E3779B97F4A7C15 - 2**64  # as int64 has them: products wrap around
_FIRST = 0xBF58476D1CE4E5B9 - 2**64
_SECOND = 0x94D049BB133111EB - 2**64


def uniform(shape: tuple[int, ...], key: Tensor, step: Tensor) -> Tensor:
    """float32 in [0, 1), of this shape; `key` and `step` are int64 scalars."""
    places = torch.arange(math.prod(shape), device=key.device).view(shape)
    bits = _mix(_mix(_mix(key) + step) + places)
    return _shifted(bits, 40).float() / 2**24


def normal(shape: tuple[int, ...], key: Tensor, step: Tensor) -> Tensor:
    """float32 of the standard normal distribution, by Box & Muller's formula."""
    u, v = uniform((2, *shape), key, step).unbind(0)
    return (-2 * torch.log1p(-u)).sqrt() * torch.cos(2 * math.pi * v)


def _mix(state: Tensor) -> Tensor:
    """SplitMix64: the next state, and its bits stirred."""
    z = state + _GOLDEN
    z = (z ^ _shifted(z, 30)) * _FIRST
    z = (z ^ _shifted(z, 27)) * _SECOND
    return z ^ _shifted(z, 31)


def _shifted(bits: Tensor, by: int) -> Tensor:
    """To the right, zeros coming in from the left, where int64 would bring copies of its sign."""
    return (bits >> by) & ((1 << (64 - by)) - 1)
