"""Statistics for inference as the paper's Algorithm 2 has them, in place of moving averages."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def take_averages(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set every BatchNorm's running statistics to averages over mini-batches.

    E[x] = E_B[μ_B] and Var[x] = m/(m−1) · E_B[σ²_B], over T batches of one size m; the network
    processes them as in training, its weights as they are. A single batch of the whole training set
    is the population pass. `whitening` and `iternorm` average W likewise.

    Args:
        network: With BatchNorm, PyTorch's or ours; left in the mode that it was in.
        batches: T inputs (m, …), on the network's device.

    Raises:
        ValueError: There is no batch, or no BatchNorm that has running statistics.
    """
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    if not norms:
        raise ValueError("The network has no BatchNorm with running statistics to set.")
    momenta, modes = [norm.momentum for norm in norms], [(m, m.training) for m in network.modules()]
    drawn = iter(batches)
    first = next(drawn, None)
    if first is None:
        raise ValueError("There is nothing to average over: give at least one batch.")
    network.train()
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # PyTorch's sign for the average over all batches
        network(first)
        for batch in drawn:
            network(batch)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for module, was_training in modes:
            module.training = was_training
