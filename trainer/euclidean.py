"""Euclidean norms and inner products of many tensors at once, whatever their scale and device."""

import torch
from torch import (  # torch's own names for its fused calls, missing from its type stubs
    Tensor,
    _foreach_add,  # pyright: ignore[reportPrivateImportUsage]
    _foreach_norm,  # pyright: ignore[reportPrivateImportUsage]
    _foreach_sub,  # pyright: ignore[reportPrivateImportUsage]
)

TINY, HUGE = 1e-12, 1e15
"""Norms outside these bounds are computed again in float64: float32 squares may have been lost."""


def norms(tensors: list[Tensor]) -> Tensor:
    """The Euclidean norm of each tensor, (len(tensors),), on the first one's device.

    Squares of float32 below 1e-22 or above 1e19 underflow or overflow. On the CPU that is seen and
    mended; elsewhere a look would wait for the device, so float64 is used throughout.

    Args:
        tensors: At least one, of any scale and type, on any devices.
    """
    device = tensors[0].device
    if any(tensor.device != device for tensor in tensors):  # a model spread over devices
        return torch.stack([norms([tensor])[0].to(device) for tensor in tensors])
    if device.type == "mps":  # has no float64
        return torch.stack(_foreach_norm(tensors, 2, torch.float32))
    if device.type != "cpu":
        return torch.stack(_foreach_norm(tensors, 2, torch.float64))
    is_half = any(tensor.itemsize < 4 for tensor in tensors)
    found = torch.stack(_foreach_norm(tensors, 2, torch.float32 if is_half else None))
    unsure = [at for at, value in enumerate(found.tolist()) if not TINY < value < HUGE]
    if not unsure:
        return found
    found = found.double()
    found[unsure] = torch.stack(_foreach_norm([tensors[at] for at in unsure], 2, torch.float64))
    return found


def norms_of_each(tensors: list[Tensor]) -> Tensor:
    """The same for tensors of several networks, (networks, …) each: (networks, len(tensors))."""
    precise = None if tensors[0].device.type == "mps" else torch.float64
    flat = [tensor.flatten(1) for tensor in tensors]
    return torch.stack([torch.linalg.vector_norm(t, dim=1, dtype=precise) for t in flat], dim=1)


def products(ones: list[Tensor], others: list[Tensor]) -> Tensor:
    """The inner product of each tensor with another one that is like it, (len(ones),).

    What `norms` says of scales and devices holds here, too.

    Args:
        ones: At least one.
        others: As many, each of the shape, type and device of its counterpart.
    """
    device = ones[0].device
    if any([tensor.device != device for tensor in ones]):
        pairs = zip(ones, others, strict=True)
        return torch.stack([products([a], [b])[0].to(device) for a, b in pairs])
    if any([tensor.itemsize < 4 for tensor in ones]):
        ones, others = [a.float() for a in ones], [b.float() for b in others]
    if device.type != "cpu":
        added, taken = _foreach_add(ones, others), _foreach_sub(ones, others)
        return _from_norms(norms(list(added)), norms(list(taken)))
    pairs = [_flat(a, b) for a, b in zip(ones, others, strict=True)]
    found = torch.stack([torch.dot(a, b) for a, b in pairs])
    bounds = TINY**2, HUGE**2
    unsure = [at for at, dot in enumerate(found.tolist()) if not bounds[0] < abs(dot) < bounds[1]]
    if not unsure:
        return found
    found = found.double()
    for at in unsure:
        found[at] = torch.dot(*(vector.double() for vector in pairs[at]))
    return found


def products_of_each(ones: list[Tensor], others: list[Tensor]) -> Tensor:
    """The same for tensors of several networks, (networks, …) each: (networks, len(ones))."""
    added, taken = _foreach_add(ones, others), _foreach_sub(ones, others)
    return _from_norms(norms_of_each(list(added)), norms_of_each(list(taken)))


def _from_norms(of_sums: Tensor, of_differences: Tensor) -> Tensor:
    """⟨a, b⟩ = (‖a + b‖² − ‖a − b‖²) / 4: on a GPU a few launches for any number of tensors."""
    return (of_sums.square() - of_differences.square()) / 4


def _flat(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Both as vectors, with their elements in the same order; views, if that can be."""
    if one.is_contiguous() and other.is_contiguous():
        return one.view(-1), other.view(-1)
    if one.stride() == other.stride():
        by_stride = sorted(range(one.ndim), key=one.stride, reverse=True)
        one, other = one.permute(by_stride), other.permute(by_stride)
    return one.reshape(-1), other.reshape(-1)
