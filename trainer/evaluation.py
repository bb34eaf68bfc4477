"""A network on the whole test set, in inference mode and with batch statistics."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from .devices import cores


@torch.no_grad()
def evaluate(network: nn.Module, images: Tensor, labels: Tensor) -> dict[str, float | None]:
    """Mean cross-entropy (nats) and accuracy (share) on the test set.

    With BatchNorm also the same with batch statistics, the test set being one batch: the
    difference is the gap between training and inference. Running statistics stay untouched.

    Args:
        network: Left in training mode.
        images: (examples, inputs).
        labels: (examples,).
    """
    batch_norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d)]
    with _all_cores():
        network.eval()
        loss, accuracy = _measure(network, images, labels)
        network.train()
        values: dict[str, float | None] = {"test_loss": loss, "test_accuracy": accuracy}
        if batch_norms:
            with _without_running_statistics(batch_norms):
                loss, accuracy = _measure(network, images, labels)
            values |= {
                "test_loss_batch_statistics": loss,
                "test_accuracy_batch_statistics": accuracy,
            }
    return values


def _measure(network: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    logits = network(images)
    # argmax takes NaN for the largest: an example with one is wrong
    right = (logits.argmax(1) == labels) & ~logits.isnan().any(1)
    return functional.cross_entropy(logits, labels).item(), right.sum().item() / len(labels)


@contextmanager
def _all_cores() -> Iterator[None]:
    """The whole test set at once is worth every core; a mini-batch is not."""
    threads = torch.get_num_threads()
    torch.set_num_threads(cores())
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _without_running_statistics(batch_norms: list[nn.BatchNorm1d]) -> Iterator[None]:
    for batch_norm in batch_norms:
        batch_norm.track_running_stats = False
    try:
        yield
    finally:
        for batch_norm in batch_norms:
            batch_norm.track_running_stats = True


def is_due(step: int, every: int, steps: int) -> bool:
    """Evaluate at 0, then at 1, 2, 5, 10, 20, 50 … up to `every`, each `every` steps, and last."""
    if step in (0, steps) or step % every == 0:
        return True
    leading = str(step)
    return step < every and leading[0] in "125" and not leading[1:].strip("0")
