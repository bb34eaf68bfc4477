"""Inference by the statistics of the batch, which leaves no trace in a network."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def with_batch_statistics(network: nn.Module) -> Iterator[None]:
    """Inference, but for norms over a batch, which take its statistics and keep their running ones.

    Nothing is drawn that moves a random generator. Leaves the network in training mode.
    """
    batch_norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    network.eval()
    for batch_norm in batch_norms:
        batch_norm.train()
        batch_norm.track_running_stats = False
    try:
        yield
    finally:
        for batch_norm in batch_norms:
            batch_norm.track_running_stats = True
        network.train()
