"""One number for all weights: runs that have it in common were trained to the same, to the bit."""

import hashlib
from collections.abc import Sequence

import torch

from .stack import Stack


def fingerprint(stacks: Sequence[Stack]) -> str:
    """SHA-256 over parameters and buffers, by which BatchNorm's running statistics are meant.

    Copies each tensor from its device: to be asked for once, at the end.
    """
    digest = hashlib.sha256()
    for stack in stacks:
        for tensors in (stack.parameters, stack.buffers):
            for name in sorted(tensors):
                flat = tensors[name].detach().cpu().contiguous().view(-1)
                digest.update(flat.view(torch.uint8).numpy().tobytes())  # numpy has no bfloat16
    return digest.hexdigest()
