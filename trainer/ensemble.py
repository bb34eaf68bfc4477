"""An ensemble: networks that predict together, by the arithmetic mean of their class probabilities.

Ioffe & Szegedy (2015), arXiv:1502.03167, §4.2.3.
"""

from torch import Tensor

from .accuracy import share_right

AMONG = 2
"""Top-2 stands in for the paper's top-5: most datasets here have ten classes."""


class Ensemble:
    """The mean of what networks give for the same examples, one network after the other.

    Where a member's output is not finite the mean is NaN, and that example counts as wrong: a
    member that diverged leaves an ensemble that is right nowhere.
    """

    def __init__(self) -> None:
        self._sum: Tensor | None = None
        self._members = 0

    def add(self, logits: Tensor) -> None:
        """A network's logits, (examples, classes)."""
        probabilities = logits.softmax(1)
        self._sum = probabilities if self._sum is None else self._sum + probabilities
        self._members += 1

    def measure(self, labels: Tensor) -> dict[str, float | int]:
        """A row of `ensemble_records`; `labels` are (examples,).

        Raises:
            ValueError: No network was added.
        """
        if self._sum is None:
            raise ValueError("An ensemble has at least one network; add its logits first.")
        mean = self._sum / self._members
        return {
            "members": self._members,
            "test_accuracy": share_right(mean, labels),
            "test_top_2": share_right(mean, labels, AMONG),
        }
