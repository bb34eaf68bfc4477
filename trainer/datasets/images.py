"""What every dataset is once it is in memory."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from ...db.errors import DatasetProblem
from ..evenly import evenly_spaced

LUMA = np.array([19_595, 38_470, 7_471], np.uint32)
"""ITU-R BT.601's weights of red, green and blue, times 2¹⁶, as Pillow has them."""
CHUNK = 1000


@dataclass(frozen=True)
class Images:
    """A dataset of images, gray or in colour.

    Attributes:
        train_images: uint8, (examples, height, width), or (examples, height, width, channels).
        train_labels: int64, (examples,), from 0 to `classes` − 1.
        test_images: uint8, as the training images.
        test_labels: int64, (examples,).
        classes: Number of classes.
        class_names: By label, or () where the labels are the names.
        note: What a person should know of them, such as which files were left out; or "".
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    classes: int = 10
    class_names: tuple[str, ...] = ()
    note: str = ""

    def in_gray(self) -> "Images":
        """The same with one channel: the luma of each pixel."""
        if self.train_images.ndim == 3:
            return self
        return replace(
            self, train_images=_luma(self.train_images), test_images=_luma(self.test_images)
        )

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
        chosen = evenly_spaced(examples, count)
        return replace(
            self, train_images=self.train_images[chosen], train_labels=self.train_labels[chosen]
        )


def _luma(images: np.ndarray) -> np.ndarray:
    gray = np.empty(images.shape[:3], np.uint8)
    for start in range(0, len(images), CHUNK):
        chunk = images[start : start + CHUNK].astype(np.uint32)
        gray[start : start + CHUNK] = (chunk @ LUMA + 0x8000) >> 16
    return gray
