"""Euclidean norms of many tensors at once, whatever their scale, type and device."""

import torch
from torch import (  # torch's own names for its fused calls, missing from its type stubs
    Tensor,
    _foreach_norm,  # pyright: ignore[reportPrivateImportUsage]
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
