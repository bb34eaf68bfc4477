"""Accuracy: the share of examples whose class is found."""

from torch import Tensor


def share_right(scores: Tensor, labels: Tensor, among: int = 1) -> float:
    """The share of examples whose label is among those of the highest scores.

    Args:
        scores: Logits or probabilities, (examples, classes). An example with a NaN is wrong; of
            equal scores the first class is taken for the higher.
        labels: (examples,).
        among: How many of the highest count; 1 is top-1.
    """
    highest = scores.argsort(dim=1, descending=True, stable=True)[:, :among]
    # NaN counts as the largest
    right = (highest == labels[:, None]).any(1) & ~scores.isnan().any(1)
    return right.sum().item() / len(labels)
