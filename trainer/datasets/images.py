"""What every dataset is once it is in memory."""

from dataclasses import dataclass

import numpy as np


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
