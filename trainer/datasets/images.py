"""What every dataset is once it is in memory."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from ...db.errors import DatasetProblem


@dataclass(frozen=True)
class Images:
    """A dataset of gray images.

    Attributes:
        train_images: uint8, (examples, height, width).
        train_labels: int64, (examples,), from 0 to `classes` − 1.
        test_images: uint8, (examples, height, width).
        test_labels: int64, (examples,).
        classes: Number of classes.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    classes: int = 10

    def thinned(self, examples: int) -> Self:
        """With so many training examples, at equal distances, so that no class is left out.

        Raises:
            DatasetProblem: There are not as many.
        """
        count = len(self.train_images)
        if examples > count:
            raise DatasetProblem(
                f"The training set has {count:,} examples, got train_examples={examples}; choose "
                "fewer, or leave it empty for all."
            )
        chosen = np.arange(examples) * count // examples
        return replace(
            self, train_images=self.train_images[chosen], train_labels=self.train_labels[chosen]
        )
