"""The handwritten digits that ship with scikit-learn, upsampled to 28×28: always there offline.

1,797 images of 8×8 with 17 gray levels (UCI ML hand-written digits, test part); the first 1,437
(80 %) train and the last 360 test, as in scikit-learn's own examples. The writers of the two
parts differ in part, so the test accuracy is lower than after a shuffle.
"""

import numpy as np
from sklearn.datasets import load_digits

from .images import Images

TRAINING = 1_437
SIDE = 28


def load() -> Images:
    """The digits as 28×28 images with values from 0 to 255, by bilinear interpolation."""
    pixels, target = load_digits(return_X_y=True)
    images = _upsample(np.asarray(pixels, np.float64).reshape(-1, 8, 8) * (255 / 16))
    labels = np.asarray(target, np.int64)
    return Images(images[:TRAINING], labels[:TRAINING], images[TRAINING:], labels[TRAINING:])


def _upsample(images: np.ndarray) -> np.ndarray:
    """Bilinear interpolation of (n, 8, 8) to uint8 (n, 28, 28), pixel centres aligned."""
    side = images.shape[1]
    at = np.clip((np.arange(SIDE) + 0.5) * side / SIDE - 0.5, 0, side - 1)
    low = np.minimum(at.astype(int), side - 2)
    weight = at - low
    # (28, 8): each row mixes the two nearest source pixels
    mix = np.zeros((SIDE, side))
    mix[np.arange(SIDE), low] = 1 - weight
    mix[np.arange(SIDE), low + 1] += weight
    return np.rint(mix @ images @ mix.T).astype(np.uint8)
